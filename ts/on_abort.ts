/**
 * Waiting for an `AbortSignal`. What always holds: a signal has one listener of ours however many wait for it, so that Node
 * does not take a thousand calls with one signal for a leak.
 */

/** Has `act`, which must not throw, called when `signal` is aborted, unless what is returned is called before. */
export function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (signal === undefined) return () => {};
  const waiters = known.get(signal) ?? new Waiters(signal);
  known.set(signal, waiters);
  return waiters.add(act);
}

class Waiters {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<{ act: () => void }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(act: () => void): () => void {
    const waiter = { act };
    if (this.#waiting.size === 0) this.#signal.addEventListener('abort', this);
    this.#waiting.add(waiter);
    return () => {
      if (this.#waiting.delete(waiter) && this.#waiting.size === 0) this.#signal.removeEventListener('abort', this);
    };
  }

  /** The options of a listener. */
  handleEvent(): void {
    this.#signal.removeEventListener('abort', this);
    for (const waiter of [...this.#waiting]) {
      // Another may have called it off meanwhile.
      if (this.#waiting.delete(waiter)) waiter.act();
    }
  }
}

const known = new WeakMap<AbortSignal, Waiters>();
