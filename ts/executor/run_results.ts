/** Results of an execution in a result store: which tasks have one, and what has come. */
import type { RunWriter } from '../store/run_writer.js';
import { evalError } from './eval_error.js';
import type { AnyResult } from './run.js';
import type { ExecutionTask, RunStore } from './types.js';

/** Tasks that are asked for at a time. */
export const TASKS_A_QUESTION = 1000;

/** The results of one execution. A result is held from its coming until {@link durable} is asked for it. */
export class RunResults {
  readonly #option: RunStore;
  readonly #writer: RunWriter;
  readonly #pending = new Map<AnyResult, Promise<AnyResult>>();

  constructor(option: RunStore) {
    this.#option = option;
    this.#writer = option.store.writer(option.runId);
  }

  /** Resolves to a byte a task: 1 when the store has its result. */
  async has(tasks: readonly ExecutionTask[]): Promise<Uint8Array> {
    const { store, runId } = this.#option;
    const found = new Uint8Array(tasks.length);
    for (let at = 0; at < tasks.length; at += TASKS_A_QUESTION) {
      const keys = tasks.slice(at, at + TASKS_A_QUESTION).map(keyOf);
      found.set(await store.have(runId, keys), at);
    }
    return found;
  }

  /** Begins to store a result; `place` is that of its task. */
  add(result: AnyResult, place: number): void {
    this.#pending.set(result, this.#stored(result, place));
  }

  /** Resolves to a result once it is stored, if it is to be. */
  async durable(result: AnyResult): Promise<AnyResult> {
    const stored = this.#pending.get(result);
    this.#pending.delete(result);
    return stored ?? result;
  }

  /** Resolves when everything is stored. */
  async close(): Promise<void> {
    await this.#writer.close();
  }

  async #stored(result: AnyResult, place: number): Promise<AnyResult> {
    try {
      const row = this.#option.toResult(result as Parameters<RunStore['toResult']>[0]);
      if (row !== undefined && row !== null) {
        const { testCaseId, repeat } = keyOf(result.task);
        await this.#writer.write({ testCaseId, ...(repeat === undefined ? {} : { repeat }), index: place, ...row });
      }
      return result;
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      const retryable = (thrown as { retryable?: unknown } | null | undefined)?.retryable === true;
      const error = evalError('system', 'error', `the result could not be stored: ${reason}`, retryable);
      return { ...result, error: result.error ?? error };
    }
  }
}

function keyOf({ testCase, repeat }: ExecutionTask): { testCaseId: string; repeat: number | undefined } {
  return { testCaseId: testCase?.id, repeat };
}
