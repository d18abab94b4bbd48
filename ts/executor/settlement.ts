/** The weight of a finished call: the tokens its result reports, or what the caller makes of them. */
import { ArgumentTypeError } from '../errors.js';
import type { TokenUsage } from '../types.js';
import type { ResolvedConfig } from './config.js';
import type { ExecutionTask, WorkerConfig } from './types.js';
import { USAGE_PLACES, usageOf } from './usage.js';

/** The caller's own settlement. */
export type Settle = NonNullable<WorkerConfig['settle']>;

// Kinds of success, as `src/binding/executor.rs` reads them.
const UNREPORTED = 0;
const REPORTED = 1;
const ESTIMATED = 3;
const ESTIMATED_OR_GUESSED = 4;

/** Settles the calls of one executor as it is configured. */
export class Settlement {
  settle: Settle | undefined;
  estimateTokens: ResolvedConfig['estimateTokens'];
  /** True if the caller has set a limit on tokens. */
  isTokenLimited = false;
  #hasWarned = false;

  /** Writes input, output and cached input tokens of `result` to `io` from `at` on; returns the kind of success. */
  write(result: unknown, io: Float64Array, at: number, task: ExecutionTask): number {
    const usage = usageOf(result);
    if (usage === undefined) return this.#unreported();
    io[at] = usage.input;
    io[at + 1] = usage.output;
    io[at + 2] = usage.cached;
    if (this.settle !== undefined) {
      const { input: prompt, output: completion, cached: cachedPrompt } = usage;
      const told: TokenUsage = { prompt, completion, total: prompt + completion, cachedPrompt };
      writeSettled(this.settle, told, task, io, at);
    }
    return REPORTED;
  }

  #unreported(): number {
    const { estimateTokens } = this;
    if (typeof estimateTokens === 'number') return ESTIMATED_OR_GUESSED;
    if (estimateTokens !== undefined) return ESTIMATED;
    if (this.isTokenLimited && !this.#hasWarned) {
      this.#hasWarned = true;
      process.emitWarning(
        `A limit on tokens is set, but a result reports no usage: its call counts with no tokens. Looked for were ` +
          `${USAGE_PLACES}. Return one of them, or set estimateTokens.`,
        { type: 'UsageWarning' },
      );
    }
    return UNREPORTED;
  }
}

/** A settlement that throws or returns no numbers is reported as a process warning, and the call weighs what it reports. */
function writeSettled(settle: Settle, usage: TokenUsage, task: ExecutionTask, io: Float64Array, at: number): void {
  try {
    const settled: Partial<ReturnType<Settle>> | null | undefined = settle(usage, task);
    const { input, output } = settled ?? {};
    if (typeof input !== 'number' || typeof output !== 'number') {
      throw new ArgumentTypeError('settle must return { input, output }, both numbers of tokens');
    }
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
