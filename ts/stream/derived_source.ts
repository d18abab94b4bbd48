/** Sources over another stream, from which `map`, `filter`, `take` and `shard` read. */
import { turnDue } from '../event_loop_turn.js';
import type { Pulled, Source } from './source.js';
import type { StreamCore } from './stream_core.js';

/** A source that takes items back which were pulled and not used; they come first in the next pull. */
export interface BaseSource<T> extends Source<T> {
  putBack(items: T[]): void;
}

/** The items of another stream, each of which is then out of it. */
export class StreamSource<T> implements BaseSource<T> {
  readonly #core: StreamCore<T>;
  readonly #close: () => Promise<void> | void;

  constructor(core: StreamCore<T>, close: () => Promise<void> | void) {
    this.#core = core;
    this.#close = close;
  }

  pull(max: number, untilEnd: boolean): Promise<Pulled<T> | undefined> | Pulled<T> {
    const items = this.#core.takeReady(max, 1, untilEnd);
    if (items) return { items };
    return this.#core.next(max, 1, { untilEnd }).then((arrived) => arrived && { items: arrived });
  }

  putBack(items: T[]): void {
    this.#core.putBack(items);
  }

  hold(on: boolean): void {
    if (on) this.#core.hold();
    else this.#core.release();
  }

  close(): Promise<void> | void {
    return this.#close();
  }

  get skipped(): number | undefined {
    return this.#core.skipped;
  }
}

/** Puts what becomes of `item` into `out`; a promise when that takes time. */
export type Change<T, U> = (item: T, out: U[]) => Promise<void> | void;

/** `base` with `change` made of each item, one after the other. */
export class ChangedSource<T, U> implements Source<U> {
  readonly #base: BaseSource<T>;
  readonly #change: Change<T, U>;

  constructor(base: BaseSource<T>, change: Change<T, U>) {
    this.#base = base;
    this.#change = change;
  }

  pull(max: number, untilEnd: boolean): Promise<Pulled<U> | undefined> | Pulled<U> | undefined {
    const pulled = this.#base.pull(max, untilEnd);
    if (pulled instanceof Promise) return pulled.then((arrived) => this.#changed(arrived));
    return this.#changed(pulled);
  }

  close(): Promise<void> | void {
    return this.#base.close();
  }

  hold(on: boolean): void {
    this.#base.hold?.(on);
  }

  get skipped(): number | undefined {
    return this.#base.skipped;
  }

  #changed(pulled: Pulled<T> | undefined): Promise<Pulled<U> | undefined> | Pulled<U> | undefined {
    if (!pulled) return closed(this.#base);
    const { items } = pulled;
    const out: U[] = [];
    for (let at = 0; at < items.length; at += 1) {
      try {
        const waits = this.#change(items[at] as T, out) ?? turnDue();
        if (waits) return this.#goOn(waits, items, at, out);
      } catch (error) {
        return this.#failed(error, items, at, out);
      }
    }
    return { items: out };
  }

  /** Goes on as {@link #changed} does, behind item `at`, which `waits`. */
  async #goOn(waits: Promise<void>, items: T[], from: number, out: U[]): Promise<Pulled<U>> {
    let at = from;
    try {
      await waits;
      for (at += 1; at < items.length; at += 1) {
        const next = this.#change(items[at] as T, out) ?? turnDue();
        if (next) await next;
      }
    } catch (error) {
      return this.#failed(error, items, at, out);
    }
    return { items: out };
  }

  /** Gives back the items behind the one at `at`, which failed, and hands on those before it. */
  #failed(error: unknown, items: T[], at: number, out: U[]): Pulled<U> {
    this.#base.putBack(items.slice(at + 1));
    return { items: out, failed: { error } };
  }
}

/** The first items of `base`, which is closed behind them. */
export class FirstSource<T> implements Source<T> {
  readonly #base: BaseSource<T>;
  #left: number;

  constructor(base: BaseSource<T>, count: number) {
    this.#base = base;
    this.#left = count;
  }

  pull(max: number, untilEnd: boolean): Promise<Pulled<T> | undefined> | Pulled<T> | undefined {
    if (this.#left === 0) return closed(this.#base);
    const pulled = this.#base.pull(Math.min(max, this.#left), untilEnd);
    return pulled instanceof Promise ? pulled.then((arrived) => this.#counted(arrived)) : this.#counted(pulled);
  }

  close(): Promise<void> | void {
    return this.#base.close();
  }

  hold(on: boolean): void {
    this.#base.hold?.(on);
  }

  get skipped(): number | undefined {
    return this.#base.skipped;
  }

  #counted(pulled: Pulled<T> | undefined): Promise<undefined> | Pulled<T> | undefined {
    if (!pulled) return closed(this.#base);
    this.#left -= pulled.items.length;
    return pulled;
  }
}

/** Closes `base`, behind which nothing follows. */
function closed(base: Source<unknown>): Promise<undefined> | undefined {
  return base.close()?.then(() => undefined);
}
