/** Results into a file: JSON lines or CSV; complete or not there at all, or appended to what is there. */
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { options as checkOptions, outOfRange, positiveInteger, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { appendPoint, finishedHeader, openForAppend } from './append_target.js';
import { cellText, csvRow } from './csv_row.js';
import { TemporaryFile } from './temporary_file.js';

/** How a file of results is written. */
export interface FileWriterOptions {
  /** Default: `csv` when the name ends so, else `jsonl`. */
  format?: 'jsonl' | 'csv' | undefined;
  /**
   * `false` (default): a temporary file beside the target takes its name, synced to disk, at `close()`; until then, and for
   * good when that never comes, the target is as it was. `true`: rows go to the end of the target, synced at each `flush`
   * and `close`; a last row that was never finished, left by a crash, is cut off first.
   */
  append?: boolean | undefined;
  /**
   * Columns of a CSV file; members of a result that are not among them are left out. Default: every member of the results
   * of the first batch (appending: the header that is there); a later result with another member is then refused.
   */
  columns?: readonly string[] | undefined;
  /** Results written to the file at a time. Default 100. */
  batchSize?: number | undefined;
}

/** Files that writers of this thread append to, by device and inode: two would overwrite each other's rows. */
const appending = new Set<string>();

type Row = ReadonlyMap<string, string>;
type Line = string | Row;

/** Figures of a file writer. */
export interface FileWriterStats {
  itemsWritten: number;
  itemsBuffered: number;
  flushes: number;
  errors: number;
  /** Bytes written to the file by this writer. */
  bytesWritten: number;
}

/**
 * Writes results, in the order of the `write` calls, to a file. Make one with `ResultWriter.toFile(path)`.
 *
 * A file that cannot be written makes the call reject with `AiEvalsError` `ERR_STORAGE`; what was accepted is kept and tried
 * again by the next call. Memory: the results of one batch, or of all calls that were not awaited.
 */
export class FileResultWriter<T> {
  #target: string;
  readonly #csv: boolean;
  readonly #append: boolean;
  readonly #batchSize: number;
  /** The columns the caller chose. */
  readonly #chosen: readonly string[] | undefined;
  /** The columns of the file, once they are known. */
  #columns: readonly string[] | undefined;
  #peeked = false;
  #file: FileHandle | undefined;
  #temporary: TemporaryFile | undefined;
  #position = 0;
  /** Whether a CSV file has no header yet. */
  #headerDue = true;
  /** The line end that is missing behind the last row that is there. */
  #lineEnd = '';
  /** Whether a write failed, so that a part of it may be behind {@link #position}. */
  #torn = false;
  /** What {@link appending} holds for this writer. */
  #identity: string | undefined;
  /** Accepted and not yet in the file: JSON lines as text, CSV rows as the text of each member. */
  #lines: Line[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #state: 'open' | 'complete' | 'closed' | 'aborted' = 'open';
  #closing: Promise<void> | undefined;
  #written = 0;
  #flushes = 0;
  #errors = 0;
  #bytes = 0;

  constructor(path: string | URL, options?: FileWriterOptions) {
    const given = checkOptions('options', options);
    const isUrl = Object.prototype.toString.call(path) === '[object URL]';
    if (!isUrl && (typeof path !== 'string' || path === '')) wrongType('path', 'the path or file URL of a file', path);
    this.#target = resolve(isUrl ? fileURLToPath(path as URL) : (path as string));
    const format = given.format === undefined ? this.#formatOfName() : given.format;
    if (format !== 'jsonl' && format !== 'csv') outOfRange('format', "'jsonl' or 'csv'", format);
    this.#csv = format === 'csv';
    const { append, columns, batchSize } = given;
    if (append !== undefined && typeof append !== 'boolean') wrongType('append', 'a boolean', append);
    this.#append = append ?? false;
    if (columns !== undefined && !(Array.isArray(columns) && columns.every((name) => typeof name === 'string'))) {
      wrongType('columns', 'an array of strings', columns);
    }
    if (columns && (columns.length === 0 || new Set(columns).size < columns.length)) {
      outOfRange('columns', 'at least one name, and none twice', columns);
    }
    this.#chosen = columns && [...columns];
    this.#columns = this.#chosen;
    this.#batchSize = positiveInteger('batchSize', batchSize === undefined ? 100 : batchSize);
  }

  /** Accepts `result`; resolves once the batch it completed, if it did, is in the file. */
  async write(result: T): Promise<void> {
    this.#accept([result]);
    if (this.#lines.length >= this.#batchSize) await this.#attempt(() => this.#writeLines());
  }

  /** Accepts all `results`, in order. */
  async writeMany(results: Iterable<T>): Promise<void> {
    this.#accept(results);
    if (this.#lines.length >= this.#batchSize) await this.#attempt(() => this.#writeLines());
  }

  /** Puts everything accepted so far into the file and syncs it to disk. */
  async flush(): Promise<void> {
    this.#checkOpen('flush');
    await this.#attempt(async () => {
      await this.#writeLines();
      await this.#file?.sync();
    });
  }

  /**
   * Finishes the file: everything accepted is in it, on disk, under its name (an empty file when there was nothing). After a
   * failure it can be called again. Once closed, `write` and `flush` reject with `ERR_CLOSED`.
   */
  close(): Promise<void> {
    if (this.#state === 'aborted') return Promise.resolve();
    this.#closing ??= this.#attempt(() => this.#finish()).catch((error: unknown) => {
      this.#closing = undefined;
      throw error;
    });
    return this.#closing;
  }

  /**
   * Gives up: the temporary file is removed, the target is as it was (appending: as far as whole batches were written).
   * A `close()` that was called before is waited for; when it succeeds the file is there and nothing is given up.
   */
  async abort(): Promise<void> {
    await this.#closing?.catch(() => {});
    if (this.#state === 'closed' || this.#state === 'aborted') return;
    this.#state = 'aborted';
    await this.#turn;
    this.#lines = [];
    if (this.#append && this.#torn) await this.#file?.truncate(this.#position).catch(() => {});
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
    this.#leave();
    await this.#temporary?.remove();
  }

  /** The same as {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Figures of this moment. */
  getStats(): FileWriterStats {
    return {
      itemsWritten: this.#written,
      itemsBuffered: this.#lines.length,
      flushes: this.#flushes,
      errors: this.#errors,
      bytesWritten: this.#bytes,
    };
  }

  #accept(results: Iterable<T>): void {
    this.#checkOpen('write');
    if (typeof results !== 'object' || results === null || !(Symbol.iterator in results)) {
      wrongType('results', 'an iterable of results', results);
    }
    // All or none: a result that has no text must not leave half of a call behind.
    const lines: Line[] = [];
    for (const result of results) lines.push(this.#line(result));
    this.#peekColumns();
    for (const line of lines) this.#checkMembers(line);
    for (const line of lines) this.#lines.push(line);
  }

  #checkOpen(what: string): void {
    if (this.#state === 'open' && !this.#closing) return;
    throw new AiEvalsError('ERR_CLOSED', `${what}: the writer of ${this.#target} was closed`);
  }

  #line(result: T): Line {
    if (!this.#csv) {
      const text = JSON.stringify(result);
      return text === undefined ? wrongType('result', 'a value with a JSON form', result) : `${text}\n`;
    }
    if (typeof result !== 'object' || result === null) wrongType('result', 'an object, to be a CSV row', result);
    return new Map(Object.entries(result).map(([name, value]) => [name, cellText(value)]));
  }

  #formatOfName(): 'jsonl' | 'csv' {
    return this.#target.toLowerCase().endsWith('.csv') ? 'csv' : 'jsonl';
  }

  /** Before the first row is accepted: the columns of the file that is appended to, so that a row without place is refused. */
  #peekColumns(): void {
    if (!this.#csv || !this.#append || this.#peeked) return;
    const header = finishedHeader(this.#target);
    if (header) this.#useHeader(header);
    this.#peeked = true;
  }

  #useHeader(header: readonly string[]): void {
    const missing = this.#chosen?.find((name) => !header.includes(name));
    if (missing !== undefined) {
      const reason = `its header has no column ${JSON.stringify(missing)}, which is one of columns`;
      throw new AiEvalsError('ERR_STORAGE', `${this.#target} cannot be appended to: ${reason}`);
    }
    this.#columns = header;
  }

  /** Refuses a row with a member that has no column, unless the caller chose the columns. An empty cell is no loss. */
  #checkMembers(line: Line): void {
    const columns = this.#columns;
    if (typeof line === 'string' || this.#chosen || !columns) return;
    for (const [name, text] of line) {
      if (text === '' || columns.includes(name)) continue;
      const reason = `the header is written and has no column for the member ${JSON.stringify(name)} of this result`;
      const advice = 'pass `columns` with the names of all members to write, to a new file';
      throw new AiEvalsError('ERR_STORAGE', `${this.#target}: ${reason}; ${advice}`);
    }
  }

  #attempt(work: () => Promise<void>): Promise<void> {
    const attempt = this.#turn.then(async () => {
      try {
        await work();
      } catch (error) {
        this.#errors += 1;
        // It says already which file, and what to do about it.
        if (error instanceof AiEvalsError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new AiEvalsError('ERR_STORAGE', `${this.#target} could not be written: ${reason}`, { cause: error });
      }
    });
    this.#turn = attempt.catch(() => {});
    return attempt;
  }

  async #writeLines(): Promise<void> {
    if (this.#lines.length === 0) return;
    const file = await this.#opened();
    while (this.#lines.length > 0) {
      const count = Math.min(this.#lines.length, Math.max(this.#batchSize, 1000));
      const lines = this.#lines.slice(0, count);
      await this.#writeText(file, this.#csv ? this.#csvText(lines as Row[]) : lines.join(''));
      this.#headerDue = false;
      this.#lines.splice(0, count);
      this.#written += count;
      this.#flushes += 1;
    }
  }

  #csvText(rows: readonly Row[]): string {
    this.#columns ??= this.#columnsOfLines();
    const columns = this.#columns;
    const header = this.#headerDue ? csvRow(columns) : '';
    return header + rows.map((row) => csvRow(columns.map((column) => row.get(column) ?? ''))).join('');
  }

  /** Of all rows that wait, not only of those of a batch: every one of them was accepted. */
  #columnsOfLines(): string[] {
    return [...new Set((this.#lines as Row[]).flatMap((row) => [...row.keys()]))];
  }

  /** Writes at the known end, so that a retry after half a write overwrites it. */
  async #writeText(file: FileHandle, text: string): Promise<void> {
    if (this.#append && !this.#torn && (await file.stat()).size > this.#position) {
      throw new Error('another process wrote to it since it was opened; give each its own file');
    }
    const bytes = Buffer.from(this.#lineEnd + text);
    this.#torn = true;
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, this.#position + at);
      at += bytesWritten;
    }
    this.#torn = false;
    this.#lineEnd = '';
    this.#position += bytes.length;
    this.#bytes += bytes.length;
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    // Found out now, not after everything was written.
    const there = await fileAt(this.#target);
    if (this.#append) {
      const file = await openForAppend(this.#target);
      try {
        await this.#enter(file);
        await this.#findEnd(file);
      } catch (error) {
        this.#leave();
        await file.close().catch(() => {});
        throw error;
      }
      this.#file = file;
      return file;
    }
    // What is replaced is the file itself, not a link to it, and its permissions stay.
    if (there) this.#target = await realpath(this.#target);
    this.#temporary = await TemporaryFile.open(this.#target);
    this.#file = this.#temporary.file;
    if (there) await this.#file.chmod(there.mode & 0o7777);
    return this.#file;
  }

  /** Finds where rows can be appended, and cuts off what was never finished behind it. */
  async #findEnd(file: FileHandle): Promise<void> {
    // A file that holds the beginning of this header, and nothing else, is started afresh.
    const columns = this.#columns ?? (this.#csv && this.#lines.length > 0 ? this.#columnsOfLines() : undefined);
    const end = await appendPoint(this.#target, this.#csv, columns && csvRow(columns));
    if (end.columns) {
      this.#useHeader(end.columns);
      // They may have been accepted while it was not known.
      for (const line of this.#lines) this.#checkMembers(line);
    }
    await file.truncate(end.position);
    this.#position = end.position;
    this.#headerDue = end.columns === undefined;
    this.#lineEnd = end.lineEnd;
  }

  async #enter(file: FileHandle): Promise<void> {
    const { dev, ino } = await file.stat({ bigint: true });
    const identity = `${dev}:${ino}`;
    if (appending.has(identity)) throw new Error('another writer appends to it');
    appending.add(identity);
    this.#identity = identity;
  }

  #leave(): void {
    if (this.#identity !== undefined) appending.delete(this.#identity);
    this.#identity = undefined;
  }

  async #finish(): Promise<void> {
    if (this.#state === 'open') {
      await this.#writeLines();
      const file = await this.#opened();
      if (this.#csv && this.#headerDue && this.#columns) await this.#writeText(file, csvRow(this.#columns));
      await file.sync();
      await file.close();
      this.#leave();
      this.#state = 'complete';
    }
    if (this.#state !== 'complete') return;
    await this.#temporary?.takeName();
    this.#state = 'closed';
  }
}

/** The file at `path`, if there is one. Throws when there is something that cannot be a file of results. */
async function fileAt(path: string): Promise<Stats | undefined> {
  // A name that is too long, say, would else only be found out when everything was written.
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (there?.isDirectory()) throw new Error('it is a directory');
  if (there && !there.isFile())
    throw new Error('it is a pipe or a device: pass a `writer` of your own instead of a path');
  if (!there && (await lstat(path).catch(() => undefined))) throw new Error('it is a link to nothing');
  return there;
}
