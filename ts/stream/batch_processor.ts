/** A whole set of test cases, run batch by batch in bounded memory. */
import { callable, wrongType } from '../arguments.js';
import type { RunResult, TestCase, TestCaseInput } from '../types.js';
import { BatchRun, checkedProcess, type ProcessOptions } from './batch_run.js';
import type { ItemQueue } from './item_queue.js';
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
  readonly #queue: ItemQueue<TestCase<TInput, TOutput>>;
  readonly #figures: RunFigures<TestCase<TInput, TOutput>>;
  /** Results of each run, in the order in which they began: one that was aborted may still get some. */
  readonly #results = new Map<object, RunResult<TOutput>[]>();
  #failed: TestCase<TInput, TOutput>[] = [];

  /** Throws `RangeError` for a limit below 1 or NaN, `TypeError` for one that is not a number. */
  constructor(config?: StreamConfig) {
    this.#core = new StreamCore(fullConfig(config, STREAM_DEFAULTS));
    this.#queue = this.#core.pushed as ItemQueue<TestCase<TInput, TOutput>>;
    this.#figures = new RunFigures(this.#core);
  }

  /** Adds a case; always accepted (`true`), also while `processAll` runs. Throws `ERR_STORAGE` when the disk is full. */
  addTestCase(testCase: TestCaseInput<TInput, TOutput>): boolean {
    if (testCase === undefined) wrongType('testCase', 'a test case', testCase);
    const { spilling } = this.#queue;
    this.#queue.push(testCase as TestCase<TInput, TOutput>);
    if (!spilling && this.#queue.spilling) this.#figures.backpressureEvents += 1;
    this.#core.changed.notify();
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
   * Runs all cases that were added, `batchSize` at a time, and resolves with this call's results in order.
   *
   * When a batch fails, the batches in progress are waited for and the call rejects with the executor's own error. Nothing
   * that was paid for is lost or run again by itself:
   * - {@link getResults} has the results of every batch that succeeded, also behind the failed one.
   * - {@link takeFailed} gives the cases of failed batches.
   * - Cases not yet handed out stay for the next call.
   *
   * After an abort, batches in progress are left to end by themselves, with the same outcome.
   */
  async processAll(
    executor: (batch: TestCase<TInput, TOutput>[]) => Promise<RunResult<TOutput>[]> | RunResult<TOutput>[],
    options?: ProcessOptions,
  ): Promise<RunResult<TOutput>[]> {
    callable('executor', executor);
    const given = checkedProcess(options);
    const key = {};
    this.#results.set(key, []);
    const run = new BatchRun(this.#core, executor, {
      completed: (batch, _, milliseconds) => this.#figures.completed(batch.length, milliseconds),
      failed: (batch) => {
        for (const testCase of batch) this.#failed.push(testCase);
      },
      results: (results) => {
        const kept = this.#results.get(key) ?? [];
        for (const result of results) kept.push(result);
        this.#results.set(key, kept);
      },
    });
    this.#figures.enter();
    try {
      return await run.run(given);
    } finally {
      this.#figures.leave();
    }
  }

  /** Returns the figures of the stream of cases. */
  getStats(): StreamStats {
    return this.#figures.stats();
  }

  /** Returns every result since the last `clear`, of all `processAll` calls, in order. A new array. */
  getResults(): RunResult<TOutput>[] {
    return [...this.#results.values()].flat();
  }

  /**
   * Returns the cases of batches that failed, in the order of the failures, and forgets them.
   * `addTestCases(takeFailed())` runs them again.
   */
  takeFailed(): TestCase<TInput, TOutput>[] {
    const failed = this.#failed;
    this.#failed = [];
    return failed;
  }

  /** Drops cases that wait, failed ones and results. */
  clear(): void {
    this.#queue.clear();
    this.#core.changed.notify();
    this.#results.clear();
    this.#failed = [];
  }
}
