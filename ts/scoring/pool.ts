/** A pool of slots for scoring, and of native threads. */
import { AsyncResource } from 'node:async_hooks';
import { availableParallelism } from 'node:os';
import { callable, positiveInteger, string, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import type { BatchOptions, ScoredPair, Scorer } from '../scorers/scorer.js';
import { batchRun } from './batch_run.js';
import { isNative, markNative, type RunningClosure, runAs } from './current_pool.js';
import { ModuleThreads } from './module_threads.js';
import { nativeSide, readPairs, refusedPair } from './native_pairs.js';
import { type Kernel, ScoringThreads } from './native_scoring.js';
import { scoreInTurn } from './scorer_batch.js';
import { Slots } from './slots.js';

/** State of a pool. */
export interface PoolStats {
  maxWorkers: number;
  /** Closures and modules running now, and threads with native work; at most `maxWorkers`. */
  activeWorkers: number;
  /** Closures that wait for a slot, and pairs that wait for a thread. */
  queuedTasks: number;
  /** `activeWorkers / maxWorkers`. */
  utilization: number;
}

/**
 * Scores on native threads and runs closures, at most `maxWorkers` of each at once.
 *
 * - {@link scoreBatch} scores a batch in one crossing into native code. It is the fastest way.
 * - {@link execute} runs a closure. A closure cannot leave its thread, so it runs on the main one and plain JavaScript in
 *   it does not become parallel. The native scorers that it calls before its first `await` compute on the pool's threads,
 *   and the calls of all closures of one turn of the event loop share a crossing.
 * - {@link executeModule} runs JavaScript on worker threads.
 */
export class ScoringWorkerPool {
  readonly #maxWorkers: number;
  readonly #slots: Slots;
  readonly #threads: ScoringThreads;
  readonly #modules = new ModuleThreads();
  /** Batches and closures that are not done. */
  #running = 0;
  #closed: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /** `maxWorkers` defaults to the cores of the machine less one, at least 1. Throws a `RangeError` below 1. */
  constructor(maxWorkers?: number) {
    // Not `??`: null is a mistake, not a request for the default.
    const count = maxWorkers === undefined ? Math.max(availableParallelism() - 1, 1) : maxWorkers;
    this.#maxWorkers = positiveInteger('maxWorkers', count);
    this.#slots = new Slots(this.#maxWorkers);
    this.#threads = new ScoringThreads(this.#maxWorkers);
  }

  /**
   * Scores every pair, in order, on the pool's threads; resolves to the scores alone.
   *
   * The scores are those of `scoreSync` bit for bit, whatever `maxWorkers` is. A scorer in JavaScript runs on the main
   * thread, at most `maxWorkers` pairs at once. A bad pair is a `TypeError` with its index, before any work; one over the
   * scorer's `maxCells` a `RangeError`. Rejects with the signal's reason within 50 ms of its abort, and with `ERR_CLOSED`
   * after {@link close}.
   *
   * Packs the texts by turns of under 5 ms. Holds at most 16 MB of them outside the heap, and one pair.
   */
  async scoreBatch<E, A>(
    scorer: Scorer<E, A>,
    pairs: readonly ScoredPair<E, A>[],
    options?: BatchOptions,
  ): Promise<Float64Array> {
    const run = batchRun('pairs', pairs, options);
    if (typeof scorer !== 'object' || scorer === null || typeof scorer.score !== 'function') {
      wrongType('scorer', 'a scorer of @aah/ai-evals/scorers', scorer);
    }
    this.#begin();
    try {
      run.signal?.throwIfAborted();
      const native = nativeSide(scorer);
      if (native === undefined) return await scoreInTurn(scorer, run.pairs, this.#slots, run);
      const texts = await readPairs(native.read, run.pairs, 'pairs', run.signal);
      const { rows, refused } = await this.#threads.score(native.kernel, texts, false, run);
      if (refused[0] !== undefined) throw refusedPair('pairs', refused[0]);
      return rows;
    } finally {
      this.#end();
    }
  }

  /**
   * Runs `task` on the main thread when a slot is free, in the asynchronous context of this call; resolves or rejects as
   * it does. A task that throws rejects its own promise and frees its slot. A task gives its slot up while native scorers
   * compute for it. Rejects with `ERR_CLOSED` after {@link close}.
   */
  execute<T>(task: () => T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      callable('task', task);
      this.#begin();
      const context = new AsyncResource('ScoringWorkerPool.execute');
      const closure = new Closure(this.#slots, this.#threads);
      const finish = (settle: () => void): void => {
        closure.end();
        this.#end();
        settle();
      };
      const start = (): void => {
        let returned: T | PromiseLike<T>;
        try {
          returned = context.runInAsyncScope(() => runAs(closure, task));
        } catch (error) {
          finish(() => reject(error));
          return;
        }
        // Nothing is left to do for such a closure but to hand the score over.
        if (isNative(returned)) closure.end();
        Promise.resolve(returned).then(
          (value) => finish(() => resolve(value)),
          (error) => finish(() => reject(error)),
        );
      };
      const refuse = (error: Error): void => {
        this.#end();
        reject(error);
      };
      this.#slots.take({ start, refuse });
    });
  }

  /**
   * Calls the function that the module at `url` exports as `exportName` on a worker thread, at most `maxWorkers` at once;
   * resolves to what it returns or its promise resolves to. Arguments and result are copied (structured clone).
   *
   * `url` is a `file:` URL, an absolute path, or the name of a package. A function that throws rejects its task with a copy
   * of the error. A thread that dies (an exit, no memory) rejects its task alone, with `ERR_WORKER_DIED`.
   */
  executeModule<T = unknown>(url: string | URL, exportName: string, args: readonly unknown[] = []): Promise<T> {
    return new Promise<T>((resolve) => {
      const href = url instanceof URL ? url.href : string('url', url);
      string('exportName', exportName);
      if (!Array.isArray(args)) wrongType('args', 'an array', args);
      resolve(this.execute(() => this.#modules.run(href, exportName, args) as Promise<T>));
    });
  }

  #begin(): void {
    if (this.#closed !== undefined) throw closed();
    this.#running += 1;
  }

  #end(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#idle?.();
  }

  /** State of the pool at this moment. */
  getStats(): PoolStats {
    const maxWorkers = this.#maxWorkers;
    const active = this.#slots.held + this.#threads.pending;
    const activeWorkers = Math.min(active, maxWorkers);
    const queuedTasks = this.#slots.waiting + (active - activeWorkers);
    return { maxWorkers, activeWorkers, queuedTasks, utilization: activeWorkers / maxWorkers };
  }

  /**
   * Takes no more tasks: those that wait reject with `ERR_CLOSED`, those that run and all batches are awaited; then the
   * threads end. Calling it again returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#slots.refuseWaiting(closed);
      if (this.#running === 0) resolve();
      else this.#idle = resolve;
    }).then(() => {
      this.#threads.close();
      return this.#modules.close();
    });
    return this.#closed;
  }

  /** `await using pool = new ScoringWorkerPool()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A running closure, which holds a slot but for the time that native scorers compute for it. */
class Closure implements RunningClosure {
  readonly #slots: Slots;
  readonly #threads: ScoringThreads;
  #holdsSlot = true;
  #computing = 0;
  #ended = false;

  constructor(slots: Slots, threads: ScoringThreads) {
    this.#slots = slots;
    this.#threads = threads;
  }

  enqueue(kernel: Kernel, texts: readonly string[]): Promise<Float64Array> {
    const scored = this.#threads.enqueue(kernel, texts);
    this.#computing += 1;
    if (this.#holdsSlot) {
      this.#holdsSlot = false;
      this.#slots.release();
    }
    return markNative(
      new Promise((resolve, reject) => {
        scored.then(
          (row) => this.#goOn(() => resolve(row)),
          (error) => this.#goOn(() => reject(error)),
        );
      }),
    );
  }

  #goOn(settle: () => void): void {
    this.#computing -= 1;
    if (this.#ended || this.#holdsSlot || this.#computing > 0) {
      settle();
      return;
    }
    // Until then the closure stands still, so that no more than `maxWorkers` closures run at once.
    this.#holdsSlot = true;
    this.#slots.takeAgain(settle);
  }

  /** Gives the slot back for good. Further calls do nothing. */
  end(): void {
    this.#ended = true;
    if (!this.#holdsSlot) return;
    this.#holdsSlot = false;
    this.#slots.release();
  }
}

function closed(): AiEvalsError {
  return new AiEvalsError('ERR_CLOSED', 'The pool is closed. Create a new ScoringWorkerPool to score more.');
}
