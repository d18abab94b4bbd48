/** Facts of each task for the scheduler: line, priority, expected tokens, timeout, attempts. */
import { nonNegativeInteger, outOfRange, positiveNumber, wrongType } from '../arguments.js';
import { MOST_ATTEMPTS, type ResolvedConfig } from './config.js';
import type { ExecutionTask } from './types.js';

/** Numbers per task, as `NativeScheduler.enqueue` reads them. */
const WIDTH = 6;
/** Characters of text that make a token, about. */
const CHARACTERS_PER_TOKEN = 4;

/** Six numbers per task; `key` is theirs if it is given. Throws a `TypeError` that names the first task that is none. */
export function enqueue(
  tasks: readonly ExecutionTask[],
  config: ResolvedConfig,
  lineOf: (key: string) => number,
  key?: string,
): Float64Array {
  const meta = new Float64Array(tasks.length * WIDTH);
  const { keyOf } = config;
  const only = key === undefined && keyOf !== undefined ? undefined : lineOf(key ?? '');
  for (let i = 0, at = 0; i < tasks.length; i += 1, at += WIDTH) {
    const task = tasks[i] as ExecutionTask;
    if (typeof task !== 'object' || task === null) wrongType(`tasks[${i}]`, 'a task object', task);
    meta[at] = only ?? lineOf(String(keyOf?.(task)));
    const { priority } = task;
    if (priority !== undefined && priority !== null) meta[at + 1] = checkedPriority(`tasks[${i}].priority`, priority);
    writeSize(task, config, meta, at + 2);
    const { timeout, retries } = task.runnerConfig ?? {};
    if (timeout !== undefined && timeout !== null) {
      meta[at + 4] = positiveNumber(`tasks[${i}].runnerConfig.timeout`, timeout);
    }
    if (retries !== undefined && retries !== null) meta[at + 5] = attempts(`tasks[${i}].runnerConfig.retries`, retries);
  }
  return meta;
}

/** A priority: any number but NaN. */
export function checkedPriority(name: string, priority: unknown): number {
  if (typeof priority !== 'number') return wrongType(name, 'a number', priority);
  return Number.isNaN(priority) ? outOfRange(name, 'a number', priority) : priority;
}

function attempts(name: string, retries: number): number {
  if (retries === Number.POSITIVE_INFINITY) return MOST_ATTEMPTS;
  return Math.min(nonNegativeInteger(name, retries) + 1, MOST_ATTEMPTS);
}

/** Input and output tokens a task is expected to take; NaN when nothing is known. */
function writeSize(task: ExecutionTask, config: ResolvedConfig, meta: Float64Array, at: number): void {
  const { estimateTokens } = config;
  meta[at] = Number.NaN;
  if (typeof estimateTokens === 'function') {
    const estimate = estimateTokens(task);
    if (estimate !== undefined) {
      meta[at] = typeof estimate === 'number' ? 0 : estimate.input;
      meta[at + 1] = typeof estimate === 'number' ? estimate : estimate.output;
      return;
    }
  }
  const maxTokens = task.runnerConfig?.maxTokens;
  if (typeof maxTokens !== 'number' || !(maxTokens >= 0 && maxTokens < Number.POSITIVE_INFINITY)) return;
  meta[at] = Math.ceil(textLength(task.testCase?.input) / CHARACTERS_PER_TOKEN);
  meta[at + 1] = maxTokens;
}

function textLength(input: unknown): number {
  if (typeof input === 'string') return input.length;
  try {
    return JSON.stringify(input)?.length ?? 0;
  } catch {
    return 0;
  }
}
