/** A dataset file or pipe as a source: read, decompressed, split and validated natively, off this thread; parsed here. */
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { outOfRange, wrongType } from '../arguments.js';
import { DatasetError } from '../errors.js';
import { fromNative, guarded, native } from '../native.js';
import { fromJsonText } from '../value/form.js';
import { sampledBytes } from './heap_items.js';
import type { Pulled, Source, SourceProgress } from './source.js';
import type { FullConfig } from './stream_config.js';
import { type Plan, typedValue } from './typed_values.js';

/** Options of reading a file. */
export interface FileOptions {
  /** The format. Default: told from the file's name and first bytes; `csv` with an option of rows (below), unless the name says `tsv`. */
  format?: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet' | undefined;
  /**
   * The character between two fields of a row, ASCII. Default `,`, for TSV a tab. A header that comes out as one column with
   * `;`, a tab or `|` in it is an error, unless this is given.
   */
  delimiter?: string | undefined;
  /**
   * The character around a field that holds delimiters or line ends, doubled within it; ASCII. `false`: none, a quote is
   * text. Default `"`, for TSV `false` (IANA `text/tab-separated-values`).
   */
  quote?: string | false | undefined;
  /**
   * The names of the columns. Default: the first row. An array: these, and the first row is data. `false`: none, every item
   * is an array of strings.
   */
  header?: readonly string[] | false | undefined;
  /** The first character of lines that are left out, ASCII. Default: no line is. */
  comment?: string | undefined;
  /**
   * - `'throw'` (default): an invalid record ends the stream with a `DatasetError`, after the records before it.
   * - `'skip'`: it is left out, counted in `getStats().itemsSkipped` and reported by an `invalid` event.
   *
   * These end the stream either way:
   * - a JSON document with a syntax error;
   * - a damaged Parquet file;
   * - a record of more than 256 MB;
   * - a CSV file with a quote that is never closed and has rows behind it.
   */
  onInvalid?: 'throw' | 'skip' | undefined;
}

/** A record that was left out. */
export interface InvalidRecord {
  file: string;
  line: number;
  byteOffset: number;
  reason: string;
}

/** Returns the path that `path` is or, as a file URL, means. */
export function checkedPath(path: string | URL): string {
  const file = path instanceof URL || isUrl(path) ? fileURLToPath(path) : path;
  if (typeof file === 'string' && file !== '') return file;
  return wrongType('path', 'the path or file URL of a dataset', path);
}

/** Returns whether `path` is a `URL` of another realm. */
function isUrl(path: unknown): path is URL {
  return Object.prototype.toString.call(path) === '[object URL]';
}

/** Returns `options`, checked. */
export function checkedFile(options: FileOptions): FileOptions {
  const { format, onInvalid, delimiter, quote, header, comment } = options;
  if (format !== undefined && !['jsonl', 'json', 'csv', 'tsv', 'parquet'].includes(format)) {
    outOfRange('format', "'jsonl', 'json', 'csv', 'tsv' or 'parquet'", format);
  }
  if (onInvalid !== undefined && !['throw', 'skip'].includes(onInvalid)) {
    outOfRange('onInvalid', "'throw' or 'skip'", onInvalid);
  }
  if (format !== undefined && format !== 'csv' && format !== 'tsv') {
    for (const [name, value] of Object.entries({ delimiter, quote, header, comment })) {
      if (value !== undefined) outOfRange(name, `left out for ${format}, which has no rows of fields`, value);
    }
  }
  const special = [
    character('delimiter', delimiter),
    character('quote', quote === false ? undefined : quote),
    character('comment', comment),
  ].filter((one) => one !== undefined);
  if (new Set(special).size < special.length) {
    outOfRange('delimiter', 'another character than quote and comment, which differ too', delimiter);
  }
  if (header !== undefined && header !== false) columnNames(header);
  return { format, onInvalid, delimiter, quote, header, comment };
}

function character(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') wrongType(name, 'a string of one character', value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character, as ASCII's unit separator, may separate.
  return /^[\x01-\x09\x0b\x0c\x0e-\x7f]$/.test(value)
    ? value
    : outOfRange(name, 'one ASCII character, and no line end', value);
}

function columnNames(header: readonly string[]): void {
  if (!Array.isArray(header) || !header.every((name) => typeof name === 'string')) {
    wrongType('header', 'false or an array of strings', header);
  }
  if (header.length === 0 || new Set(header).size < header.length) {
    outOfRange('header', 'at least one name, and none twice', header);
  }
}

type Batch = Awaited<ReturnType<InstanceType<typeof native.DatasetFile>['next']>>;

/** Standard input, on every system. */
const STANDARD_INPUT = '/dev/stdin';

/** The longest that a timer can take, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

type DatasetFile = InstanceType<typeof native.DatasetFile>;
type NativeOptions = ConstructorParameters<typeof native.DatasetFile>[1];

export class FileSource<T> implements Source<T> {
  readonly #path: string;
  readonly #options: Omit<NativeOptions, 'live'>;
  readonly #onInvalid: (record: InvalidRecord) => void;
  #file: DatasetFile | undefined;
  /** True when the file is a pipe or a device, which may have nothing to say for ever. */
  #live = false;
  /** Keeps the process alive while somebody waits for a pipe. */
  #alive: NodeJS.Timeout | undefined;
  #held = false;
  /** The batch that was read last; its texts are parsed one per pull. */
  #batch: Batch | undefined;
  #plan: Plan = null;
  #ahead: Promise<Batch> | undefined;
  /** Bytes that `#ahead` holds, once it is there. */
  #aheadBytes = 0;
  #done = false;
  #skipped = 0;
  readonly #progress: SourceProgress = { itemsRead: 0, bytesRead: 0 };

  constructor(path: string, options: FileOptions, config: FullConfig, onInvalid: (record: InvalidRecord) => void) {
    this.#path = path;
    this.#onInvalid = onInvalid;
    const { onInvalid: invalid, quote, header, ...rest } = options;
    const given = {
      ...rest,
      quote: quote === false ? '' : quote,
      header: header === false ? [] : header && [...header],
      skipInvalid: invalid === 'skip',
      // Two batches at most wait outside the heap; large ones keep this thread busy when the reading one is held up.
      batchBytes: Math.floor(Math.max(32 * 1024, Math.min(2 * 1024 * 1024, config.maxMemory / 16))),
      directory: config.spillDirectory,
    };
    // A member that is `undefined` is to the engine as one that is not there.
    this.#options = given as Omit<NativeOptions, 'live'>;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get progress(): SourceProgress {
    return this.#progress;
  }

  pull(): Promise<Pulled<T> | undefined> | Pulled<T> {
    return this.#parse() ?? this.#readOn();
  }

  get bytesAhead(): number {
    return (this.#batch?.bytes ?? 0) + this.#aheadBytes;
  }

  hold(on: boolean): void {
    this.#held = on;
    const needed = this.#held && this.#live && !this.#done;
    if (needed) this.#alive ??= setInterval(() => {}, LONGEST_TIMER);
    if (needed) return;
    clearInterval(this.#alive);
    this.#alive = undefined;
  }

  close(): void {
    this.#end();
    this.#batch = undefined;
    this.#aheadBytes = 0;
  }

  /** Ends the reading. The file and its buffers go at once, and not with the collector, which does not know of them. */
  #end(): void {
    this.#done = true;
    this.#file?.close();
    this.hold(this.#held);
  }

  /** Parses the next text of the batch. */
  #parse(): Pulled<T> | undefined {
    const text = this.#batch?.nextText();
    if (typeof text !== 'string') return undefined;
    const items = (this.#batch?.longNumbers ? fromJsonText(text) : JSON.parse(text)) as T[];
    if (this.#plan) typedValue(items, ['list', this.#plan]);
    this.#progress.itemsRead += items.length;
    // Never less than the text: one long item may be none of the sample.
    return { items, bytes: Math.max(text.length, sampledBytes(items)) };
  }

  async #readOn(): Promise<Pulled<T> | undefined> {
    while (!this.#done) {
      const batch = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      this.#aheadBytes = 0;
      if (this.#done) return undefined;
      // The next batch is made while this one is parsed and processed.
      if (batch.done) this.#end();
      else this.#readAhead();
      if (batch.skipped > 0) this.#report(batch);
      const { error } = batch;
      if (error !== '') throw this.#error(error);
      this.#batch = batch;
      this.#count(batch);
      const { plan } = batch;
      this.#plan = plan === '' ? null : (JSON.parse(plan) as Plan);
      const pulled = this.#parse();
      if (pulled) return pulled;
    }
    if (this.#batch) this.#progress.itemsTotal = this.#progress.itemsRead;
    return undefined;
  }

  #readAhead(): void {
    const ahead = this.#read();
    this.#ahead = ahead;
    const count = (batch: Batch) => {
      if (this.#ahead === ahead && !this.#done) this.#aheadBytes = batch.bytes;
    };
    ahead.then(count, () => {}); // An error is the next pull's, if there is one.
  }

  async #read(): Promise<Batch> {
    this.#file ??= await this.#open();
    const file = this.#file;
    try {
      if (this.#live) return await new Promise<Batch>((resolve) => file.nextLive(resolve));
      return await file.next();
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** Opens the file. A pipe is read on a thread of its own, since one that waits must keep no thread of libuv's pool. */
  async #open(): Promise<DatasetFile> {
    this.#live = await stat(this.#path).then(
      (about) => !about.isFile() && !about.isDirectory(),
      () => this.#path === STANDARD_INPUT,
    );
    this.hold(this.#held);
    const file = guarded(() => new native.DatasetFile(this.#path, { ...this.#options, live: this.#live }));
    // Closed meanwhile: the read is told so.
    if (this.#done) file.close();
    return file;
  }

  #count({ bytesRead, bytesTotal, itemsTotal }: Batch): void {
    const progress = this.#progress;
    progress.bytesRead = bytesRead;
    if (bytesTotal >= 0) progress.bytesTotal = bytesTotal;
    if (itemsTotal >= 0) progress.itemsTotal = itemsTotal;
  }

  #report(batch: Batch): void {
    this.#skipped += batch.skipped;
    for (const [line, byteOffset, reason] of JSON.parse(batch.reports) as [number, number, string][]) {
      this.#onInvalid({ file: this.#path, line, byteOffset, reason });
    }
  }

  #error(text: string): DatasetError {
    const [line, byteOffset, reason] = JSON.parse(text) as [number | null, number | null, string];
    return new DatasetError(this.#path, line ?? undefined, byteOffset ?? undefined, reason);
  }
}
