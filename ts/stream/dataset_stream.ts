/** The public stream of dataset items. */
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import {
  callable,
  options as checkOptions,
  nonNegativeInteger,
  outOfRange,
  positiveInteger,
  wrongType,
} from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { turnDue } from '../event_loop_turn.js';
import { emitSafely } from '../events.js';
import { type BatchHandler, BatchRun, checkedProcess, type ProcessOptions } from './batch_run.js';
import { ChangedSource, FirstSource, StreamSource } from './derived_source.js';
import { checkedFile, checkedPath, type FileOptions, FileSource, type InvalidRecord } from './file_source.js';
import { heldBytes } from './heap_items.js';
import { readableOf } from './readable.js';
import { RunFigures } from './run_figures.js';
import { type ItemSource, type PipedStream, type Source, sourceOf } from './source.js';
import {
  type FullConfig,
  fullConfig,
  STREAM_DEFAULTS,
  type StreamConfig,
  type StreamEvents,
  type StreamStats,
} from './stream_config.js';
import { type ConsumeOptions, checkedConsume, StreamCore } from './stream_core.js';

/** The source that a static factory hands to the constructor. */
const internal: { source?: Source<unknown> } = {};

/**
 * A stream of items in bounded memory. Items are pushed by a caller, or read from a file or any iterable. They are consumed
 * in order, by batch or one by one.
 *
 * Pushed items past `bufferSize` or `maxMemory` leave the heap: compressed in native memory, then in an unnamed temporary
 * file. They come back as equal values, `Date`, `Map`, `Set`, `BigInt`, typed arrays and cycles included. Class instances,
 * functions and objects with accessors cannot leave and stay in the heap as they are.
 *
 * Several consumers of one stream share it: every item goes to exactly one of them. Push and take are O(size of the item).
 */
// biome-ignore lint/suspicious/noExplicitAny: callers that name no type may push and process anything.
export class DatasetStream<T = any> extends EventEmitter implements AsyncIterable<T> {
  readonly #core: StreamCore<T>;
  readonly #figures: RunFigures<T>;
  #spillReported = false;
  #memoryReported = false;
  #sharded = false;
  /** Streams over this one that are told of records left out. */
  readonly #derived = new Set<DatasetStream<unknown>>();

  /** Throws `RangeError` for a limit below 1 or NaN, `TypeError` for one that is not a number. */
  constructor(config?: StreamConfig) {
    super();
    const source = internal.source as Source<T> | undefined;
    delete internal.source;
    this.#core = new StreamCore(fullConfig(config, STREAM_DEFAULTS), source, {
      read: (items) => this.#emitData(items),
      handedOut: (count) => {
        this.#figures.processed += count;
        this.#wakeRefused();
      },
      failed: (error) => emitSafely(this, 'error', { error, batch: [] }),
    });
    this.#figures = new RunFigures(this.#core);
  }

  static #over<T>(source: Source<T>, config: StreamConfig | undefined): DatasetStream<T> {
    internal.source = source;
    try {
      return new DatasetStream<T>(config);
    } finally {
      delete internal.source;
    }
  }

  /**
   * Returns a stream of the items of a file:
   * - JSON lines, a JSON array, or an object whose `testCases` is one;
   * - CSV or TSV: objects of strings, named by the header row;
   * - Parquet (see the guide of streams for its types).
   *
   * Text may be gzip or zstd, told by content. The file is read once, from its first byte to its last. So `path` may be a
   * named pipe, `/dev/stdin`, a process substitution or a device. `getStats()` counts what was read so far. Reading, splitting
   * and validation run off the main thread, batch by batch.
   *
   * Nothing is opened before the first item is asked for. A file that cannot be read makes the consumer (`process`,
   * iteration) reject with a `DatasetError`. It names the file and, for a bad record, its line and byte offset. An abort, a
   * `break` or `close()` ends the waiting for a pipe. A pipe keeps the process alive only while a consumer waits.
   */
  // biome-ignore lint/suspicious/noExplicitAny: what a file holds is the caller's to say.
  static fromFile<T = any>(path: string | URL, options?: FileOptions & StreamConfig): DatasetStream<T> {
    const given = checkOptions('options', options);
    const file = checkedPath(path);
    const config = fullConfig(given, STREAM_DEFAULTS);
    const source: FileSource<T> = new FileSource<T>(file, checkedFile(given), config, (record) =>
      stream.#reportInvalid(record),
    );
    const stream: DatasetStream<T> = DatasetStream.#over<T>(source, given);
    return stream;
  }

  /**
   * Returns a stream of the items of an array, any iterable or async iterable, a Node `Readable` or a web `ReadableStream`.
   * Items are asked for only as fast as they are consumed. Leaving an iteration early, or `close()`, closes the source.
   */
  static from<T>(source: Iterable<T> | AsyncIterable<T>, config?: StreamConfig): DatasetStream<T>;
  static from<T>(source: PipedStream<T>, config?: StreamConfig): DatasetStream<T>;
  static from<T>(source: ItemSource<T>, config?: StreamConfig): DatasetStream<T>;
  static from<T>(source: ItemSource<T> | PipedStream<T>, config?: StreamConfig): DatasetStream<T> {
    const items = sourceOf<T>(source);
    if (!items) return wrongType('source', 'an iterable, async iterable, Readable or ReadableStream', source);
    return DatasetStream.#over(items, config);
  }

  /**
   * Appends `item` and returns whether it was accepted. It is refused (`false`) only while the buffer is full and a running
   * `process` drains it: wait for `batch-complete` and push again. While nothing drains the buffer (no `process`, or paused)
   * every item is accepted, past the limits outside the heap.
   *
   * Throws `AiEvalsError`:
   * - `ERR_CLOSED` after `end()`, and on a stream that reads from a source;
   * - `ERR_STORAGE` when the item has to go to the temporary file and cannot (disk full). All items before it are safe.
   */
  push(item: T): boolean {
    const { pushed: queue, ended } = this.#core;
    if (!queue) throw new AiEvalsError('ERR_CLOSED', 'push: this stream reads its items from a source');
    if (ended) throw new AiEvalsError('ERR_CLOSED', 'push after end(): the stream takes no more items');
    const bytes = heldBytes(item);
    const pressure = queue.pressure(bytes);
    if (pressure) {
      if (pressure === 'bytes') this.#reportMemory(queue.bytes + bytes);
      const refuse = this.#core.running > 0 && !this.#core.paused;
      this.#reportBackpressure(refuse);
      if (refuse) {
        this.#core.refused = true;
        this.#core.changed.notify();
        return false;
      }
    } else if (!queue.spilling) {
      this.#spillReported = false;
      if (queue.bytes < 0.8 * this.#core.config.maxMemory) this.#memoryReported = false;
    }
    queue.push(item, bytes);
    this.#core.changed.notify();
    this.#emitData([item]);
    return true;
  }

  /**
   * Hands out batches of `batchSize` in push order, and resolves with the results of all batches, flattened, in order. It
   * ends once nothing is buffered, with `untilEnd` not before `end()`, from a source at its end. A handler that returns
   * nothing adds no results.
   *
   * A batch fails when the handler throws, rejects or returns anything but an array or nothing:
   * - No further batch is handed out, and batches in progress are waited for.
   * - `process` rejects with the handler's own error.
   * - The failed batch is not handed out again; the `error` event carries it.
   * - Items that were not handed out stay buffered for the next call.
   *
   * An abort rejects at once with the signal's reason. Batches in progress are left to end by themselves.
   */
  async process<R = unknown>(handler: BatchHandler<T, R>, options?: ProcessOptions): Promise<R[]> {
    callable('handler', handler);
    const given = checkedProcess(options);
    const run = new BatchRun<T, R>(this.#core, handler, {
      completed: (batch, _, milliseconds) => this.#completed(batch.length, milliseconds),
      failed: (batch, error) => {
        emitSafely(this, 'error', { error, batch });
        this.#wakeRefused();
      },
    });
    this.#figures.enter();
    try {
      return await run.run(given);
    } finally {
      this.#figures.leave();
      this.#wakeRefused();
    }
  }

  /** Stops handing out batches and items. `process` and iterations wait for {@link resume}. */
  pause(): void {
    if (this.#core.paused) return;
    this.#core.paused = true;
    emitSafely(this, 'pause');
  }

  /** Hands out batches and items again. */
  resume(): void {
    if (!this.#core.paused) return;
    this.#core.paused = false;
    this.#core.changed.notify();
    emitSafely(this, 'resume');
  }

  /** Returns whether the stream is paused. */
  isPaused(): boolean {
    return this.#core.paused;
  }

  /** Ends the pushing. Consumers that wait for the end finish once the buffer is drained. Idempotent. */
  end(): void {
    this.#core.ended = true;
    this.#core.changed.notify();
  }

  /** Drops the buffered items. The figures of processed items stay. A source goes on behind the items that were read. */
  clear(): void {
    this.#core.queue.clear();
    this.#core.changed.notify();
    this.#wakeRefused();
  }

  /** Ends the stream and its consumers, drops the buffered items and closes its source. Idempotent. */
  async close(): Promise<void> {
    const closed = this.#core.close();
    this.#wakeRefused();
    await closed;
  }

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Returns the figures of this moment. O(1). */
  getStats(): StreamStats {
    return this.#figures.stats();
  }

  /** Iterates item by item until nothing is buffered, or to the end of the source. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.items();
  }

  /** Iterates item by item. Leaving a stream that reads from a source early closes the source, also while it waits. */
  items(options?: ConsumeOptions): AsyncGenerator<T, void, undefined> {
    return this.#leavable(this.#eachItem(options));
  }

  async *#eachItem(options: ConsumeOptions | undefined): AsyncGenerator<T, void, undefined> {
    for await (const [item] of this.#iterate(1, options)) {
      yield item as T;
      // What is there already needs no waiting, but for a turn. One at a time: leaving early must not lose items.
      while (!options?.signal?.aborted && !turnDue()) {
        const ready = this.#core.takeReady(1, 1, options?.untilEnd ?? false);
        if (!ready) break;
        yield ready[0] as T;
      }
    }
  }

  /** Iterates in arrays of `size` items (default `batchSize`); the last may have fewer. */
  batches(size = this.#core.config.batchSize, options?: ConsumeOptions): AsyncGenerator<T[], void, undefined> {
    return this.#leavable(this.#iterate(size, options));
  }

  /** Replaces the generator's own `return`, which waits for the item on its way and so perhaps for ever. */
  #leavable<I>(iteration: AsyncGenerator<I, void, undefined>): AsyncGenerator<I, void, undefined> {
    const leave = iteration.return.bind(iteration);
    iteration.return = async (value) => {
      await this.#leave();
      return leave(value);
    };
    return iteration;
  }

  async *#iterate(size: number, options: ConsumeOptions | undefined): AsyncGenerator<T[], void, undefined> {
    positiveInteger('size', size);
    const given = checkedConsume(options);
    let finished = false;
    try {
      for (;;) {
        const items = await this.#awaited(this.#core.next(size, size, given));
        if (!items) {
          finished = true;
          return;
        }
        yield items;
      }
    } finally {
      if (!finished) await this.#leave();
    }
  }

  /** Waits for `items` as a consumer, which keeps a pipe's process alive. */
  async #awaited(items: Promise<T[] | undefined>): Promise<T[] | undefined> {
    this.#core.hold();
    try {
      return await items;
    } finally {
      this.#core.release();
    }
  }

  /**
   * Returns a Node `Readable` in object mode over the items. Destroying it closes the source. Pushed items that were not
   * read stay in the stream. It cannot carry `null` items.
   */
  toReadable(options?: ConsumeOptions): Readable {
    return readableOf(this.#core, checkedConsume(options), () => this.#leave());
  }

  /**
   * Returns a stream of what `change` makes of each item, asked for only as they are consumed. Where `change` fails, the
   * consumer gets the items before and then the error. The next consumer goes on behind that item.
   */
  map<U>(change: (item: T, index: number) => U | Promise<U>): DatasetStream<U> {
    callable('change', change);
    let next = 0;
    return this.#derive(
      (base) =>
        new ChangedSource<T, U>(base, (item, out) => {
          const index = next;
          next += 1;
          const made = change(item, index);
          const add = (value: U) => void out.push(value);
          return made instanceof Promise ? made.then(add) : add(made);
        }),
    );
  }

  /** Returns a stream of the items for which `test` holds. A `test` that throws is as in {@link map}. */
  filter<S extends T>(test: (item: T, index: number) => item is S): DatasetStream<S>;
  filter(test: (item: T, index: number) => boolean | Promise<boolean>): DatasetStream<T>;
  filter(test: (item: T, index: number) => boolean | Promise<boolean>): DatasetStream<T> {
    callable('test', test);
    let next = 0;
    return this.#derive(
      (base) =>
        new ChangedSource<T, T>(base, (item, out) => {
          const index = next;
          next += 1;
          const keep = (held: boolean) => void (held && out.push(item));
          const held = test(item, index);
          return held instanceof Promise ? held.then(keep) : keep(held);
        }),
    );
  }

  /** Returns a stream of the first `count` items. The source is closed behind them. */
  take(count: number): DatasetStream<T> {
    nonNegativeInteger('count', count);
    return this.#derive((base) => new FirstSource<T>(base, count));
  }

  /**
   * Returns a stream of every `count`-th item, from the `index`-th (0 to `count` − 1). The shards of a dataset have each item
   * once. Each shard needs a stream of its own over the dataset, usually in a process of its own. A second shard of the same
   * stream throws `AiEvalsError` `ERR_CLOSED`, since the two would take items from one another.
   */
  shard(index: number, count: number): DatasetStream<T> {
    positiveInteger('count', count);
    if (nonNegativeInteger('index', index) >= count)
      outOfRange('index', `a whole number from 0 to ${count - 1}`, index);
    if (this.#sharded) throw new AiEvalsError('ERR_CLOSED', 'shard: this stream was sharded; open one for each shard');
    this.#sharded = true;
    return this.filter((_, position) => position % count === index);
  }

  #derive<U>(over: (base: StreamSource<T>) => Source<U>): DatasetStream<U> {
    const base = new StreamSource<T>(this.#core, () => {
      this.#derived.delete(derived);
      return this.#leave();
    });
    const { batchSize, maxMemory, bufferSize, spillDirectory }: FullConfig = this.#core.config;
    const config = { batchSize, maxMemory, bufferSize, spillDirectory };
    const derived: DatasetStream<U> = DatasetStream.#over<U>(over(base), config);
    this.#derived.add(derived);
    return derived;
  }

  /** Closes a source that a consumer leaves. Pushed items stay. */
  #leave(): Promise<void> | undefined {
    return this.#core.hasSource ? this.close() : undefined;
  }

  #reportInvalid(record: InvalidRecord): void {
    emitSafely(this, 'invalid', record);
    for (const derived of this.#derived) derived.#reportInvalid(record);
  }

  #completed(items: number, milliseconds: number): void {
    this.#figures.completed(items, milliseconds);
    this.#emitComplete(items, milliseconds);
  }

  #emitComplete(batchSize: number, processingTime: number): void {
    this.#core.refused = false;
    emitSafely(this, 'batch-complete', { batchSize, processingTime, totalProcessed: this.#figures.processed });
  }

  /** Emits the event that a refused push waits for: the queue has room again, or nobody drains it any more. */
  #wakeRefused(): void {
    if (this.#core.refused) this.#emitComplete(0, 0);
  }

  #emitData(items: readonly T[]): void {
    if (this.listenerCount('data') > 0) for (const item of items) emitSafely(this, 'data', item);
  }

  #reportMemory(current: number): void {
    if (this.#memoryReported) return;
    this.#memoryReported = true;
    emitSafely(this, 'memory-pressure', { current: Math.round(current), max: this.#core.config.maxMemory });
  }

  #reportBackpressure(refused: boolean): void {
    if (!refused && this.#spillReported) return;
    this.#spillReported = !refused;
    this.#figures.backpressureEvents += 1;
    const payload = { bufferSize: this.#core.queue.length, maxSize: this.#core.config.bufferSize };
    emitSafely(this, 'backpressure', payload);
  }

  override on<E extends keyof StreamEvents<T>>(event: E, listener: (payload: StreamEvents<T>[E]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this;
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.on(event, listener as (...args: unknown[]) => void);
  }

  override once<E extends keyof StreamEvents<T>>(event: E, listener: (payload: StreamEvents<T>[E]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this;
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.once(event, listener as (...args: unknown[]) => void);
  }
}
