/** A dataset file as a source: read, decompressed, split and validated natively, off this thread; parsed here by batch. */
import { DatasetError } from '../errors.js';
import { fromNative, guarded, native } from '../native.js';
import { heldBytes } from './held_size.js';
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

type Batch = Awaited<ReturnType<InstanceType<typeof native.DatasetFile>['next']>>;

/** Items of each text whose size is looked at. */
const SAMPLE = 8;

export class FileSource<T> implements Source<T> {
  readonly #path: string;
  readonly #file: InstanceType<typeof native.DatasetFile>;
  readonly #onInvalid: (record: InvalidRecord) => void;
  /** What was read last; its texts are parsed one per pull. */
  #batch: Batch | undefined;
  #plan: Plan = null;
  #ahead: Promise<Batch> | undefined;
  #done = false;
  #skipped = 0;

  constructor(path: string, options: FileOptions, batchBytes: number, onInvalid: (record: InvalidRecord) => void) {
    this.#path = path;
    this.#onInvalid = onInvalid;
    this.#file = guarded(
      () => new native.DatasetFile(path, options.format ?? '', options.onInvalid === 'skip', batchBytes),
    );
  }

  get skipped(): number {
    return this.#skipped;
  }

  pull(): Promise<Pulled<T> | undefined> | Pulled<T> {
    return this.#parse() ?? this.#readOn();
  }

  close(): void {
    this.#done = true;
    this.#batch = undefined;
    this.#file.close();
  }

  /** The items of the next text of what was read. */
  #parse(): Pulled<T> | undefined {
    const text = this.#batch?.nextText();
    if (typeof text !== 'string') return undefined;
    const items = JSON.parse(text) as T[];
    if (this.#plan) typedValue(items, ['list', this.#plan]);
    let sampled = 0;
    const step = Math.ceil(items.length / SAMPLE);
    for (let at = 0; at < items.length; at += step) sampled += heldBytes(items[at]);
    // Never less than the text: one long item may be none of the sample.
    const bytes = Math.max(text.length, (sampled / Math.ceil(items.length / step)) * items.length);
    return { items, bytes };
  }

  async #readOn(): Promise<Pulled<T> | undefined> {
    while (!this.#done) {
      const batch = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      if (this.#done) return undefined;
      this.#done = batch.done;
      // The next batch is made while this one is parsed and processed.
      if (!this.#done) this.#ahead = this.#read();
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

  #read(): Promise<Batch> {
    const read = this.#file.next().catch((error: unknown) => {
      throw fromNative(error);
    });
    read.catch(() => {}); // Awaited by the next pull, if there is one.
    return read;
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
