/** Tasks and measurements the tests of the executor share. */
import type { ExecutionTask } from '@aah/ai-evals/orchestrator';

/** `count` plain tasks, as the guide writes them. */
export function tasks(
  count: number,
  more: Partial<ExecutionTask<string, string>> = {},
): ExecutionTask<string, string>[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `task-${i}`,
    testCase: { id: `case-${i}`, input: `question ${i}`, expected: `answer ${i}` },
    runnerConfig: { modelId: 'openai/gpt-4' },
    ...more,
  }));
}

/** Limits that are never in the way. */
export const UNLIMITED = { requestsPerMinute: Number.POSITIVE_INFINITY, tokensPerMinute: Number.POSITIVE_INFINITY };

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Blocks the event loop for `ms` milliseconds. */
export function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** The most of `times` (weighed) in any half-open window of `window` milliseconds. */
export function worstWindow(times: readonly number[], window: number, weights?: readonly number[]): number {
  const order = times.map((at, i) => ({ at, weight: weights?.[i] ?? 1 })).sort((a, b) => a.at - b.at);
  let [worst, sum, oldest] = [0, 0, 0];
  for (const { at, weight } of order) {
    sum += weight;
    while ((order[oldest] as { at: number }).at + window <= at) {
      sum -= (order[oldest] as { weight: number }).weight;
      oldest += 1;
    }
    worst = Math.max(worst, sum);
  }
  return worst;
}

/** Counts how many calls are in flight at once. */
export class InFlight {
  now = 0;
  most = 0;

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.now += 1;
    this.most = Math.max(this.most, this.now);
    try {
      return await work();
    } finally {
      this.now -= 1;
    }
  }
}
