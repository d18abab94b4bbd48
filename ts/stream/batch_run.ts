/** A `process` call: it hands out batches in order, a few at a time, and puts the results in order. */

import { performance } from 'node:perf_hooks';
import { positiveInteger, wrongType } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
import { onAbort } from '../on_abort.js';
import { type ConsumeOptions, checkedConsume, type StreamCore } from './stream_core.js';

/** A batch handler, which returns results or nothing. */
export type BatchHandler<T, R> = (batch: T[]) => Promise<readonly R[]> | Promise<void> | readonly R[] | void;

/** Options of `process`. */
export interface ProcessOptions extends ConsumeOptions {
  /** Batches in progress at a time. Default 1. Results come in order all the same. */
  concurrency?: number | undefined;
}

/** The callbacks of a run for what happens to its batches. */
export interface RunListener<T, R> {
  completed(batch: T[], results: readonly R[], milliseconds: number): void;
  failed(batch: T[], error: unknown): void;
  /** Results in order: called for a batch that did not fail, once all batches before it have ended. */
  results?(results: readonly R[]): void;
}

/** Returns `options`, checked. */
export function checkedProcess(options: ProcessOptions | undefined): ProcessOptions {
  const given = checkedConsume(options);
  const { concurrency } = given;
  if (concurrency !== undefined && concurrency !== Number.POSITIVE_INFINITY)
    positiveInteger('concurrency', concurrency);
  return given;
}

export class BatchRun<T, R> {
  readonly #core: StreamCore<T>;
  readonly #handler: BatchHandler<T, R>;
  readonly #listener: RunListener<T, R>;
  readonly #results: R[] = [];
  /** Results that wait for an earlier batch; none of one that failed. */
  readonly #early = new Map<number, readonly R[]>();
  #nextResults = 0;
  #inFlight = 0;
  #failure: { error: unknown } | undefined;

  constructor(core: StreamCore<T>, handler: BatchHandler<T, R>, listener: RunListener<T, R>) {
    this.#core = core;
    this.#handler = handler;
    this.#listener = listener;
  }

  async run({ concurrency = 1, untilEnd = false, signal }: ProcessOptions): Promise<R[]> {
    const core = this.#core;
    const leave = onAbort(signal, () => core.changed.notify());
    core.hold();
    try {
      for (let index = 0; ; ) {
        signal?.throwIfAborted();
        if (this.#failure) {
          if (this.#inFlight === 0) throw this.#failure.error;
        } else if (!core.waits && this.#inFlight < concurrency) {
          if (this.#takeReady(untilEnd)) {
            const { batchSize } = core.config;
            const loading = core.load(batchSize);
            if (loading) {
              await loading;
              continue;
            }
            this.#start(core.queue.take(batchSize), index);
            index += 1;
            const due = turnDue();
            if (due) await due;
            continue;
          }
          if (this.#inFlight === 0 && core.finished(untilEnd)) return this.#results;
        }
        await core.changed.wait();
      }
    } finally {
      core.release();
      leave();
    }
  }

  /** Returns whether a batch is to be handed out now: a whole one, or what there is when nothing more is sure to come. */
  #takeReady(untilEnd: boolean): boolean {
    const { queue, config } = this.#core;
    this.#core.fill(config.batchSize, untilEnd);
    if (queue.length === 0) return false;
    if (queue.length >= config.batchSize) return true;
    if (this.#core.reads) return false;
    // A caller whose push was refused is not going to complete the batch.
    return this.#inFlight === 0 || !untilEnd || this.#core.ended || this.#core.refused;
  }

  #start(batch: T[], index: number): void {
    const started = performance.now();
    this.#inFlight += 1;
    const settle = (error: { error: unknown } | undefined, results: readonly R[]) => {
      this.#inFlight -= 1;
      this.#keep(index, results);
      if (error) {
        this.#failure ??= error;
        this.#listener.failed(batch, error.error);
      } else {
        this.#listener.completed(batch, results, performance.now() - started);
      }
      this.#core.changed.notify();
    };
    this.#call(batch).then(
      (results) => settle(undefined, results),
      (error: unknown) => settle({ error }, []),
    );
  }

  async #call(batch: T[]): Promise<readonly R[]> {
    const results: unknown = await this.#handler(batch);
    if (results === undefined || results === null) return [];
    if (Array.isArray(results)) return results as readonly R[];
    return wrongType('The result of a batch', 'an array (or nothing)', results);
  }

  #keep(index: number, results: readonly R[]): void {
    this.#early.set(index, results);
    for (;;) {
      const next = this.#early.get(this.#nextResults);
      if (!next) return;
      this.#early.delete(this.#nextResults);
      this.#nextResults += 1;
      this.#listener.results?.(next);
      for (const result of next) this.#results.push(result);
    }
  }
}
