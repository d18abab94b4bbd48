/**
 * Which computation waits for which: one that would wait for itself, be it through others, would never end.
 *
 * What is running is known by its asynchronous context, which is entered where a computation starts. A hit enters none, and
 * while nothing is computed there is none that promises would have to carry on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { AiEvalsError } from '../errors.js';

const running = new AsyncLocalStorage<Computation>();
/** Computations that have started and not ended. */
let underWay = 0;

export class Computation {
  /** Those that it waits for now. */
  readonly #awaited = new Set<{ computation: Computation }>();
  #hasStarted = false;
  #hasEnded = false;

  /** The one that calls, if it has not ended. */
  static get current(): Computation | undefined {
    if (underWay === 0) return undefined;
    const computation = running.getStore();
    return computation === undefined || computation.#hasEnded ? undefined : computation;
  }

  /** Runs `work` as this computation. */
  run<R>(work: () => R): R {
    this.#hasStarted = true;
    underWay += 1;
    return running.run(this, work);
  }

  /** Says that its outcome is known. */
  end(): void {
    if (!this.#hasStarted || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#awaited.clear();
    underWay -= 1;
    // Until the next one starts, promises cost what they cost without any context.
    if (underWay === 0) running.disable();
  }

  /** Whether `other` cannot end before this. O(computations that `other` waits for, and so on). */
  isAwaitedBy(other: Computation): boolean {
    const seen = new Set([other]);
    for (const one of seen) {
      if (one === this) return true;
      for (const { computation } of one.#awaited) if (!computation.#hasEnded) seen.add(computation);
    }
    return false;
  }

  /** Notes that it waits for `other` until `outcome` is known. */
  awaits(other: Computation, outcome: Promise<unknown>): void {
    const wait = { computation: other };
    this.#awaited.add(wait);
    const over = () => this.#awaited.delete(wait);
    outcome.then(over, over);
  }
}

/** The error of a computation that waits for itself. */
export function circularWait(): AiEvalsError {
  return new AiEvalsError(
    'ERR_CIRCULAR_WAIT',
    "this value is computed by a function that waits for it: ask for another key there, or for mode 'off'",
  );
}
