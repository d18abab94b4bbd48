/** Runs many calls at once without ever exceeding a provider's limits. */

import { EventEmitter } from 'node:events';
import { callable, wrongType } from '../arguments.js';
import { emitSafely } from '../events.js';
import { guarded, native } from '../native.js';
import { onAbort } from '../on_abort.js';
import type { RunResult } from '../types.js';
import { limitValues, type ResolvedConfig, resolveConfig } from './config.js';
import { enqueue } from './enqueue.js';
import { type AnyExecutor, type AnyResult, ArrayStore, Run, type TaskStore } from './run.js';
import { checkedOptions } from './run_options.js';
import { streamTasks } from './task_stream.js';
import { Turns } from './turns.js';
import type {
  ExecutionMetrics,
  ExecutionOptions,
  ExecutionResult,
  ExecutionTask,
  ExecutorEvents,
  RateLimiter,
  StreamingOptions,
  TaskContext,
  TaskStream,
  WorkerConfig,
} from './types.js';

/** The expected output's type of a task. */
export type OutputOf<TTask> = TTask extends { testCase: { expected: infer TOutput } } ? TOutput : unknown;

/** Where {@link ParallelExecutor.executeTasksStreaming} takes tasks from. */
export type TaskSource<TTask> = Iterable<TTask> | AsyncIterable<TTask>;

/**
 * Runs tasks in parallel under limits on calls and tokens that hold in every window of 60 seconds, not only in calendar
 * minutes, and that are used to the full while work is queued.
 *
 * Tokens are planned ahead: before a task starts its tokens are reserved, and corrected when its result says what it used
 * (`metadata.tokenUsage`). Limits, slots and the queue belong to the executor, so several runs share them.
 *
 * ```ts
 * const executor = new ParallelExecutor({ concurrency: 10, rateLimit: { requestsPerMinute: 60, tokensPerMinute: 150000 } });
 * executor.on('throttle', ({ reason, waitTime }) => console.log(`waiting ${waitTime} ms for ${reason}`));
 * const results = await executor.executeTasks(tasks, (task, { signal }) => callModel(task, signal));
 * ```
 *
 * Cost: under a microsecond a task beside the call itself, and no memory per queued task beyond the caller's array.
 */
export class ParallelExecutor extends EventEmitter<ExecutorEvents> {
  readonly #native: InstanceType<typeof native.NativeScheduler>;
  readonly #turns: Turns;
  readonly #lines = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #ends = new Map<Run, () => void>();
  readonly #figures = new Float64Array(5);
  #config: ResolvedConfig;
  #lastReset = new Date();
  #runs = 0;

  /** Throws a `RangeError` for limits or a concurrency that cannot be used, a `TypeError` for wrong types. */
  constructor(config?: WorkerConfig) {
    super();
    this.#config = resolveConfig(config, undefined);
    this.#native = guarded(() => new native.NativeScheduler(this.#config.concurrency, Math.random()));
    this.#turns = new Turns(this.#native, {
      throttled: (line, event) => {
        const keyed = this.#config.keyOf === undefined ? event : { ...event, key: this.#keys[line] };
        emitSafely(this, 'throttle', keyed);
      },
      settle: () => this.#config.settle,
      failed: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    });
    this.#applyConfig();
  }

  /**
   * Runs `executor(task, { signal, attempt, observe, cached })` for every task and resolves to one result per task, in
   * task order. A task that fails (throws, rejects, runs out of time) has an `error`; the others go on.
   *
   * Rejects only for misuse: a `TypeError` when `tasks` is not iterable, `executor` not a function or a task not an object.
   */
  executeTasks<TTask extends ExecutionTask, TResult>(
    tasks: Iterable<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options?: ExecutionOptions,
  ): Promise<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>[]>;
  executeTasks<TInput, TOutput>(
    tasks: Iterable<ExecutionTask<TInput, TOutput>>,
    executor: (
      task: ExecutionTask<TInput, TOutput>,
      context: TaskContext,
    ) => RunResult<TOutput> | PromiseLike<RunResult<TOutput>>,
    options?: ExecutionOptions,
  ): Promise<ExecutionResult<TOutput>[]>;
  async executeTasks(
    tasks: Iterable<ExecutionTask>,
    executor: AnyExecutor,
    runOptions?: ExecutionOptions,
  ): Promise<AnyResult[]> {
    const list = [...iterable(tasks)];
    callable('executor', executor);
    const { signal, onProgress } = checkedOptions(runOptions);
    const store = new ArrayStore(list);
    const run = this.#newRun(store, executor, list.length, onProgress);
    const meta = enqueue(list, this.#config, this.#lineOf);
    await Promise.resolve();
    return new Promise((resolve) => {
      this.#open(run, () => resolve(store.results));
      if (signal?.aborted) run.abortReason = signal.reason;
      run.begin();
      if (signal?.aborted) run.abandonRest();
      else if (!run.isOver) this.#watch(run, signal);
      run.finishIfDone();
      if (!run.isOver) this.#native.enqueue(run.id, 0, meta, performance.now());
      this.#turns.schedule();
    });
  }

  /**
   * Like {@link executeTasks}, but takes the tasks one by one from an array, an iterable, an async iterable or a
   * `DatasetStream`, never further ahead than needed. Await the returned stream for an array of all results in task order;
   * or, for any number of tasks in bounded memory, iterate it: `for await (const result of executor.executeTasksStreaming(…))`
   * gives the results in task order and reads on as they are taken.
   *
   * Rejects with the source's error when the source fails; tasks running then are awaited first.
   */
  executeTasksStreaming<TTask extends ExecutionTask, TResult>(
    tasks: TaskSource<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options?: StreamingOptions,
  ): TaskStream<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>>;
  executeTasksStreaming<TInput, TOutput>(
    tasks: TaskSource<ExecutionTask<TInput, TOutput>>,
    executor: (
      task: ExecutionTask<TInput, TOutput>,
      context: TaskContext,
    ) => RunResult<TOutput> | PromiseLike<RunResult<TOutput>>,
    options?: StreamingOptions,
  ): TaskStream<ExecutionResult<TOutput>>;
  executeTasksStreaming(
    tasks: TaskSource<ExecutionTask>,
    executor: AnyExecutor,
    streamOptions?: StreamingOptions,
  ): TaskStream<AnyResult> {
    return streamTasks(tasks, streamOptions, {
      concurrency: () => this.#config.concurrency,
      open: (store, signal, onProgress, total, over) => {
        callable('executor', executor);
        const run = this.#newRun(store, executor, total, onProgress);
        this.#open(run, over);
        run.begin();
        this.#watch(run, signal);
        return run;
      },
      enqueue: (run, first, batch) => {
        const meta = enqueue(batch, this.#config, this.#lineOf);
        this.#native.enqueue(run.id, first, meta, performance.now());
        this.#turns.schedule();
      },
      abort: (run, reason) => this.#abort(run, reason),
    });
  }

  /** The figures of the run in progress or, when none is, of the last one. Runs that overlap count as one. */
  getMetrics(): ExecutionMetrics {
    this.#turns.flush();
    guarded(() => this.#native.metrics(performance.now(), this.#figures));
    const [total, average, efficiency, throttled, utilization] = this.#figures as unknown as number[];
    return {
      totalExecutionTime: total as number,
      avgExecutionTime: average as number,
      parallelEfficiency: efficiency as number,
      throttleTime: throttled as number,
      workerUtilization: utilization as number,
    };
  }

  /**
   * Changes what is given and keeps the rest, at once, also in the middle of a run. What has started keeps counting against
   * new limits; a lower concurrency starts nothing until enough tasks have ended. Throws like the constructor, and then
   * nothing has changed.
   */
  updateConfig(config: Partial<WorkerConfig>): void {
    this.#config = resolveConfig(config, this.#config);
    this.#applyConfig();
    this.#turns.reconsider();
  }

  /** The limits in force and what of them is used, of all keys together. */
  getRateLimiterState(): RateLimiter {
    this.#turns.flush();
    const now = performance.now();
    const { requestsPerMinute, tokensPerMinute } = this.#config.rateLimit;
    const state: RateLimiter = {
      requestsPerMinute: requestsPerMinute as number,
      tokensPerMinute: tokensPerMinute as number,
      currentRequests: 0,
      currentTokens: 0,
      lastReset: this.#lastReset,
    };
    for (const line of this.#lines.values()) {
      state.currentRequests += this.#native.load(line, 1, now);
      state.currentTokens += this.#native.load(line, 2, now);
    }
    return state;
  }

  /** Forgets what has started, so that the whole limit is free again. What the provider counts is not reset by that. */
  resetRateLimiter(): void {
    this.#turns.flush();
    for (const line of this.#lines.values()) this.#native.resetLine(line);
    this.#lastReset = new Date();
    this.#turns.schedule();
  }

  #applyConfig(): void {
    const { concurrency, adaptive, retries, timeout } = this.#config;
    const { maxAttempts, baseDelay, maxDelay } = retries;
    guarded(() => this.#native.configure(concurrency, adaptive, maxAttempts, baseDelay, maxDelay, timeout));
    for (const [key, line] of this.#lines) this.#native.configureLine(line, this.#limitsOf(key));
  }

  #limitsOf(key: string): ReturnType<typeof limitValues> {
    const { limits, rateLimit, concurrency, estimateTokens } = this.#config;
    const unknown = typeof estimateTokens === 'number' ? estimateTokens : undefined;
    return limitValues(limits.get(key) ?? rateLimit, concurrency, unknown);
  }

  readonly #lineOf = (key: string): number => {
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = guarded(() => this.#native.addLine(this.#limitsOf(key)));
      this.#lines.set(key, line);
      this.#keys[line] = key;
    }
    return line;
  };

  #newRun(store: TaskStore, executor: AnyExecutor, total: number, onProgress: ExecutionOptions['onProgress']): Run {
    const host = {
      emitter: this as unknown as EventEmitter,
      remaining: (now: number) => {
        const remaining = this.#native.remaining(now);
        return Number.isNaN(remaining) ? undefined : remaining;
      },
      over: (run: Run) => this.#over(run),
    };
    this.#runs += 1;
    return new Run(this.#runs, host, store, executor, total, onProgress);
  }

  #open(run: Run, over: () => void): void {
    if (this.#turns.runs.size === 0) this.#native.begin(performance.now());
    this.#ends.set(run, over);
    this.#turns.add(run);
  }

  #watch(run: Run, signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const abort = (): void => this.#abort(run, signal.reason);
    if (signal.aborted) {
      abort();
      return;
    }
    const leave = onAbort(signal, abort);
    const over = this.#ends.get(run);
    this.#ends.set(run, () => {
      leave();
      over?.();
    });
  }

  #abort(run: Run, reason: unknown): void {
    run.abortReason = reason;
    this.#turns.abort(run);
    run.abandonRest();
  }

  #over(run: Run): void {
    this.#turns.remove(run);
    this.#turns.flush();
    if (this.#turns.runs.size === 0) this.#native.end(performance.now());
    run.complete();
    this.#ends.get(run)?.();
    this.#ends.delete(run);
    this.#turns.schedule();
  }
}

function iterable(tasks: unknown): Iterable<ExecutionTask> {
  const isIterable = typeof tasks === 'object' && tasks !== null && Symbol.iterator in tasks;
  return isIterable ? (tasks as Iterable<ExecutionTask>) : wrongType('tasks', 'an array or another iterable', tasks);
}
