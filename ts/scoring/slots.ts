/** Slots for closures: at most a fixed number is held at once, first come first served. */

/** A slot that somebody waits for. */
export interface Waiting {
  start(): void;
  refuse(error: Error): void;
}

/** A fixed number of slots, and the queue for them. All operations are O(1) amortised. */
export class Slots {
  /** Number of slots. */
  readonly count: number;
  #held = 0;
  /** Closures that had a slot before and need one to go on: they come before those that have not begun. */
  readonly #returning = new Queue<() => void>();
  readonly #waiting = new Queue<Waiting>();

  constructor(count: number) {
    this.count = count;
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Starts `waiting` with a slot, at once or when one is free. */
  take(waiting: Waiting): void {
    if (this.#held >= this.count) {
      this.#waiting.push(waiting);
      return;
    }
    this.#held += 1;
    waiting.start();
  }

  /** Gives a slot to a closure that gave its own up for a while. */
  takeAgain(goOn: () => void): void {
    if (this.#held >= this.count) {
      this.#returning.push(goOn);
      return;
    }
    this.#held += 1;
    goOn();
  }

  /** Frees a slot and starts who is next. */
  release(): void {
    this.#held -= 1;
    if (this.#held >= this.count) return;
    const next = this.#returning.shift() ?? this.#startOf(this.#waiting.shift());
    if (next === undefined) return;
    this.#held += 1;
    next();
  }

  #startOf(waiting: Waiting | undefined): (() => void) | undefined {
    return waiting && (() => waiting.start());
  }

  /** Refuses all that have not begun. */
  refuseWaiting(error: () => Error): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.refuse(error());
  }
}

/** A first-in first-out queue. */
class Queue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || 2 * this.#head > this.#items.length + 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
