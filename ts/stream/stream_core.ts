/** The state behind a `DatasetStream`: its queue, its source, and the one place where consumers wait. */

import { signal as checkedSignal, options as checkOptions } from '../arguments.js';
import { onAbort } from '../on_abort.js';
import { ChangeSignal } from './change_signal.js';
import { EventLoopTurn } from './event_loop_turn.js';
import { ItemQueue } from './item_queue.js';
import type { Pulled, Source } from './source.js';
import type { FullConfig } from './stream_config.js';

/** How long a consumer waits for items. */
export interface ConsumeOptions {
  /** Wait for `end()` instead of finishing once nothing is buffered. A stream with a source always reads to its end. */
  untilEnd?: boolean | undefined;
  /** Aborted: nothing more is handed out and the consumer rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export class StreamCore<T> {
  readonly queue: ItemQueue<T>;
  readonly changed = new ChangeSignal();
  /** For consumers that may find everything there already. */
  readonly turn = new EventLoopTurn();
  readonly config: FullConfig;
  paused = false;
  ended = false;
  #closed = false;
  /** How many `process` calls are handing out batches. */
  running = 0;
  readonly #source: Source<T> | undefined;
  readonly #onRead: (item: T) => void;
  #sourceOpen: boolean;
  #failure: { error: unknown } | undefined;
  #filling = false;

  constructor(config: FullConfig, source: Source<T> | undefined, onRead: (item: T) => void) {
    this.config = config;
    this.#source = source;
    this.#sourceOpen = source !== undefined;
    this.#onRead = onRead;
    this.queue = new ItemQueue<T>({
      maxItems: config.bufferSize,
      maxBytes: config.maxMemory,
      directory: config.spillDirectory,
    });
  }

  get hasSource(): boolean {
    return this.#source !== undefined;
  }

  get skipped(): number | undefined {
    return this.#source?.skipped;
  }

  /** Whether nothing is handed out for now. One that was closed has nothing left to hold back. */
  get waits(): boolean {
    return this.paused && !this.#closed;
  }

  /** Whether the source may still give items. */
  get sourceOpen(): boolean {
    return this.#sourceOpen;
  }

  /** Whether nothing is left and nothing can come. Throws what ended the source, if it was an error. */
  finished(untilEnd: boolean): boolean {
    if (this.queue.length > 0 || this.#sourceOpen) return false;
    if (this.#failure) throw this.#failure.error;
    return this.hasSource || this.ended || !untilEnd;
  }

  /** Whether `error` is what ended the source. */
  isFailure(error: unknown): boolean {
    return this.#failure !== undefined && this.#failure.error === error;
  }

  /**
   * Asks the source for items until `wanted` are buffered; `changed` tells of each arrival. Only a source over another
   * stream asks whether to wait `untilEnd`.
   */
  fill(wanted: number, untilEnd: boolean): void {
    const source = this.#source;
    while (source && this.#sourceOpen && !this.#filling && this.queue.length < wanted) {
      let pulled: ReturnType<Source<T>['pull']>;
      try {
        pulled = source.pull(wanted - this.queue.length, untilEnd);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (pulled instanceof Promise) {
        this.#filling = true;
        pulled.then(
          (items) => {
            this.#filling = false;
            this.#receive(items);
            this.fill(wanted, untilEnd);
            this.changed.notify();
          },
          (error: unknown) => {
            this.#filling = false;
            this.#fail(error);
            this.changed.notify();
          },
        );
        return;
      }
      this.#receive(pulled);
    }
  }

  /** The next items, from `atLeast` (fewer at the end, or when nothing more is promised) to `max`; `undefined` at the end. */
  async next(max: number, atLeast: number, options: ConsumeOptions): Promise<T[] | undefined> {
    const { untilEnd = false, signal } = options;
    const leave = onAbort(signal, () => this.changed.notify());
    try {
      const due = this.turn.due();
      if (due) await due;
      for (;;) {
        signal?.throwIfAborted();
        if (!this.waits) {
          this.fill(atLeast, untilEnd);
          if (this.queue.length >= atLeast || (this.queue.length > 0 && !this.#sourceOpen)) return this.queue.take(max);
          if (this.finished(untilEnd)) return undefined;
        }
        await this.changed.wait();
      }
    } finally {
      leave();
    }
  }

  /** Ends the stream, drops what is buffered and closes the source. */
  async close(): Promise<void> {
    this.ended = true;
    this.#closed = true;
    const open = this.#sourceOpen;
    this.#sourceOpen = false;
    this.queue.clear();
    this.changed.notify();
    if (open) await this.#source?.close();
  }

  #receive(pulled: Pulled<T> | undefined): void {
    // Closed meanwhile: what was on its way is dropped.
    if (!this.#sourceOpen) return;
    if (!pulled) {
      this.#sourceOpen = false;
      return;
    }
    if (pulled.bytes === undefined) for (const item of pulled.items) this.queue.push(item);
    else this.queue.pushRead(pulled.items, pulled.bytes);
    for (const item of pulled.items) this.#onRead(item);
  }

  #fail(error: unknown): void {
    if (!this.#sourceOpen) return;
    this.#sourceOpen = false;
    this.#failure = { error };
    void Promise.resolve(this.#source?.close()).catch(() => {}); // The first error is the one to report.
  }
}

/** `options`, checked. */
export function checkedConsume<O extends ConsumeOptions>(options: O | undefined): Partial<O> {
  const given = checkOptions('options', options);
  const { signal } = given;
  checkedSignal('signal', signal);
  return given;
}
