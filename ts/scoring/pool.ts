/** A pool of slots for scoring. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { availableParallelism } from 'node:os';
import { callable, positiveInteger } from '../arguments.js';
import { AiEvalsError } from '../errors.js';

/** State of a pool. */
export interface PoolStats {
  maxWorkers: number;
  /** Closures running now. */
  activeWorkers: number;
  /** Closures waiting for a slot. */
  queuedTasks: number;
  /** `activeWorkers / maxWorkers`. */
  utilization: number;
}

interface Waiting {
  start(): void;
  refuse(error: Error): void;
}

/**
 * Runs closures, at most `maxWorkers` at once, first come first served.
 *
 * A closure cannot leave its thread: `execute` runs it on the main thread, so plain JavaScript in it does not become
 * parallel. What becomes parallel is what the closure waits for.
 */
export class ScoringWorkerPool {
  readonly #maxWorkers: number;
  #active = 0;
  #queue: (Waiting | undefined)[] = [];
  #head = 0;
  #closed: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /** `maxWorkers` defaults to the cores of the machine less one, at least 1. Throws a `RangeError` below 1. */
  constructor(maxWorkers?: number) {
    // Not `??`: null is a mistake, not a request for the default.
    const count = maxWorkers === undefined ? Math.max(availableParallelism() - 1, 1) : maxWorkers;
    this.#maxWorkers = positiveInteger('maxWorkers', count);
  }

  /**
   * Runs `task` on the main thread when a slot is free; resolves or rejects as it does. A task that throws rejects its own
   * promise and frees its slot. Rejects with `ERR_CLOSED` after {@link close}.
   */
  execute<T>(task: () => T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      callable('task', task);
      if (this.#closed !== undefined) throw closed();
      const start = (): void => {
        this.#active += 1;
        let returned: T | PromiseLike<T>;
        try {
          returned = task();
        } catch (error) {
          this.#release();
          reject(error);
          return;
        }
        Promise.resolve(returned).then(
          (value) => {
            this.#release();
            resolve(value);
          },
          (error) => {
            this.#release();
            reject(error);
          },
        );
      };
      if (this.#active < this.#maxWorkers) {
        start();
        return;
      }
      // It starts when another ends, and must still run in the asynchronous context of its own call.
      const context = AsyncLocalStorage.snapshot();
      this.#queue.push({ start: () => context(start), refuse: reject });
    });
  }

  #release(): void {
    this.#active -= 1;
    if (this.#active < this.#maxWorkers) this.#next()?.start();
    if (this.#active === 0) this.#idle?.();
  }

  /** The first in the queue; O(1) amortised. */
  #next(): Waiting | undefined {
    if (this.#head === this.#queue.length) return undefined;
    const waiting = this.#queue[this.#head];
    this.#queue[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return waiting;
  }

  /** What the pool does at the moment. */
  getStats(): PoolStats {
    const [maxWorkers, activeWorkers] = [this.#maxWorkers, this.#active];
    const queuedTasks = this.#queue.length - this.#head;
    return { maxWorkers, activeWorkers, queuedTasks, utilization: activeWorkers / maxWorkers };
  }

  /**
   * Takes no more tasks: those that wait reject with `ERR_CLOSED`, those that run are awaited. Calling it again returns the
   * same promise.
   */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      for (let waiting = this.#next(); waiting !== undefined; waiting = this.#next()) waiting.refuse(closed());
      if (this.#active === 0) resolve();
      else this.#idle = resolve;
    });
    return this.#closed;
  }

  /** `await using pool = new ScoringWorkerPool()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closed(): AiEvalsError {
  return new AiEvalsError('ERR_CLOSED', 'The pool is closed. Create a new ScoringWorkerPool to score more.');
}
