/** A dataset file as a source: read, decompressed, split and validated natively, off this thread; parsed here by batch. */
import { fileURLToPath } from 'node:url';
import { outOfRange, wrongType } from '../arguments.js';
import { DatasetError } from '../errors.js';
import { fromNative, guarded, native } from '../native.js';
import { sampledBytes } from './held_size.js';
import type { Pulled, Source } from './source.js';
import { type Plan, typedValue } from './typed_values.js';

/** How to read a file. */
export interface FileOptions {
  /** Default: told from the file's name and first bytes. */
  format?: 'jsonl' | 'json' | 'csv' | 'tsv' | 'parquet' | undefined;
  /**
   * `'throw'` (default): an invalid record ends the stream with a `DatasetError`, after the records before it.
   * `'skip'`: it is left out, counted in `getStats().itemsSkipped` and reported by an `invalid` event. A JSON document with
   * a syntax error, a damaged Parquet file, or a CSV file with a quote that is never closed and has rows behind it cannot
   * be read on either way.
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

/** The path that `path` is or, as a file URL, means. */
export function checkedPath(path: string | URL): string {
  const file = path instanceof URL || isUrl(path) ? fileURLToPath(path) : path;
  if (typeof file === 'string' && file !== '') return file;
  return wrongType('path', 'the path or file URL of a dataset', path);
}

/** Whether `path` is a `URL` of another realm. */
function isUrl(path: unknown): path is URL {
  return Object.prototype.toString.call(path) === '[object URL]';
}

/** `options`, checked. */
export function checkedFile({ format, onInvalid }: FileOptions): FileOptions {
  if (format !== undefined && !['jsonl', 'json', 'csv', 'tsv', 'parquet'].includes(format)) {
    outOfRange('format', "'jsonl', 'json', 'csv', 'tsv' or 'parquet'", format);
  }
  if (onInvalid !== undefined && !['throw', 'skip'].includes(onInvalid)) {
    outOfRange('onInvalid', "'throw' or 'skip'", onInvalid);
  }
  return { format, onInvalid };
}

type Batch = Awaited<ReturnType<InstanceType<typeof native.DatasetFile>['next']>>;

export class FileSource<T> implements Source<T> {
  readonly #path: string;
  readonly #file: InstanceType<typeof native.DatasetFile>;
  readonly #onInvalid: (record: InvalidRecord) => void;
  /** What was read last; its texts are parsed one per pull. */
  #batch: Batch | undefined;
  #plan: Plan = null;
  #ahead: Promise<Batch> | undefined;
  /** What `#ahead` holds, once it is there. */
  #aheadBytes = 0;
  #done = false;
  #skipped = 0;

  constructor(path: string, options: FileOptions, maxMemory: number, onInvalid: (record: InvalidRecord) => void) {
    this.#path = path;
    this.#onInvalid = onInvalid;
    const { format = '', onInvalid: invalid } = options;
    // Two batches at most wait outside the heap; large ones keep this thread busy when the reading one is held up.
    const batchBytes = Math.floor(Math.max(32 * 1024, Math.min(2 * 1024 * 1024, maxMemory / 16)));
    this.#file = guarded(() => new native.DatasetFile(path, format, invalid === 'skip', batchBytes));
  }

  get skipped(): number {
    return this.#skipped;
  }

  pull(): Promise<Pulled<T> | undefined> | Pulled<T> {
    return this.#parse() ?? this.#readOn();
  }

  get bytesAhead(): number {
    return (this.#batch?.bytes ?? 0) + this.#aheadBytes;
  }

  close(): void {
    this.#done = true;
    this.#batch = undefined;
    this.#aheadBytes = 0;
    this.#file.close();
  }

  /** The items of the next text of what was read. */
  #parse(): Pulled<T> | undefined {
    const text = this.#batch?.nextText();
    if (typeof text !== 'string') return undefined;
    const items = JSON.parse(text) as T[];
    if (this.#plan) typedValue(items, ['list', this.#plan]);
    // Never less than the text: one long item may be none of the sample.
    return { items, bytes: Math.max(text.length, sampledBytes(items)) };
  }

  async #readOn(): Promise<Pulled<T> | undefined> {
    while (!this.#done) {
      const batch = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      this.#aheadBytes = 0;
      if (this.#done) return undefined;
      this.#done = batch.done;
      // The next batch is made while this one is parsed and processed. Behind the last one the file and its buffers go at
      // once, and not with the collector, which does not know of them.
      if (this.#done) this.#file.close();
      else this.#readAhead();
      if (batch.skipped > 0) this.#report(batch);
      const { error } = batch;
      if (error !== '') throw this.#error(error);
      this.#batch = batch;
      const { plan } = batch;
      this.#plan = plan === '' ? null : (JSON.parse(plan) as Plan);
      const pulled = this.#parse();
      if (pulled) return pulled;
    }
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

  #read(): Promise<Batch> {
    return this.#file.next().catch((error: unknown) => {
      throw fromNative(error);
    });
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
