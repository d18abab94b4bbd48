/** Sources of a stream's items, for streams that nobody pushes to. */
import { wrongType } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';

/** Items by demand. One pull at a time; no pull after the end, an error or `close`. */
export interface Source<T> {
  /**
   * Returns at most about `max` items (a file gives what it has parsed), possibly none yet; `undefined` at the end. A source
   * that others fill ends once it is empty, unless it is to wait `untilEnd`.
   */
  pull(max: number, untilEnd: boolean): Promise<Pulled<T> | undefined> | Pulled<T> | undefined;
  /** Closes what the source holds open. Idempotent. */
  close(): Promise<void> | void;
  /** Takes note that the first consumer begins to wait for items, or that none waits any more. */
  hold?(on: boolean): void;
  /** The progress of reading a file. */
  readonly progress?: SourceProgress | undefined;
  /** Records left out so far; only where there can be some. */
  readonly skipped?: number | undefined;
  /** Bytes of memory that hold what was read and was not pulled yet; only where there can be some. */
  readonly bytesAhead?: number | undefined;
}

/** The progress of reading a source. */
export interface SourceProgress {
  itemsRead: number;
  bytesRead: number;
  bytesTotal?: number;
  itemsTotal?: number;
}

/** The outcome of a pull. */
export interface Pulled<T> {
  items: T[];
  /** Bytes that they take, when that is known without looking at them. */
  bytes?: number | undefined;
  /** The failure right behind the items, when the source can be pulled on all the same. */
  failed?: { error: unknown } | undefined;
}

/** Anything with items to iterate: arrays, generators, Node `Readable`s in object mode, web `ReadableStream`s. */
export type ItemSource<T> = Iterable<T> | AsyncIterable<T> | ReadableStreamLike<T>;

/** The part of a web `ReadableStream` that is used. */
export interface ReadableStreamLike<T> {
  getReader(): {
    read(): Promise<{ done: boolean; value?: T | undefined }>;
    cancel(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/**
 * A web `ReadableStream`, in the form from which the type of its items is inferred. Every typing of it has one signature for
 * what it pipes. `getReader` has several in the typings of the DOM, and the last one is that of readers of bytes.
 */
export interface PipedStream<T> {
  getReader(): ReturnType<ReadableStreamLike<unknown>['getReader']>;
  pipeTo(destination: { getWriter(): { write(item?: T): Promise<void> } }): Promise<void>;
}

/** Returns a source over anything with items; `undefined` when it is nothing of the kind. */
export function sourceOf<T>(input: unknown): Source<T> | undefined {
  if (typeof input === 'string') return undefined;
  if (typeof input !== 'object' || input === null) return undefined;
  // Before the iterators: a reader can be cancelled while it waits.
  if ('getReader' in input && typeof input.getReader === 'function') {
    return new ReaderSource<T>(input as ReadableStreamLike<T>);
  }
  if (Symbol.asyncIterator in input) return new AsyncIterableSource<T>(input as AsyncIterable<T>);
  if (Symbol.iterator in input) return new IterableSource<T>(input as Iterable<T>);
  return undefined;
}

/** Checks a result as `for … of` does: anything else would be read as an item, for ever. */
function checked<R>(result: R): R {
  return typeof result === 'object' && result !== null ? result : wrongType('An iterator result', 'an object', result);
}

class IterableSource<T> implements Source<T> {
  readonly #iterator: Iterator<T>;
  /** The error that the iterator threw: to be told once the items before it were. */
  #failure: { error: unknown } | undefined;
  #open = true;

  constructor(iterable: Iterable<T>) {
    this.#iterator = iterable[Symbol.iterator]();
  }

  pull(max: number): Pulled<T> | undefined {
    const items: T[] = [];
    // One that takes its time gives what it has: what waits for a turn of the event loop waits outside.
    while (this.#open && items.length < max && !(items.length > 0 && turnDue())) this.#next(items);
    if (items.length > 0) return { items };
    if (this.#failure) throw this.#failure.error;
    return undefined;
  }

  #next(items: T[]): void {
    try {
      const next = checked(this.#iterator.next());
      if (next.done) this.#open = false;
      else items.push(next.value);
    } catch (error) {
      this.#open = false;
      this.#failure = { error };
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#iterator.return?.();
  }
}

class ReaderSource<T> implements Source<T> {
  readonly #reader: ReturnType<ReadableStreamLike<T>['getReader']>;
  #open = true;

  constructor(stream: ReadableStreamLike<T>) {
    this.#reader = stream.getReader();
  }

  async pull(): Promise<Pulled<T> | undefined> {
    try {
      const { done, value } = await this.#reader.read();
      if (!done) return { items: [value as T] };
    } catch (error) {
      this.#open = false;
      throw error;
    }
    this.#open = false;
    this.#reader.releaseLock();
    return undefined;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#reader.cancel().catch(() => {});
    this.#reader.releaseLock();
  }
}

class AsyncIterableSource<T> implements Source<T> {
  readonly #iterator: AsyncIterator<T>;
  /** Ends a Node `Readable` that waits, or that nobody has read from yet. Its iterator ends neither. */
  readonly #destroy: (() => void) | undefined;
  #open = true;
  #pulling = false;

  constructor(iterable: AsyncIterable<T> & { destroy?: unknown }) {
    this.#iterator = iterable[Symbol.asyncIterator]();
    const { destroy } = iterable;
    if (typeof destroy === 'function') this.#destroy = () => void destroy.call(iterable);
  }

  async pull(): Promise<Pulled<T> | undefined> {
    this.#pulling = true;
    try {
      const next = checked(await this.#iterator.next());
      if (!next.done) return { items: [next.value] };
    } catch (error) {
      this.#open = false;
      throw error;
    } finally {
      this.#pulling = false;
    }
    this.#open = false;
    return undefined;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const closed = this.#iterator.return?.();
    // A generator that waits for its next item closes only then, which may be never.
    if (this.#pulling) void Promise.resolve(closed).catch(() => {});
    else await closed;
    this.#destroy?.();
  }
}
