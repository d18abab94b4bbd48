/** Figures of a stream: the items processed and the time that they took. */
import { performance } from 'node:perf_hooks';
import type { StreamStats } from './stream_config.js';
import type { StreamCore } from './stream_core.js';

export class RunFigures<T> {
  readonly #core: StreamCore<T>;
  /** Items processed, or handed to an iteration. */
  processed = 0;
  backpressureEvents = 0;
  #inRuns = 0;
  #batches = 0;
  #batchTime = 0;
  #runTime = 0;
  #runStarted = 0;

  constructor(core: StreamCore<T>) {
    this.#core = core;
  }

  /** Counts a `process` call in. Throughput is measured by the time during which one runs. */
  enter(): void {
    const core = this.#core;
    if (core.running === 0) this.#runStarted = performance.now();
    core.running += 1;
  }

  /** Counts a `process` call out. */
  leave(): void {
    const core = this.#core;
    core.running -= 1;
    if (core.running === 0) this.#runTime += performance.now() - this.#runStarted;
  }

  /** Counts a batch of `items` that took `milliseconds`. */
  completed(items: number, milliseconds: number): void {
    this.processed += items;
    this.#inRuns += items;
    this.#batches += 1;
    this.#batchTime += milliseconds;
  }

  /** Returns the figures of this moment. O(1). */
  stats(): StreamStats {
    const core = this.#core;
    const now = core.running > 0 ? performance.now() - this.#runStarted : 0;
    const seconds = (this.#runTime + now) / 1000;
    return {
      itemsProcessed: this.processed,
      itemsBuffered: core.queue.length,
      memoryUsage: Math.round(core.bytes),
      backpressureEvents: this.backpressureEvents,
      avgProcessingTime: this.#batches === 0 ? 0 : this.#batchTime / this.#batches,
      throughput: this.#inRuns === 0 || seconds === 0 ? 0 : this.#inRuns / seconds,
      ...(core.skipped === undefined ? {} : { itemsSkipped: core.skipped }),
      ...core.progress,
    };
  }
}
