/** The task of a call that was added by itself, and its outcome. */
import type { AnyResult, TaskStore } from './run.js';
import type { ExecutionTask } from './types.js';

/** Holds one task, and then its result. */
export class SingleStore implements TaskStore {
  readonly #task: ExecutionTask;
  /** True if the outcome is that of a function, not an {@link AnyResult}. */
  readonly #isPlain: boolean;
  #result: AnyResult | undefined;
  #thrown: unknown;

  constructor(task: ExecutionTask, isPlain: boolean) {
    this.#task = task;
    this.#isPlain = isPlain;
  }

  taskAt(): ExecutionTask {
    return this.#task;
  }

  put(_index: number, result: AnyResult): void {
    this.#result = result;
  }

  threw(_index: number, thrown: unknown): void {
    this.#thrown = thrown;
  }

  isOpen(): boolean {
    return this.#result === undefined;
  }

  open(): number[] {
    return this.isOpen() ? [0] : [];
  }

  waiting(): number[] {
    return this.open();
  }

  /** Hands the outcome over. */
  hand(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
    const result = this.#result as AnyResult;
    if (!this.#isPlain) resolve(result);
    else if (result.error === undefined) resolve(result.result);
    else reject(this.#thrown ?? new Error(result.error.message));
  }
}
