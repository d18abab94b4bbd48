/** Results into a file: complete or not there at all, or appended to what is there. */
import type { Stats } from 'node:fs';
import { type FileHandle, lstat, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { options as checkOptions, outOfRange, positiveInteger, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { toJsonText } from '../value/form.js';
import { appendPoint, finishedHeader, openForAppend } from './append_target.js';
import {
  cellText,
  checkedFormat,
  checkTsvCell,
  compressed,
  type FileCompression,
  type FileFormat,
  formatOfName,
  inertCellText,
  rowText,
} from './file_format.js';
import { TemporaryFile } from './temporary_file.js';

/** Options of a writer into a file. */
export interface FileWriterOptions {
  /**
   * The format. Default: by the ending of the name, `.jsonl` (or `.ndjson`), `.json` (an array), `.csv` or `.tsv`; `jsonl` when
   * it has none. Any other ending is a `RangeError`. Behind it `.gz` and `.zst` compress, whatever the format.
   */
  format?: 'jsonl' | 'json' | 'csv' | 'tsv' | undefined;
  /**
   * - `false` (default): a temporary file beside the target takes its name, synced to disk, at `close()`. Without a `close()`
   *   the target stays as it was.
   * - `true`: rows go to the end of the target, synced at each `flush` and `close`. An unfinished last row, left by a crash, is
   *   cut off first. Not for JSON arrays and compressed files (`RangeError`).
   */
  append?: boolean | undefined;
  /**
   * Columns of a CSV or TSV file. Members of a result that are not among them are left out. Default: every member of the
   * results of the first batch, or the header of the file that is appended to. A later result with another member is then
   * refused.
   */
  columns?: readonly string[] | undefined;
  /**
   * `true` puts an apostrophe before a text of a CSV or TSV cell that a spreadsheet would take for a formula: one that begins
   * with `=`, `+`, `-`, `@`, a tab or a carriage return. Numbers stay numbers. Default `false`.
   */
  escapeFormulas?: boolean | undefined;
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
 * A file that cannot be written makes the call reject with `AiEvalsError` `ERR_STORAGE`. Accepted results are kept and tried
 * again by the next call. Memory: the results of one batch, or of all calls that were not awaited.
 */
export class FileResultWriter<T> {
  #target: string;
  readonly #format: FileFormat;
  readonly #compression: FileCompression;
  readonly #append: boolean;
  readonly #escapeFormulas: boolean;
  readonly #batchSize: number;
  /** The columns the caller chose. */
  readonly #chosen: readonly string[] | undefined;
  /** The columns of the file, once they are known. */
  #columns: readonly string[] | undefined;
  #peeked = false;
  #file: FileHandle | undefined;
  #temporary: TemporaryFile | undefined;
  #position = 0;
  /** True when the file has no header yet, or no opening bracket. */
  #headerDue = true;
  /** True when a JSON array has no closing bracket yet. */
  #trailerDue = true;
  /** The line end that is missing behind the last row that is there. */
  #lineEnd = '';
  /** True when a write failed, so that a part of it may be behind {@link #position}. */
  #torn = false;
  /** The entry of {@link appending} for this writer. */
  #identity: string | undefined;
  /** Results that are accepted and not yet in the file: JSON as text, rows as the text of each member. */
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
    this.#format = checkedFormat(given.format, this.#target);
    this.#compression = formatOfName(this.#target).compression;
    const { append, columns, escapeFormulas, batchSize } = given;
    if (append !== undefined && typeof append !== 'boolean') wrongType('append', 'a boolean', append);
    this.#append = append ?? false;
    if (escapeFormulas !== undefined && typeof escapeFormulas !== 'boolean') {
      wrongType('escapeFormulas', 'a boolean', escapeFormulas);
    }
    this.#escapeFormulas = escapeFormulas ?? false;
    if (append && (this.#format === 'json' || this.#compression)) {
      outOfRange('append', 'false for a JSON array or a compressed file, to whose end nothing can be added', append);
    }
    if (columns !== undefined && !(Array.isArray(columns) && columns.every((name) => typeof name === 'string'))) {
      wrongType('columns', 'an array of strings', columns);
    }
    if (columns && !this.#rows) outOfRange('columns', 'left out, but for CSV and TSV', columns);
    if (escapeFormulas && !this.#rows) outOfRange('escapeFormulas', 'left out, but for CSV and TSV', escapeFormulas);
    if (columns && (columns.length === 0 || new Set(columns).size < columns.length)) {
      outOfRange('columns', 'at least one name, and none twice', columns);
    }
    this.#chosen = columns && [...columns];
    this.#columns = this.#chosen;
    this.#batchSize = positiveInteger('batchSize', batchSize === undefined ? 100 : batchSize);
  }

  /** Accepts `result`. Resolves once the batch that it completed, if any, is in the file. */
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
   * Finishes the file: every result is in it, on disk, under its name. Without results the file is empty. After a failure it
   * can be called again. Once closed, `write` and `flush` reject with `ERR_CLOSED`.
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
   * Removes the temporary file and leaves the target as it was; when appending, with the batches that were written. A
   * `close()` that was called before is waited for. When it succeeds the file is there, and nothing is given up.
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

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Returns the figures of this moment. O(1). */
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
    if (!this.#rows) return toJsonText(result) ?? wrongType('result', 'a value with a JSON form', result);
    if (typeof result !== 'object' || result === null) wrongType('result', 'an object, to be a row', result);
    const cell = this.#escapeFormulas ? inertCellText : cellText;
    const row = new Map(Object.entries(result).map(([name, value]) => [cellText(name), cell(value)]));
    if (this.#rows === 'tsv') {
      for (const [name, text] of row) {
        checkTsvCell(name, text);
        checkTsvCell(name, name);
      }
    }
    return row;
  }

  /** The format when it is one of rows and columns. */
  get #rows(): 'csv' | 'tsv' | undefined {
    return this.#format === 'csv' || this.#format === 'tsv' ? this.#format : undefined;
  }

  /** Reads the columns of the file that is appended to before the first row is accepted, so that a row without place is refused. */
  #peekColumns(): void {
    if (!this.#rows || !this.#append || this.#peeked) return;
    const header = finishedHeader(this.#target, this.#format);
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
      await this.#writeText(file, this.#textOf(lines));
      this.#headerDue = false;
      this.#lines.splice(0, count);
      this.#written += count;
      this.#flushes += 1;
    }
  }

  /** The text of `lines`, behind what is in the file. */
  #textOf(lines: readonly Line[]): string {
    const rows = this.#rows;
    if (rows) {
      this.#columns ??= this.#columnsOfLines();
      const columns = this.#columns;
      const header = this.#headerDue ? rowText(rows, columns) : '';
      const cells = (line: Line) => columns.map((column) => (line as Row).get(column) ?? '');
      return header + lines.map((line) => rowText(rows, cells(line))).join('');
    }
    if (this.#format === 'json') return (this.#headerDue ? '[\n' : ',\n') + lines.join(',\n');
    return `${lines.join('\n')}\n`;
  }

  /** The text that completes a file whose results are all written. */
  #textOfEnd(): string {
    if (this.#rows) return this.#headerDue && this.#columns ? rowText(this.#rows, this.#columns) : '';
    if (this.#format === 'json') return this.#headerDue ? '[]\n' : '\n]\n';
    return '';
  }

  /** Returns the columns of all rows that wait, not only of a batch: every one of them was accepted. */
  #columnsOfLines(): string[] {
    return [...new Set((this.#lines as Row[]).flatMap((row) => [...row.keys()]))];
  }

  /** Writes at the known end, so that a retry after half a write overwrites it. */
  async #writeText(file: FileHandle, text: string): Promise<void> {
    if (this.#append && !this.#torn && (await file.stat()).size > this.#position) {
      throw new Error('another process wrote to it since it was opened; give each its own file');
    }
    const bytes = await compressed(Buffer.from(this.#lineEnd + text), this.#compression);
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
    const rows = this.#rows;
    const columns = this.#columns ?? (rows && this.#lines.length > 0 ? this.#columnsOfLines() : undefined);
    const end = await appendPoint(this.#target, this.#format, rows && columns && rowText(rows, columns));
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
      const end = this.#trailerDue ? this.#textOfEnd() : '';
      // An empty compressed file is none: it has at least one member.
      if (end !== '' || (this.#compression && this.#position === 0)) await this.#writeText(file, end);
      this.#trailerDue = false;
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

/** Returns the file at `path`, if there is one. Throws for a directory, pipe, device or link that cannot be a file of results. */
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
