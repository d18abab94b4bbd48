/** A whole set of test cases, run batch by batch in bounded memory. */
import { callable, wrongType } from '../arguments.js';
import type { RunResult, TestCase, TestCaseInput } from '../types.js';
import { BatchRun, checkedProcess, type ProcessOptions } from './batch_run.js';
import { RunFigures } from './run_figures.js';
import { fullConfig, STREAM_DEFAULTS, type StreamConfig, type StreamStats } from './stream_config.js';
import { StreamCore } from './stream_core.js';

/**
 * Collects test cases, any number of them, and runs them in batches. Cases past `bufferSize` or `maxMemory` wait outside
 * the heap (see `DatasetStream`); results stay in memory, as the caller gets them all.
 */
// biome-ignore lint/suspicious/noExplicitAny: a processor that names no types takes any test case.
export class BatchProcessor<TInput = any, TOutput = any> {
  readonly #core: StreamCore<TestCase<TInput, TOutput>>;
  readonly #figures: RunFigures<TestCase<TInput, TOutput>>;
  #results: RunResult<TOutput>[] = [];

  /** Throws `RangeError` for a limit below 1 or NaN, `TypeError` for one that is not a number. */
  constructor(config?: StreamConfig) {
    this.#core = new StreamCore(fullConfig(config, STREAM_DEFAULTS), undefined, () => {});
    this.#figures = new RunFigures(this.#core);
  }

  /** Adds a case; always accepted (`true`), also while `processAll` runs. Throws `ERR_STORAGE` when the disk is full. */
  addTestCase(testCase: TestCaseInput<TInput, TOutput>): boolean {
    if (testCase === undefined) wrongType('testCase', 'a test case', testCase);
    const { queue, changed } = this.#core;
    const overflowing = queue.overflowing;
    queue.push(testCase as TestCase<TInput, TOutput>);
    if (!overflowing && queue.overflowing) this.#figures.backpressureEvents += 1;
    changed.notify();
    return true;
  }

  /** Adds any number of cases, in order. */
  addTestCases(testCases: Iterable<TestCaseInput<TInput, TOutput>>): void {
    if (typeof testCases !== 'object' || testCases === null || !(Symbol.iterator in testCases)) {
      wrongType('testCases', 'an iterable of test cases', testCases);
    }
    for (const testCase of testCases) this.addTestCase(testCase);
  }

  /**
   * Runs all cases that were added, `batchSize` at a time, and resolves with this call's results in order. A batch that
   * fails rejects with the executor's own error; cases not yet handed out stay for the next call, results of the batches
   * before are in {@link getResults}.
   */
  async processAll(
    executor: (batch: TestCase<TInput, TOutput>[]) => Promise<RunResult<TOutput>[]> | RunResult<TOutput>[],
    options?: ProcessOptions,
  ): Promise<RunResult<TOutput>[]> {
    callable('executor', executor);
    const run = new BatchRun(this.#core, executor, {
      completed: (batch, _, milliseconds) => this.#figures.completed(batch.length, milliseconds),
      failed: () => {},
      results: (results) => {
        for (const result of results) this.#results.push(result);
      },
    });
    const given = checkedProcess(options);
    this.#figures.enter();
    try {
      return await run.run(given);
    } finally {
      this.#figures.leave();
    }
  }

  /** Figures of the stream of cases. */
  getStats(): StreamStats {
    return this.#figures.stats();
  }

  /** Every result so far, of all `processAll` calls, in order; since the last `clear`. A new array. */
  getResults(): RunResult<TOutput>[] {
    return [...this.#results];
  }

  /** Drops cases that wait and results. */
  clear(): void {
    this.#core.queue.clear();
    this.#core.changed.notify();
    this.#results = [];
  }
}
