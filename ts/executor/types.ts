/** Types of the executor. */
import type { EvalStore } from '../store/eval_store.js';
import type { NewResult } from '../store/types.js';
import type { RunnerConfig, RunResult, EvalError as TaskError, TestCaseInput, TokenUsage } from '../types.js';

/** One call to make: a test case and how to ask the model. */
// biome-ignore lint/suspicious/noExplicitAny: code written against the original reads fields of any case
export interface ExecutionTask<TInput = any, TOutput = any> {
  id: string;
  testCase: TestCaseInput<TInput, TOutput>;
  runnerConfig: RunnerConfig;
  datasetId?: string | undefined;
  /** The how-manieth answer to the case: with `testCase.id` the key in a result store. Default 0. */
  repeat?: number | undefined;
  /** Higher starts first: any number but NaN, default 0. One unit is worth 10 s of waiting, so that nothing starves. */
  priority?: number | null | undefined;
}

/** The outcome of one task: either `result` or `error`. */
// biome-ignore lint/suspicious/noExplicitAny: as for ExecutionTask
export interface ExecutionResult<TOutput = any, TResult = RunResult<TOutput>, TTask = ExecutionTask<any, TOutput>> {
  task: TTask;
  result?: TResult;
  error?: TaskError;
  /** Only of a {@link StoredTask}. */
  stored?: undefined;
  /** Milliseconds inside the executor function, all attempts; no time in the queue, in backoff or at a limit. */
  executionTime: number;
}

/** A task that was not run, because the store has its result. */
export interface StoredTask<TTask = ExecutionTask> {
  task: TTask;
  stored: true;
  result?: undefined;
  error?: undefined;
  executionTime?: undefined;
}

/** A result as a store takes it; `testCaseId`, `repeat` and `index` come from the task where they are left out. */
export type TaskRow = Omit<NewResult, 'runId' | 'testCaseId'> & { testCaseId?: string };

/** A run of a result store that keeps the results of an execution. */
export interface RunStore<TResult = ExecutionResult> {
  /** An open store. */
  store: Pick<EvalStore, 'have' | 'writer'>;
  /** A run that `createRun` or `resumeRun` gave. */
  runId: string;
  /**
   * Makes a row of an outcome. Where it returns nothing, nothing is stored, and a resumed run tries the task again: return
   * nothing for outcomes with an `error`.
   */
  toResult: (result: TResult) => TaskRow | null | undefined;
}

/** Response headers in any of the usual shapes. */
export type HeadersLike =
  | { get(name: string): string | null | undefined }
  | Iterable<readonly [string, string]>
  | Record<string, string | number | readonly string[] | null | undefined>;

/** The context that an executor function is given besides its task. */
export interface TaskContext {
  /** Aborted when the run is, or when this attempt runs out of time. Created when first read. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /**
   * Passes the provider's response headers on (`x-ratelimit-*`, `anthropic-ratelimit-*`, `ratelimit`, `retry-after` and the
   * like). They only ever tighten the limits of this task's key.
   */
  observe(headers: HeadersLike): void;
  /**
   * Says that no call was made (the answer came from a cache): the task then counts neither as a request nor as tokens. The
   * caches of this package say so themselves.
   */
  cached(): void;
}

/** Limits of one key. A limit that is not given, or `Infinity`, does not bind. */
export interface RateLimitConfig {
  /** Calls that may start in any 60 s; default no limit. */
  requestsPerMinute?: number | null | undefined;
  /** Input and output tokens in any 60 s; default no limit. */
  tokensPerMinute?: number | null | undefined;
  /** Input tokens in any 60 s; default no limit. */
  inputTokensPerMinute?: number | null | undefined;
  /** Output tokens in any 60 s; default no limit. */
  outputTokensPerMinute?: number | null | undefined;
  /** Calls in any 24 h; default no limit. When it is used up the remaining tasks fail, they do not wait. */
  requestsPerDay?: number | null | undefined;
  /** Tokens in any 24 h; default no limit. When it is used up the remaining tasks fail, they do not wait. */
  tokensPerDay?: number | null | undefined;
  /** Length of the window in milliseconds the "per minute" limits hold for; default 60,000. */
  window?: number | null | undefined;
  /**
   * `'burst'` (default): start as soon as the window has room, so a suite smaller than the limit starts at once.
   * `'smooth'`: spread the starts evenly, for providers that judge a minute's limit by the second.
   */
  pacing?: 'burst' | 'smooth' | null | undefined;
  /**
   * The weight of a finished call. `'actual'` (default): the tokens it reports. `'openai'`: the larger of estimate and
   * report. `'azure'`: the estimate. `'anthropic'`: what it reports less `tokenUsage.cachedPrompt`.
   */
  settlement?: 'actual' | 'openai' | 'azure' | 'anthropic' | null | undefined;
}

/** Another attempt for what can succeed next time (an `EvalError` that is `retryable`). */
export interface RetryConfig {
  /**
   * Attempts in all, the first included; `Infinity` is any number. Each counts against the limits. Default 3. A call that
   * the provider refused for its rate (429) or its own load (529) is no attempt: it is repeated until `maxWait` is over.
   */
  maxAttempts?: number | null | undefined;
  /** Milliseconds: the wait before attempt n + 1 is random, from 0 to `baseDelay × 2^(n − 1)`. Default 500. */
  baseDelay?: number | null | undefined;
  /** Milliseconds: the longest random wait. A longer `Retry-After` is honoured. Default 30,000. */
  maxDelay?: number | null | undefined;
  /**
   * Milliseconds without any success of a key after which calls that the provider refuses are not repeated any more: the
   * tasks of that key that wait then fail. `Infinity` is any time. Default 600,000 (ten minutes).
   */
  maxWait?: number | null | undefined;
}

/** Tokens a task will probably take. */
export type TokenEstimate = number | { input: number; output: number };

/** Options of an executor. Everything is optional. */
export interface WorkerConfig {
  /**
   * Accepted and checked (default 4), for configurations that carry it. The executor function runs on the calling thread,
   * which needs no workers: `concurrency` alone decides how many calls are in flight.
   */
  maxWorkers?: number | null | undefined;
  /** Calls in flight at once, over all runs of this executor; `Infinity` is any number. Default 10. */
  concurrency?: number | null | undefined;
  /**
   * Limits of each key. Without this option 60 requests and 150,000 tokens per minute hold (none when `adaptive` is on);
   * with it only the limits that it names.
   */
  rateLimit?: RateLimitConfig | null | undefined;
  /** Splits tasks into keys (provider, account, model) with a budget each. Default: one key. */
  keyOf?: ((task: ExecutionTask) => string) | null | undefined;
  /** Limits of single keys, over `rateLimit`. */
  limits?: Readonly<Record<string, RateLimitConfig>> | null | undefined;
  /**
   * Tokens of a task. A function decides for every task it returns something for; a number stands in until the key has
   * seen calls of its own. Without one, `runnerConfig.maxTokens` plus a quarter of the prompt's length is reserved when
   * known, else the 95th percentile of the key's last 128 calls, else 15,000 (or a slot's equal share, if that is
   * more; under the default token limit the equal share).
   */
  estimateTokens?: number | ((task: ExecutionTask) => TokenEstimate | undefined) | null | undefined;
  /**
   * Returns the weight of a finished call by what it reports, for a provider that counts in a way of its own; `rateLimit.settlement`
   * is applied to what this returns. Default: as reported.
   */
  settle?: ((usage: TokenUsage, task: ExecutionTask) => { input: number; output: number }) | null | undefined;
  /** Milliseconds an attempt may take. Default: any. `runnerConfig.timeout` of a task overrides it. */
  timeout?: number | null | undefined;
  /**
   * Milliseconds for which a function that was given up (timeout, abort) and does not settle keeps its slot. Until then it
   * counts as a call in flight. `Infinity`: until it settles. Default 1000.
   */
  grace?: number | null | undefined;
  /** Default: no retry. `{}` turns it on with the defaults. `runnerConfig.retries` of a task overrides the attempts. */
  retries?: RetryConfig | null | undefined;
  /**
   * Finds the concurrency (at most `concurrency`) when the limits are not known: slow start, ×0.8 once per episode of 429s,
   * growth only while at least 80 % of the slots are in use. Default false.
   */
  adaptive?: boolean | null | undefined;
}

/** Progress of a run. */
export interface ExecutionProgress {
  /** Tasks with a result. */
  completed: number;
  /** Tasks with an error. */
  failed: number;
  /** Tasks in all; `Infinity` while a stream of unknown length is being read. */
  total: number;
  /** 0–100, of all tasks, done or failed. */
  progress: number;
  /** Milliseconds since the run began. */
  elapsed: number;
  /** Milliseconds to the end by what calls take and by what the limits allow; `undefined` while nothing is known. */
  eta: number | undefined;
}

/** Options of one run. */
export interface ExecutionOptions {
  /** Starts nothing more, tells the running tasks and resolves with the rest as error "aborted". */
  signal?: AbortSignal | null | undefined;
  /** Called after every task. */
  onProgress?: ((progress: ExecutionProgress) => void) | null | undefined;
}

/** Options of one run whose results are stored. */
export interface StoredExecutionOptions<TResult = ExecutionResult> extends ExecutionOptions {
  /**
   * Stores results as they come, and leaves out the tasks whose result the store has: they come as {@link StoredTask}. A
   * result comes once it is durable. Where it cannot be stored it has an `error` of type `system` beside its `result`.
   * Events and `onProgress` count the tasks that are run.
   */
  store: RunStore<TResult>;
}

/** Options of a streaming run. */
export interface StreamingOptions extends ExecutionOptions {
  /** Tasks read ahead of their start. Default 50. */
  batchSize?: number | null | undefined;
  /** Tasks read whose result has not been taken yet, when the run is iterated. At least `concurrency`. Default 1000. */
  bufferSize?: number | null | undefined;
  /** Bytes of heap the run may add before it reads no further ahead than it needs. Default 100 MB. */
  maxMemory?: number | null | undefined;
}

/** Options of a streaming run whose results are stored. */
export interface StoredStreamingOptions<TResult = ExecutionResult>
  extends StreamingOptions,
    Pick<StoredExecutionOptions<TResult>, 'store'> {}

/** A streaming run: await it for all results in task order, or iterate it for one after the other in bounded memory. */
export type TaskStream<T> = Promise<T[]> & AsyncIterable<T>;

/** Options of {@link ParallelExecutor.add}. */
export interface AddOptions {
  /** Higher starts first: any number but NaN; default the task's, or 0. */
  priority?: number | null | undefined;
  /** Takes the call out of the queue, or tells it when it runs. */
  signal?: AbortSignal | null | undefined;
  /** Milliseconds an attempt may take; default the executor's. */
  timeout?: number | null | undefined;
  /** The key whose limits hold; default what `keyOf` says of the task. */
  key?: string | null | undefined;
  /** Name of the call in events and for `setPriority`; default a new one. */
  id?: string | null | undefined;
}

/** State of the limiter (of all keys together). */
export interface RateLimiter {
  requestsPerMinute: number;
  tokensPerMinute?: number;
  /** Calls started in the last window. */
  currentRequests: number;
  /** Tokens they used or are expected to. */
  currentTokens: number;
  lastReset: Date;
}

/** Figures of the current or last run. */
export interface ExecutionMetrics {
  /** Milliseconds from the beginning of the run to its end (or now). */
  totalExecutionTime: number;
  /** Mean `executionTime` of the tasks that ran, in milliseconds. */
  avgExecutionTime: number;
  /** Speed-up over one call at a time, as a share of the best possible: sum of execution times / (time × usable slots). */
  parallelEfficiency: number;
  /** Milliseconds in which a slot was free, a task waited and a limit was why. */
  throttleTime: number;
  /** Share of the slots' time in which they ran a task. */
  workerUtilization: number;
}

/** Payload of `throttle`. */
export interface ThrottleEvent {
  reason: 'requests' | 'tokens';
  /** Milliseconds until the next start. */
  waitTime: number;
  /** The limit in the way. */
  limit: number;
  currentRequests: number;
  currentTokens: number;
  /** The key that waits, when `keyOf` is given. */
  key?: string;
  /** The provider has refused calls or named a time: the wait is not for a limit that was set. */
  refused?: true;
}

/** The events of an executor and their payloads. */
export interface ExecutorEvents {
  start: [{ totalTasks: number }];
  taskStart: [{ taskId: string }];
  taskComplete: [{ taskId: string; executionTime: number; progress: number }];
  taskError: [{ taskId: string; error: TaskError; executionTime: number }];
  /** A failed attempt will be repeated after `delay` milliseconds. */
  retry: [{ taskId: string; attempt: number; delay: number; error: TaskError }];
  throttle: [ThrottleEvent];
  /** A task larger than a limit runs, alone in its window. */
  warning: [{ taskId: string; reason: 'requests' | 'tokens'; message: string }];
  complete: [{ totalTasks: number; completed: number; failed: number; duration: number }];
}
