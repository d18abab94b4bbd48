/** What the scheduler needs to know of each task: line, priority, expected tokens. */
import { outOfRange, wrongType } from '../arguments.js';
import type { ResolvedConfig } from './config.js';
import type { ExecutionTask } from './types.js';

/** Numbers per task, as `NativeScheduler.enqueue` reads them. */
const WIDTH = 4;
/** Characters of text that make a token, about. */
const CHARACTERS_PER_TOKEN = 4;

/** Four numbers per task. Throws a `TypeError` that names the first task that is none. */
export function enqueue(
  tasks: readonly ExecutionTask[],
  config: ResolvedConfig,
  lineOf: (key: string) => number,
): Float64Array {
  const meta = new Float64Array(tasks.length * WIDTH);
  const { keyOf } = config;
  const only = keyOf === undefined ? lineOf('') : 0;
  for (let i = 0, at = 0; i < tasks.length; i += 1, at += WIDTH) {
    const task = tasks[i] as ExecutionTask;
    if (typeof task !== 'object' || task === null) wrongType(`tasks[${i}]`, 'a task object', task);
    meta[at] = keyOf === undefined ? only : lineOf(String(keyOf(task)));
    const { priority } = task;
    if (priority !== undefined) meta[at + 1] = checkedPriority(priority, i);
    writeSize(task, config, meta, at + 2);
  }
  return meta;
}

function checkedPriority(priority: unknown, index: number): number {
  const name = `tasks[${index}].priority`;
  if (typeof priority !== 'number') return wrongType(name, 'a finite number', priority);
  return Number.isFinite(priority) ? priority : outOfRange(name, 'a finite number', priority);
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
