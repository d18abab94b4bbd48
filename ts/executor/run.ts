/** One run: its tasks, their results and its events. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { emitSafely } from '../events.js';
import type { EvalError as TaskError } from '../types.js';
import { evalError, givenUp, type TaskFailure } from './eval_error.js';
import type { RunOptions } from './run_options.js';
import type { ExecutionProgress, ExecutionResult, ExecutionTask, TaskContext } from './types.js';

/** Any result, as the run holds it. */
export type AnyResult = ExecutionResult<unknown, unknown, ExecutionTask>;
/** Any executor function. */
export type AnyExecutor = (task: ExecutionTask, context: TaskContext) => unknown;

/** The executor that a run belongs to. */
export interface RunHost {
  readonly emitter: EventEmitter;
  /** Milliseconds until what is queued and running will be done. */
  remaining(now: number): number | undefined;
  over(run: Run): void;
}

/** The tasks of a run and their results. */
export interface TaskStore {
  taskAt(index: number): ExecutionTask;
  put(index: number, result: AnyResult): void;
  /** Indices of tasks without a result. */
  open(): Iterable<number>;
  /** Indices of tasks without a result that have been read. */
  waiting(): Iterable<number>;
  /** Returns whether a task has no result yet. */
  isOpen(index: number): boolean;
  /** Takes what a failed task threw, before its result is put. */
  threw?(index: number, thrown: unknown): void;
}

/** Tasks and results of a run over an array. */
export class ArrayStore implements TaskStore {
  readonly results: AnyResult[];
  readonly #tasks: readonly ExecutionTask[];

  constructor(tasks: readonly ExecutionTask[]) {
    this.#tasks = tasks;
    this.results = new Array(tasks.length);
  }

  taskAt(index: number): ExecutionTask {
    return this.#tasks[index] as ExecutionTask;
  }

  put(index: number, result: AnyResult): void {
    this.results[index] = result;
  }

  *open(): Iterable<number> {
    for (let index = 0; index < this.#tasks.length; index += 1) {
      if (this.isOpen(index)) yield index;
    }
  }

  waiting(): Iterable<number> {
    return this.open();
  }

  isOpen(index: number): boolean {
    return this.results[index] === undefined;
  }
}

/** Calls a function in the asynchronous context that it was made in. */
type Context = <R, A extends unknown[]>(work: (...args: A) => R, ...args: A) => R;

/** The state of one `executeTasks` call. Everything of the caller's that it calls runs in the context of that call. */
export class Run {
  readonly id: number;
  readonly executor: AnyExecutor;
  readonly store: TaskStore;
  /** True if a listener may run between the decision to start a task and its start. */
  isObserved = false;
  isOver = false;
  total: number;
  completed = 0;
  failed = 0;
  abortReason: unknown;
  /** The reason why the run as a whole cannot go on. */
  failure: Error | undefined;
  /** Called with each result as it comes. */
  onResult: ((index: number, result: AnyResult) => void) | undefined;
  readonly inContext = AsyncLocalStorage.snapshot() as Context;
  /** True if it is a call that was added by itself: it begins and completes without an event. */
  readonly isSingle: boolean;
  readonly #host: RunHost;
  readonly #onProgress: RunOptions['onProgress'];
  #lastRefusal: TaskFailure | undefined;
  readonly #earlier = new Map<number, number>();
  #begun = 0;

  constructor(
    id: number,
    host: RunHost,
    store: TaskStore,
    executor: AnyExecutor,
    total: number,
    onProgress: RunOptions['onProgress'],
    isSingle = false,
  ) {
    this.id = id;
    this.#host = host;
    this.store = store;
    this.executor = executor;
    this.total = total;
    this.#onProgress = onProgress;
    this.isSingle = isSingle;
  }

  #emit(event: string, payload: object): void {
    const { emitter } = this.#host;
    if (emitter.listenerCount(event) > 0) this.inContext(emitSafely, emitter, event, payload);
  }

  begin(): void {
    this.#begun = performance.now();
    if (!this.isSingle) this.#emit('start', { totalTasks: this.total });
  }

  taskAt(index: number): ExecutionTask {
    return this.store.taskAt(index);
  }

  /** Milliseconds a task spent in earlier attempts. */
  executionOf(index: number): number {
    return this.#earlier.size === 0 ? 0 : (this.#earlier.get(index) ?? 0);
  }

  started(task: ExecutionTask): void {
    this.isObserved = this.#host.emitter.listenerCount('taskStart') > 0;
    if (this.isObserved) this.#emit('taskStart', { taskId: task.id });
  }

  warnOversized(task: ExecutionTask, reason: 'requests' | 'tokens'): void {
    const message = `Task ${task.id} needs more ${reason} than the limit allows in a window; it runs alone in one.`;
    this.#emit('warning', { taskId: task.id, reason, message });
  }

  /** Tells that a failed attempt is repeated after `delay` milliseconds. */
  retry(index: number, attempt: number, delay: number, failure: TaskFailure, execution: number): void {
    this.#earlier.set(index, this.executionOf(index) + execution);
    if (failure.refusal !== 0) this.#lastRefusal = failure;
    this.#emit('retry', { taskId: this.taskAt(index).id, attempt, delay, error: failure.error });
  }

  /** Ends a task that was not started again because every call of its key was refused. */
  refuse(index: number, maxWait: number): void {
    const seconds = Math.round(maxWait / 1000);
    const message = `refused: the provider has let no call through for ${seconds} s (retries.maxWait)`;
    const last = this.#lastRefusal;
    const error = givenUp(last === undefined ? message : `${message}; it said: ${last.error.message}`, last?.thrown);
    error.retryable = true;
    this.reject(index, error, 0);
  }

  resolve(index: number, result: unknown, execution: number): void {
    if (this.isOver) return;
    const task = this.store.taskAt(index);
    const executionTime = this.#total(index, execution);
    this.completed += 1;
    this.#put(index, { task, result, executionTime });
    if (this.#host.emitter.listenerCount('taskComplete') > 0) {
      this.#emit('taskComplete', { taskId: task.id, executionTime, progress: this.progress });
    }
    this.#report();
  }

  reject(index: number, error: TaskError, execution: number, thrown: unknown = undefined): void {
    if (this.isOver || !this.store.isOpen(index)) return;
    const task = this.store.taskAt(index);
    const executionTime = this.#total(index, execution);
    const id: unknown = task.testCase?.id;
    if (typeof id === 'string') error.testCaseId ??= id;
    this.failed += 1;
    this.store.threw?.(index, thrown);
    this.#put(index, { task, error, executionTime });
    this.#emit('taskError', { taskId: task.id, error, executionTime });
    this.#report();
  }

  #put(index: number, result: AnyResult): void {
    this.store.put(index, result);
    if (this.onResult !== undefined) this.inContext(this.onResult, index, result);
  }

  #total(index: number, execution: number): number {
    if (this.#earlier.size === 0) return execution;
    const total = this.executionOf(index) + execution;
    this.#earlier.delete(index);
    return total;
  }

  /** The error of a task that was aborted. */
  aborted(): TaskError {
    return givenUp('aborted', this.abortReason);
  }

  /** Ends the run: whatever has no result yet was aborted. */
  abandonRest(): void {
    for (const index of this.store.open()) this.reject(index, this.aborted(), 0, this.abortReason);
    // What has not been read of a stream is no part of the run any more.
    this.total = Math.min(this.total, this.completed + this.failed);
    this.finishIfDone();
  }

  /** 0–100. */
  get progress(): number {
    return this.total === 0 ? 100 : (100 * (this.completed + this.failed)) / this.total;
  }

  #report(): void {
    if (this.#onProgress !== undefined) this.#callProgress(this.#onProgress);
    this.finishIfDone();
  }

  /** Ends the tasks that are not in `running`. */
  clear(running: ReadonlySet<number>): void {
    const reason = new DOMException('The queue was cleared.', 'AbortError');
    for (const index of [...this.store.waiting()]) {
      if (!running.has(index)) this.reject(index, evalError('execution', 'error', 'cleared', false), 0, reason);
    }
  }

  #callProgress(onProgress: (progress: ExecutionProgress) => void): void {
    const { completed, failed, total, progress } = this;
    const now = performance.now();
    const done = completed + failed === total;
    const eta = done ? 0 : Number.isFinite(total) ? this.#host.remaining(now) : undefined;
    try {
      this.inContext(onProgress, { completed, failed, total, progress, elapsed: now - this.#begun, eta });
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.emitWarning(`onProgress threw; the run goes on. ${text}`, { type: 'ListenerError' });
    }
  }

  /** Ends the run when every task has its result. */
  finishIfDone(): void {
    if (this.isOver || this.completed + this.failed < this.total) return;
    this.isOver = true;
    this.#host.over(this);
  }

  /** Milliseconds since it began. */
  get elapsed(): number {
    return performance.now() - this.#begun;
  }

  /** Emits the last event. */
  complete(): void {
    const { total: totalTasks, completed, failed } = this;
    const duration = this.elapsed;
    if (!this.isSingle) this.#emit('complete', { totalTasks, completed, failed, duration });
  }
}
