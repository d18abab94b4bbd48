/** Results on their way out: collected into batches, written in order, each exactly once. */
import { callable, wrongType } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
import { FileResultWriter, type FileWriterOptions } from './file_result_writer.js';
import { heldBytes } from './heap_items.js';
import { ItemQueue } from './item_queue.js';
import { type FullConfig, fullConfig, type StreamConfig } from './stream_config.js';

/** Writes one batch; resolves when it is safe. */
export type BatchWriter<T> = (batch: T[]) => Promise<void> | void;

/** Figures of a writer. */
export interface ResultWriterStats {
  /** Results in batches that were written. */
  itemsWritten: number;
  /** Results accepted and not yet written; those of a failed batch among them. */
  itemsBuffered: number;
  /** Batches written. */
  flushes: number;
  /** Attempts that failed. */
  errors: number;
}

const WRITER_DEFAULTS = { batchSize: 100, maxMemory: 50 * 1024 * 1024, bufferSize: 500 };

/**
 * Collects results and hands them to a `writer` in batches of `batchSize`, one batch at a time, in the order of the `write`
 * calls. A batch whose writer fails is kept. The next attempt writes it first, with the same items in the same order. Nothing
 * is written twice or dropped. Results past `bufferSize` or `maxMemory` wait outside the heap.
 *
 * Pass the same `writer` to every call: a batch goes to the writer of the call that completed it.
 */
// biome-ignore lint/suspicious/noExplicitAny: a writer that names no type takes any result.
export class ResultWriter<T = any> {
  readonly #config: FullConfig;
  readonly #queue: ItemQueue<T>;
  /** The batch being written, or that failed; its items are no longer in the queue. */
  #batch: T[] = [];
  #writing = false;
  /** Ends when the last attempt that was asked for has ended. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();
  #accepted = 0;
  #done = 0;
  #written = 0;
  #flushes = 0;
  #errors = 0;

  /** Throws `RangeError` for a limit below 1 or NaN, `TypeError` for one that is not a number. */
  constructor(config?: StreamConfig) {
    this.#config = fullConfig(config, WRITER_DEFAULTS);
    const { bufferSize, maxMemory, spillDirectory } = this.#config;
    this.#queue = new ItemQueue<T>({ maxItems: bufferSize, maxBytes: maxMemory, directory: spillDirectory });
  }

  /**
   * Returns a writer into a file, finished atomically or appended. See {@link FileResultWriter}.
   */
  // biome-ignore lint/suspicious/noExplicitAny: a writer that names no type takes any result.
  static toFile<T = any>(path: string | URL, options?: FileWriterOptions): FileResultWriter<T> {
    return new FileResultWriter<T>(path, options);
  }

  /**
   * Accepts `result`. When it completes a batch, or a memory limit is reached, batches are written before the call resolves.
   * When that fails, the call rejects with the writer's own error. The result is accepted all the same: do not pass it again.
   */
  async write(result: T, writer: BatchWriter<T>): Promise<void> {
    callable('writer', writer);
    this.#accept(result);
    await this.#drainFull(writer);
  }

  /** Accepts all `results`, in order, as {@link write} does. */
  async writeMany(results: Iterable<T>, writer: BatchWriter<T>): Promise<void> {
    if (typeof results !== 'object' || results === null || !(Symbol.iterator in results)) {
      wrongType('results', 'an iterable of results', results);
    }
    callable('writer', writer);
    for (const result of results) this.#accept(result);
    await this.#drainFull(writer);
  }

  /** Writes everything accepted before this call. With nothing to write the writer is not called. */
  async flush(writer: BatchWriter<T>): Promise<void> {
    callable('writer', writer);
    await this.#attempt(writer, this.#accepted);
  }

  /** Returns the figures of this moment. O(1). */
  getStats(): ResultWriterStats {
    return {
      itemsWritten: this.#written,
      itemsBuffered: this.#queue.length + this.#batch.length,
      flushes: this.#flushes,
      errors: this.#errors,
    };
  }

  /** Drops what is not written, except a batch that is being written now. The figures of what was written stay. */
  clear(): void {
    this.#done += this.#queue.length;
    this.#queue.clear();
    if (!this.#writing) {
      this.#done += this.#batch.length;
      this.#batch = [];
    }
  }

  #accept(result: T): void {
    this.#queue.push(result, heldBytes(result));
    this.#accepted += 1;
  }

  /** Writes whole batches, as far as what was accepted until now makes some. */
  async #drainFull(writer: BatchWriter<T>): Promise<void> {
    const waiting = this.#accepted - this.#done;
    const { batchSize, bufferSize, maxMemory } = this.#config;
    const full = waiting >= batchSize || waiting >= bufferSize || this.#queue.bytes >= maxMemory;
    if (!full) return;
    const whole = waiting >= batchSize ? waiting - (waiting % batchSize) : waiting;
    await this.#attempt(writer, this.#done + whole);
  }

  /** Writes batches until `goal` results are done, after all attempts asked for before. The first failure ends it. */
  #attempt(writer: BatchWriter<T>, goal: number): Promise<void> {
    const attempt = this.#turn.then(async () => {
      while (this.#done < goal) {
        const due = turnDue();
        if (due) await due;
        await this.#writeBatch(writer);
      }
    });
    this.#turn = attempt.catch(() => {});
    return attempt;
  }

  async #writeBatch(writer: BatchWriter<T>): Promise<void> {
    if (this.#batch.length === 0) this.#batch = this.#queue.take(this.#config.batchSize);
    const batch = this.#batch;
    this.#writing = true;
    try {
      // A copy: what a failing writer does to its array must not change what the next attempt writes.
      await writer([...batch]);
    } catch (error) {
      this.#errors += 1;
      throw error;
    } finally {
      this.#writing = false;
    }
    this.#batch = [];
    this.#done += batch.length;
    this.#written += batch.length;
    this.#flushes += 1;
  }
}
