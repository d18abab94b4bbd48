/** The state behind a `DatasetStream`: its queue, its source, and the signal that consumers wait for. */

import { signal as checkedSignal, options as checkOptions } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
import { onAbort } from '../on_abort.js';
import { ReadItems } from './heap_items.js';
import { ItemQueue } from './item_queue.js';
import type { Pulled, Source, SourceProgress } from './source.js';
import type { FullConfig } from './stream_config.js';

/** Options of every consumer. */
export interface ConsumeOptions {
  /** Wait for `end()` instead of finishing once nothing is buffered. A stream with a source always reads to its end. */
  untilEnd?: boolean | undefined;
  /** Aborted: nothing more is handed out and the consumer rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Items that wait to be handed out. */
export interface Buffered<T> {
  readonly length: number;
  readonly bytes: number;
  take(max: number): T[];
  putBack(items: T[]): void;
  clear(): void;
}

/** The callbacks of a core for what becomes of its items. */
export interface CoreListener<T> {
  /** Items came from the source. */
  read(items: readonly T[]): void;
  /** An iteration was handed so many items; less than none: it gave them back. */
  handedOut(count: number): void;
  /** The source failed, and a consumer is about to be told. */
  failed(error: unknown): void;
}

/** Wakes consumers that wait for something to change. One `notify` wakes all that wait at that moment. */
class ChangeSignal {
  #waiting: (() => void)[] = [];

  /** Resolves at the next {@link notify}. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** O(1) when nobody waits. */
  notify(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export class StreamCore<T> {
  /** The pushed items; none where a source is read. */
  readonly pushed: ItemQueue<T> | undefined;
  readonly queue: Buffered<T>;
  readonly changed = new ChangeSignal();
  readonly config: FullConfig;
  paused = false;
  ended = false;
  /** True when a push was refused that nobody was woken for since. */
  refused = false;
  #closed = false;
  /** The number of `process` calls that are handing out batches. */
  running = 0;
  readonly #source: Source<T> | undefined;
  readonly #readItems = new ReadItems<T>();
  readonly #listener: CoreListener<T> | undefined;
  #sourceOpen: boolean;
  /** The failure behind the items that are buffered. `final`: nothing more comes behind that. */
  #failure: { error: unknown; final: boolean } | undefined;
  #filling = false;
  /** Consumers that wait, or whose handlers run. */
  #consumers = 0;

  constructor(config: FullConfig, source?: Source<T>, listener?: CoreListener<T>) {
    this.config = config;
    this.#source = source;
    this.#sourceOpen = source !== undefined;
    this.#listener = listener;
    const { bufferSize: maxItems, maxMemory: maxBytes, spillDirectory: directory } = config;
    this.pushed = source ? undefined : new ItemQueue<T>({ maxItems, maxBytes, directory });
    this.queue = this.pushed ?? this.#readItems;
  }

  get hasSource(): boolean {
    return this.#source !== undefined;
  }

  get skipped(): number | undefined {
    return this.#source?.skipped;
  }

  get progress(): SourceProgress | undefined {
    return this.#source?.progress;
  }

  /** Counts a consumer in: while there is one, a source that waits keeps the process alive. */
  hold(): void {
    this.#consumers += 1;
    if (this.#consumers === 1) this.#source?.hold?.(true);
  }

  /** Counts a consumer out. */
  release(): void {
    this.#consumers -= 1;
    if (this.#consumers === 0) this.#source?.hold?.(false);
  }

  /** Bytes of memory held: items that wait, and what was read ahead of them. */
  get bytes(): number {
    return this.queue.bytes + (this.#source?.bytesAhead ?? 0);
  }

  /** Returns whether nothing is handed out for now. A closed stream has nothing left to hold back. */
  get waits(): boolean {
    return this.paused && !this.#closed;
  }

  /** Returns whether the source is going to give something behind what is buffered. */
  get reads(): boolean {
    return this.#sourceOpen && this.#failure === undefined;
  }

  /** Returns whether nothing is left and nothing can come. Throws what the source failed with, if that is next. */
  finished(untilEnd: boolean): boolean {
    if (this.queue.length > 0 || this.reads) return false;
    const failure = this.#failure;
    if (failure) {
      if (!failure.final) this.#failure = undefined;
      this.#listener?.failed(failure.error);
      throw failure.error;
    }
    return this.hasSource || this.ended || !untilEnd;
  }

  /**
   * Asks the source for items until `wanted` are buffered or there is something to wait for: `changed` tells of each
   * arrival, and whoever still wants more asks again. Only a source over another stream asks whether to wait `untilEnd`.
   */
  fill(wanted: number, untilEnd: boolean): void {
    while (this.reads && !this.#filling && this.queue.length < wanted) {
      const arrival = turnDue() ?? this.#read(wanted - this.queue.length, untilEnd);
      if (!arrival) continue;
      this.#filling = true;
      void arrival.then(() => {
        this.#filling = false;
        this.changed.notify();
      });
    }
  }

  /** Takes from `atLeast` to `max` items, if they are there at once. At the end, or when nothing more is promised, it takes fewer. */
  takeReady(max: number, atLeast: number, untilEnd: boolean): T[] | undefined {
    if (!this.#isReady(atLeast, untilEnd)) return undefined;
    const items = this.queue.take(max);
    this.#listener?.handedOut(items.length);
    return items;
  }

  /** Takes items as {@link takeReady} does, as soon as they are there; `undefined` at the end. */
  async next(max: number, atLeast: number, options: ConsumeOptions): Promise<T[] | undefined> {
    const { untilEnd = false, signal } = options;
    const leave = onAbort(signal, () => this.changed.notify());
    try {
      const due = turnDue();
      if (due) await due;
      for (;;) {
        signal?.throwIfAborted();
        if (this.#isReady(atLeast, untilEnd)) {
          const loading = this.load(max);
          if (loading) {
            await loading;
            continue;
          }
          const items = this.takeReady(max, atLeast, untilEnd);
          if (items) return items;
        }
        if (!this.waits && this.finished(untilEnd)) return undefined;
        await this.changed.wait();
      }
    } finally {
      leave();
    }
  }

  /** Returns whether `atLeast` items are there, or as many as there are going to be. */
  #isReady(atLeast: number, untilEnd: boolean): boolean {
    if (this.waits) return false;
    this.fill(atLeast, untilEnd);
    const { length } = this.queue;
    return length > 0 && (length >= atLeast || !this.reads);
  }

  /** Brings spilled items back into the heap, up to `wanted`. Returns a promise when that takes more than a turn. */
  load(wanted: number): Promise<void> | undefined {
    while (this.pushed?.load(wanted)) {
      const due = turnDue();
      if (due) return due.then(() => this.load(wanted));
    }
    return undefined;
  }

  /** Takes back items that an iteration was handed and did not use. They come next. */
  putBack(items: T[]): void {
    if (this.#closed || items.length === 0) return;
    this.queue.putBack(items);
    this.#listener?.handedOut(-items.length);
    this.changed.notify();
  }

  /** Ends the stream, drops what is buffered and closes the source. */
  async close(): Promise<void> {
    this.ended = true;
    this.#closed = true;
    const open = this.#sourceOpen;
    this.#sourceOpen = false;
    if (open) this.#failure = undefined;
    this.queue.clear();
    this.changed.notify();
    if (open) await this.#source?.close();
  }

  /** Pulls once. It neither throws nor rejects: an error is kept for the consumer that gets that far. */
  #read(max: number, untilEnd: boolean): Promise<void> | undefined {
    try {
      const pulled = this.#source?.pull(max, untilEnd);
      if (pulled instanceof Promise)
        return pulled.then((arrived) => this.#receive(arrived)).catch((e) => this.#fail(e));
      this.#receive(pulled);
    } catch (error) {
      this.#fail(error);
    }
    return undefined;
  }

  #receive(pulled: Pulled<T> | undefined): void {
    // Closed meanwhile: what was on its way is dropped.
    if (!this.#sourceOpen) return;
    if (!pulled) {
      this.#sourceOpen = false;
      return;
    }
    const { items, bytes, failed } = pulled;
    this.#readItems.push(items, bytes);
    if (failed) this.#failure = { error: failed.error, final: false };
    this.#listener?.read(items);
  }

  #fail(error: unknown): void {
    if (!this.#sourceOpen) return;
    this.#sourceOpen = false;
    this.#failure = { error, final: true };
    void Promise.resolve(this.#source?.close()).catch(() => {}); // The first error is the one to report.
  }
}

/** Returns `options`, checked. */
export function checkedConsume<O extends ConsumeOptions>(options: O | undefined): Partial<O> {
  const given = checkOptions('options', options);
  const { signal } = given;
  checkedSignal('signal', signal);
  return given;
}
