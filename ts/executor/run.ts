/** One run: its tasks, their results and its events. */
import type { EventEmitter } from 'node:events';
import { emitSafely } from '../events.js';
import type { EvalError as TaskError } from '../types.js';
import { evalError } from './eval_error.js';
import type { ExecutionOptions, ExecutionProgress, ExecutionResult, ExecutionTask, TaskContext } from './types.js';

/** Any result, as the run holds it. */
export type AnyResult = ExecutionResult<unknown, unknown, ExecutionTask>;
/** Any executor function. */
export type AnyExecutor = (task: ExecutionTask, context: TaskContext) => unknown;

/** What a run needs of its executor. */
export interface RunHost {
  readonly emitter: EventEmitter;
  /** Milliseconds until what is queued and running will be done. */
  remaining(now: number): number | undefined;
  over(run: Run): void;
}

/** Where a run keeps its tasks and puts its results. */
export interface TaskStore {
  taskAt(index: number): ExecutionTask;
  put(index: number, result: AnyResult): void;
  /** Indices of tasks without a result. */
  open(): Iterable<number>;
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
      if (this.results[index] === undefined) yield index;
    }
  }
}

/** The state of one `executeTasks` call. */
export class Run {
  readonly id: number;
  readonly executor: AnyExecutor;
  readonly store: TaskStore;
  /** Whether a listener may run between the decision to start a task and its start. */
  isObserved = false;
  isOver = false;
  total: number;
  completed = 0;
  failed = 0;
  abortReason: unknown;
  readonly #host: RunHost;
  readonly #onProgress: ExecutionOptions['onProgress'];
  readonly #earlier = new Map<number, number>();
  #begun = 0;

  constructor(
    id: number,
    host: RunHost,
    store: TaskStore,
    executor: AnyExecutor,
    total: number,
    onProgress: ExecutionOptions['onProgress'],
  ) {
    this.id = id;
    this.#host = host;
    this.store = store;
    this.executor = executor;
    this.total = total;
    this.#onProgress = onProgress;
  }

  begin(): void {
    this.#begun = performance.now();
    emitSafely(this.#host.emitter, 'start', { totalTasks: this.total });
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
    if (this.isObserved) emitSafely(this.#host.emitter, 'taskStart', { taskId: task.id });
  }

  warnOversized(task: ExecutionTask, reason: 'requests' | 'tokens'): void {
    const message = `Task ${task.id} needs more ${reason} than the limit allows in a window; it runs alone in one.`;
    emitSafely(this.#host.emitter, 'warning', { taskId: task.id, reason, message });
  }

  retry(index: number, attempt: number, delay: number, error: TaskError, execution: number): void {
    this.#earlier.set(index, this.executionOf(index) + execution);
    emitSafely(this.#host.emitter, 'retry', { taskId: this.taskAt(index).id, attempt, delay, error });
  }

  resolve(index: number, result: unknown, execution: number): void {
    if (this.isOver) return;
    const task = this.store.taskAt(index);
    const executionTime = this.#total(index, execution);
    this.completed += 1;
    this.store.put(index, { task, result, executionTime });
    const { emitter } = this.#host;
    if (emitter.listenerCount('taskComplete') > 0) {
      emitSafely(emitter, 'taskComplete', { taskId: task.id, executionTime, progress: this.progress });
    }
    this.#report();
  }

  reject(index: number, error: TaskError, execution: number): void {
    if (this.isOver) return;
    const task = this.store.taskAt(index);
    const executionTime = this.#total(index, execution);
    const id: unknown = task.testCase?.id;
    if (typeof id === 'string') error.testCaseId ??= id;
    this.failed += 1;
    this.store.put(index, { task, error, executionTime });
    const { emitter } = this.#host;
    if (emitter.listenerCount('taskError') > 0) {
      emitSafely(emitter, 'taskError', { taskId: task.id, error, executionTime });
    }
    this.#report();
  }

  #total(index: number, execution: number): number {
    if (this.#earlier.size === 0) return execution;
    const total = this.executionOf(index) + execution;
    this.#earlier.delete(index);
    return total;
  }

  /** Ends the run: whatever has no result yet was aborted. */
  abandonRest(): void {
    for (const index of this.store.open()) this.reject(index, evalError('execution', 'error', 'aborted', false), 0);
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

  #callProgress(onProgress: (progress: ExecutionProgress) => void): void {
    const { completed, failed, total, progress } = this;
    const now = performance.now();
    const done = completed + failed === total;
    const eta = done ? 0 : Number.isFinite(total) ? this.#host.remaining(now) : undefined;
    try {
      onProgress({ completed, failed, total, progress, elapsed: now - this.#begun, eta });
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

  /** Emits the last event. */
  complete(): void {
    const { total: totalTasks, completed, failed } = this;
    const duration = performance.now() - this.#begun;
    emitSafely(this.#host.emitter, 'complete', { totalTasks, completed, failed, duration });
  }
}
