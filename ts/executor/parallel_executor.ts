/** Runs many calls at once without ever exceeding a provider's limits. */

import { EventEmitter } from 'node:events';
import { callable, signal as checkedSignal, positiveInteger, positiveNumber, string, wrongType } from '../arguments.js';
import { activeRuns, answeredFromCache } from '../cached_answer.js';
import { AiEvalsError } from '../errors.js';
import { emitSafely } from '../events.js';
import { performanceMonitor } from '../monitor/index.js';
import { guarded, native } from '../native.js';
import { onAbort } from '../on_abort.js';
import type { RunResult } from '../types.js';
import { given, isTokenLimited, limitValues, type ResolvedConfig, resolveConfig } from './config.js';
import { checkedPriority, enqueue } from './enqueue.js';
import { type AnyExecutor, type AnyResult, ArrayStore, Run, type TaskStore } from './run.js';
import { checkedOptions, type RunOptions } from './run_options.js';
import { RunResults } from './run_results.js';
import { Settlement } from './settlement.js';
import { SingleStore } from './single_store.js';
import { storedStream } from './stored_stream.js';
import { streamTasks } from './task_stream.js';
import { type AttemptContext, currentAttempt, Turns } from './turns.js';
import type {
  AddOptions,
  ExecutionMetrics,
  ExecutionOptions,
  ExecutionResult,
  ExecutionTask,
  ExecutorEvents,
  RateLimiter,
  StoredExecutionOptions,
  StoredStreamingOptions,
  StoredTask,
  StreamingOptions,
  TaskContext,
  TaskStream,
  WorkerConfig,
} from './types.js';

/** The least number of keys at which idle ones are looked for. */
const MANY_KEYS = 64;

/** The expected output's type of a task. */
export type OutputOf<TTask> = TTask extends { testCase: { expected: infer TOutput } } ? TOutput : unknown;

/** A source of tasks for {@link ParallelExecutor.executeTasksStreaming}. */
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
 * A task that fails and a call that the provider refuses are different things: see {@link RetryConfig}.
 *
 * Cost: about two microseconds a task beside the call itself, and no memory per queued task beyond the caller's array.
 */
export class ParallelExecutor extends EventEmitter<ExecutorEvents> {
  readonly #native: InstanceType<typeof native.NativeScheduler>;
  readonly #turns: Turns;
  readonly #lines = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #ends = new Map<Run, () => void>();
  readonly #figures = new Float64Array(5);
  readonly #settlement = new Settlement();
  /** Runs that were begun within a task of this executor, and that task's attempt. */
  readonly #nested = new Map<Run, AttemptContext>();
  #waiters: { isReached(): boolean; resolve(): void }[] = [];
  #config: ResolvedConfig;
  #lastReset = new Date();
  #runs = 0;
  #added = 0;
  #isPaused = false;
  #manyKeys = MANY_KEYS;

  /** Throws a `RangeError` for limits or a concurrency that cannot be used, a `TypeError` for wrong types. */
  constructor(config?: WorkerConfig | null) {
    super();
    this.#config = resolveConfig(config, undefined);
    this.#native = guarded(() => new native.NativeScheduler(this.#config.concurrency, Math.random()));
    this.#turns = new Turns(this.#native, {
      throttled: (line, run, event) => {
        const keyed = this.#config.keyOf === undefined ? event : { ...event, key: this.#keys[line] };
        if (run === undefined) emitSafely(this, 'throttle', keyed);
        else run.inContext(emitSafely, this as unknown as EventEmitter, 'throttle', keyed);
      },
      settlement: this.#settlement,
      grace: () => this.#config.grace,
      maxWait: () => this.#config.retries.maxWait,
      turned: () => this.#tellWaiters(),
      failed: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    });
    this.#applyConfig();
  }

  /**
   * Runs `executor(task, { signal, attempt, observe, cached })` for every task and resolves to one result per task, in
   * task order. A task that fails (throws, rejects, runs out of time) has an `error`; the others go on. The shared
   * `performanceMonitor` records each run as `parallel-execution`.
   *
   * Rejects only for misuse: a `TypeError` when `tasks` is not iterable, `executor` not a function or a task not an object;
   * `ERR_CIRCULAR_WAIT` when it was called within a task and all slots are held by tasks that wait for such runs.
   */
  executeTasks<TTask extends ExecutionTask, TResult>(
    tasks: Iterable<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options: StoredExecutionOptions<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>>,
  ): Promise<(ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask> | StoredTask<TTask>)[]>;
  executeTasks<TTask extends ExecutionTask, TResult>(
    tasks: Iterable<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options?: ExecutionOptions | null,
  ): Promise<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>[]>;
  executeTasks<TInput, TOutput>(
    tasks: Iterable<ExecutionTask<TInput, TOutput>>,
    executor: (
      task: ExecutionTask<TInput, TOutput>,
      context: TaskContext,
    ) => RunResult<TOutput> | PromiseLike<RunResult<TOutput>>,
    options?: ExecutionOptions | null,
  ): Promise<ExecutionResult<TOutput>[]>;
  async executeTasks(
    tasks: Iterable<ExecutionTask>,
    executor: AnyExecutor,
    runOptions?: ExecutionOptions | null,
  ): Promise<(AnyResult | StoredTask)[]> {
    const list = [...iterable(tasks)];
    callable('executor', executor);
    const options = checkedOptions(runOptions);
    if (options.store === undefined) return this.#execute(list, executor, options);
    const results = new RunResults(options.store);
    try {
      const stored = await results.has(list);
      const places = [...list.keys()].filter((place) => stored[place] === 0);
      const open = places.map((place) => list[place]!);
      const run = await this.#execute(open, executor, options, (i, result) => results.add(result, places[i]!));
      const outcomes: (AnyResult | StoredTask)[] = list.map((task) => ({ task, stored: true }));
      for (const [i, place] of places.entries()) outcomes[place] = await results.durable(run[i]!);
      return outcomes;
    } finally {
      await results.close();
    }
  }

  async #execute(
    list: ExecutionTask[],
    executor: AnyExecutor,
    { signal, onProgress }: RunOptions,
    onResult?: Run['onResult'],
  ): Promise<AnyResult[]> {
    const store = new ArrayStore(list);
    const run = this.#newRun(store, executor, list.length, onProgress);
    run.onResult = onResult;
    const meta = enqueue(list, this.#config, this.#lineOf);
    await Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = performanceMonitor.startTimer('parallel-execution');
      this.#open(run, () => {
        timer.end();
        if (run.failure === undefined) resolve(store.results);
        else reject(run.failure);
      });
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
   * gives the results in task order and reads on as they are taken. The shared `performanceMonitor` records each run as
   * `streaming-execution`.
   *
   * Rejects with the source's error when the source fails; tasks running then are awaited first.
   */
  executeTasksStreaming<TTask extends ExecutionTask, TResult>(
    tasks: TaskSource<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options: StoredStreamingOptions<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>>,
  ): TaskStream<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask> | StoredTask<TTask>>;
  executeTasksStreaming<TTask extends ExecutionTask, TResult>(
    tasks: TaskSource<TTask>,
    executor: (task: TTask, context: TaskContext) => TResult,
    options?: StreamingOptions | null,
  ): TaskStream<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>>;
  executeTasksStreaming<TInput, TOutput>(
    tasks: TaskSource<ExecutionTask<TInput, TOutput>>,
    executor: (
      task: ExecutionTask<TInput, TOutput>,
      context: TaskContext,
    ) => RunResult<TOutput> | PromiseLike<RunResult<TOutput>>,
    options?: StreamingOptions | null,
  ): TaskStream<ExecutionResult<TOutput>>;
  executeTasksStreaming(
    tasks: TaskSource<ExecutionTask>,
    executor: AnyExecutor,
    streamOptions?: StreamingOptions | null,
  ): TaskStream<AnyResult | StoredTask> {
    const option = (streamOptions as Partial<StoredStreamingOptions> | null | undefined)?.store;
    if (option === undefined || option === null) return this.#stream(tasks, executor, streamOptions);
    const results = new RunResults(checkedOptions(streamOptions).store!);
    return storedStream(tasks, results, (open, placeOf) =>
      this.#stream(open, executor, streamOptions, (index, result) => results.add(result, placeOf(index))),
    );
  }

  #stream(
    tasks: TaskSource<ExecutionTask>,
    executor: AnyExecutor,
    streamOptions: StreamingOptions | null | undefined,
    onResult?: Run['onResult'],
  ): TaskStream<AnyResult> {
    return streamTasks(tasks, streamOptions, {
      concurrency: () => this.#config.concurrency,
      open: (store, signal, onProgress, total, over) => {
        callable('executor', executor);
        const run = this.#newRun(store, executor, total, onProgress);
        run.onResult = onResult;
        const timer = performanceMonitor.startTimer('streaming-execution');
        this.#open(run, () => {
          timer.end();
          over();
        });
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

  /**
   * Runs one call under the same limits and slots, for code that has its calls one at a time.
   *
   * - `add(fn, options)` resolves to what `fn(context)` returns and rejects with what its last attempt throws, with the
   *   signal's reason, or with an `AbortError` when {@link clear} removes it.
   * - `add(task, executor, options)` resolves to the task's {@link ExecutionResult}.
   *
   * Events are those of a task; there is no `start` and no `complete`.
   */
  add<TTask extends ExecutionTask, TResult>(
    task: TTask,
    executor: (task: TTask, context: TaskContext) => TResult,
    options?: AddOptions | null,
  ): Promise<ExecutionResult<OutputOf<TTask>, Awaited<TResult>, TTask>>;
  add<TResult>(call: (context: TaskContext) => TResult, options?: AddOptions | null): Promise<Awaited<TResult>>;
  async add(call: unknown, second?: unknown, third?: unknown): Promise<unknown> {
    const isTask = typeof call === 'object' && call !== null;
    if (!isTask) callable('call', call as () => unknown);
    const options = given<AddOptions>('options', (isTask ? third : second) as AddOptions | undefined);
    const signal = checkedSignal('signal', options.signal);
    this.#added += 1;
    const id = options.id === undefined ? `call-${this.#added}` : string('id', options.id);
    const task = isTask
      ? (call as ExecutionTask)
      : { id, testCase: { id, input: undefined, expected: undefined }, runnerConfig: { modelId: '' } };
    const executor = isTask
      ? callable('executor', second as AnyExecutor)
      : (_: ExecutionTask, context: TaskContext) => (call as (context: TaskContext) => unknown)(context);
    const meta = enqueue(
      [task],
      this.#config,
      this.#lineOf,
      options.key === undefined ? undefined : string('key', options.key),
    );
    if (options.priority !== undefined) meta[1] = checkedPriority('priority', options.priority);
    if (options.timeout !== undefined) meta[4] = positiveNumber('timeout', options.timeout);
    const store = new SingleStore(task, !isTask);
    return new Promise((resolve, reject) => {
      const run = this.#newRun(store, executor, 1, undefined, true);
      this.#open(run, () => {
        if (run.failure === undefined) store.hand(resolve, reject);
        else reject(run.failure);
      });
      run.begin();
      this.#watch(run, signal);
      if (!run.isOver) this.#native.enqueue(run.id, 0, meta, performance.now());
      this.#turns.schedule();
    });
  }

  /** Tasks that wait for a slot, a limit or another attempt. Of a streaming run those that have been read. */
  get size(): number {
    this.#turns.flush();
    return this.#native.waiting();
  }

  /** Calls in flight: running tasks, and functions that were given up and have not settled (see `grace`). */
  get pending(): number {
    return this.#turns.pending;
  }

  /** Returns whether {@link pause} was called and {@link resume} was not. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Starts nothing more until {@link resume}. What runs goes on. */
  pause(): void {
    this.#isPaused = true;
    this.#native.pause(true);
    this.#turns.reconsider();
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    this.#isPaused = false;
    this.#native.pause(false);
    this.#turns.schedule();
  }

  /** Removes every task that waits: its result is the error "cleared". What runs goes on. */
  clear(): void {
    this.#turns.flush();
    for (const run of [...this.#turns.runs.values()]) this.#turns.clear(run);
  }

  /**
   * Changes the priority of the tasks of this id that wait: they stand where they would had they come now. Returns how many
   * there were. O(tasks).
   */
  setPriority(taskId: string, priority: number): number {
    string('taskId', taskId);
    checkedPriority('priority', priority);
    this.#turns.flush();
    let changed = 0;
    for (const run of this.#turns.runs.values()) {
      for (const index of run.store.waiting()) {
        if (run.taskAt(index).id !== taskId) continue;
        changed += Number(this.#native.setPriority(run.id, index, priority, performance.now()));
      }
    }
    this.#turns.schedule();
    return changed;
  }

  /** Resolves when no run is in progress: nothing waits and nothing runs. */
  onIdle(): Promise<void> {
    return this.#when(() => this.#turns.runs.size === 0);
  }

  /** Resolves when fewer than `limit` tasks wait: the time to add more. */
  onSizeLessThan(limit: number): Promise<void> {
    if (limit !== Number.POSITIVE_INFINITY) positiveInteger('limit', limit);
    return this.#when(() => this.#native.waiting() < limit);
  }

  #when(isReached: () => boolean): Promise<void> {
    this.#turns.flush();
    if (isReached()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ isReached, resolve }));
  }

  #tellWaiters(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter(({ isReached, resolve }) => {
      if (!isReached()) return true;
      resolve();
      return false;
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
   * Changes what is given and keeps the rest, at once, also in the middle of a run. A group that is given (`rateLimit`,
   * `limits`, `retries`) takes the place of the whole group before. What has started keeps counting against new limits; a lower concurrency starts nothing until enough tasks have ended. Throws like the constructor, and then
   * nothing has changed.
   */
  updateConfig(config: Partial<WorkerConfig> | null): void {
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
      requestsPerMinute: requestsPerMinute,
      tokensPerMinute: tokensPerMinute,
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
    const { concurrency, adaptive, retries, timeout, grace, settle, estimateTokens } = this.#config;
    const { maxAttempts, baseDelay, maxDelay, maxWait } = retries;
    guarded(() =>
      this.#native.configure(concurrency, adaptive, maxAttempts, baseDelay, maxDelay, maxWait, timeout, grace),
    );
    for (const [key, line] of this.#lines) this.#native.configureLine(line, this.#limitsOf(key));
    this.#settlement.settle = settle;
    this.#settlement.estimateTokens = estimateTokens;
    this.#settlement.isTokenLimited = isTokenLimited(this.#config);
  }

  #limitsOf(key: string): ReturnType<typeof limitValues> {
    const { limits, rateLimit, concurrency, estimateTokens } = this.#config;
    const unknown = typeof estimateTokens === 'number' ? estimateTokens : undefined;
    return limitValues(limits.get(key) ?? rateLimit, concurrency, unknown);
  }

  readonly #lineOf = (key: string): number => {
    let line = this.#lines.get(key);
    if (line === undefined) {
      if (this.#lines.size >= this.#manyKeys) this.#forgetIdleKeys();
      line = guarded(() => this.#native.addLine(this.#limitsOf(key)));
      this.#lines.set(key, line);
      this.#keys[line] = key;
    }
    return line;
  };

  /** Keys of which nothing waits, runs or counts are dropped, so that their number does not grow without bound. */
  #forgetIdleKeys(): void {
    this.#turns.flush();
    for (const line of this.#native.forgetIdle(performance.now())) this.#lines.delete(this.#keys[line] as string);
    this.#manyKeys = Math.max(MANY_KEYS, 2 * this.#lines.size);
  }

  #newRun(
    store: TaskStore,
    executor: AnyExecutor,
    total: number,
    onProgress: RunOptions['onProgress'],
    isSingle = false,
  ): Run {
    const host = {
      emitter: this as unknown as EventEmitter,
      remaining: (now: number) => {
        const remaining = this.#native.remaining(now);
        return Number.isNaN(remaining) ? undefined : remaining;
      },
      over: (run: Run) => this.#over(run),
    };
    this.#runs += 1;
    const run = new Run(this.#runs, host, store, executor, total, onProgress, isSingle);
    const attempt = currentAttempt();
    if (attempt?.turns === this.#turns) this.#nest(run, attempt);
    return run;
  }

  /** A run within a task of this executor: should they all wait for each other, the process would end without a word. */
  #nest(run: Run, attempt: AttemptContext): void {
    if (this.#nested.size === 0) process.on('beforeExit', this.#reportStuck);
    this.#nested.set(run, attempt);
  }

  readonly #reportStuck = (): void => {
    if (this.#isPaused || !this.#turns.isStuck(this.#nested)) return;
    const slots = this.#turns.pending;
    for (const run of [...this.#nested.keys()]) {
      run.failure = new AiEvalsError(
        'ERR_CIRCULAR_WAIT',
        `All ${slots} slots of this executor are held by tasks that wait for runs on the same executor, so those can never ` +
          'start. Give the inner runs an executor of their own, or raise concurrency.',
      );
      this.#turns.abort(run);
      run.abandonRest();
    }
  };

  #open(run: Run, over: () => void): void {
    if (this.#turns.runs.size === 0) this.#native.begin(performance.now());
    activeRuns.count += 1;
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
    activeRuns.count -= 1;
    // Until the next run begins, promises cost what they cost without any context.
    if (activeRuns.count === 0) answeredFromCache.disable();
    if (this.#nested.delete(run) && this.#nested.size === 0) process.off('beforeExit', this.#reportStuck);
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
