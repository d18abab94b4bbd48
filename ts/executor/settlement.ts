/** What a finished call weighs: the tokens its result reports, or what the caller makes of them. */
import type { TokenUsage } from '../types.js';
import type { ExecutionTask, WorkerConfig } from './types.js';

/** The caller's own settlement. */
export type Settle = NonNullable<WorkerConfig['settle']>;

/**
 * Writes input, output and cached input tokens of `value` to `io` from `at` on; returns 1 if it reports any, else 0. A
 * settlement that throws or returns no numbers is reported as a process warning, and the call weighs what it reports.
 */
export function writeUsage(
  value: unknown,
  io: Float64Array,
  at: number,
  task: ExecutionTask,
  settle: Settle | undefined,
): number {
  try {
    const usage = (value as { metadata?: { tokenUsage?: Record<string, unknown> } } | null | undefined)?.metadata
      ?.tokenUsage;
    if (typeof usage !== 'object' || usage === null) return 0;
    const prompt = Number(usage.prompt ?? 0);
    const completion = Number(usage.completion ?? 0);
    const total = Number(usage.total ?? prompt + completion);
    if (!Number.isFinite(prompt) || !Number.isFinite(total)) return 0;
    io[at] = prompt;
    // What a total counts beyond the prompt (reasoning, say) is output.
    io[at + 1] = Math.max(total - prompt, 0);
    io[at + 2] = Number(usage.cachedPrompt ?? 0);
    if (settle !== undefined) writeSettled(settle, { ...usage, prompt, completion, total }, task, io, at);
    return 1;
  } catch {
    return 0;
  }
}

function writeSettled(settle: Settle, usage: TokenUsage, task: ExecutionTask, io: Float64Array, at: number): void {
  try {
    const { input, output } = settle(usage, task);
    if (!(input >= 0 && output >= 0 && Number.isFinite(input + output))) {
      throw new RangeError(`settle must return finite input and output of at least 0, got ${input} and ${output}`);
    }
    io[at] = input;
    io[at + 1] = output;
    io[at + 2] = 0;
  } catch (error) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`settle failed; the call weighs what it reports. ${told}`, { type: 'SettlementError' });
  }
}
