import * as everything from '@aah/ai-evals';
import { type CacheMiddleware, cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { type ExecutionResult, ParallelExecutor, type RunResult } from '@aah/ai-evals/orchestrator';
import { type CacheStats, LRUCache, type TestCase } from '@aah/ai-evals/performance';

// A class is one class through every entry point.
const cache: everything.LRUCache<number> = new LRUCache<number>({ maxSize: 2 });
const same: LRUCache<number> = new everything.LRUCache<number>({ maxSize: 2 });
cache.set('a', 42);
const value: number | undefined = cache.get('a');
const stats: CacheStats = same.getStats();

// Compiles where the package `ai` is not installed.
export const middleware: CacheMiddleware = cacheMiddleware(new everything.ResponseCache(), { mode: 'replay' });

const testCase: TestCase<string, string> = {
  id: 'x',
  input: 'x',
  expected: 'x',
  metadata: { difficulty: 'easy', category: 'c', tags: [], createdAt: new Date(0), source: 'synthetic' },
};
const executor: everything.ParallelExecutor = new ParallelExecutor({ concurrency: 2 });
const results = await executor.executeTasks(
  [{ id: 'x', testCase, runnerConfig: { modelId: 'm' } }],
  async (task): Promise<RunResult<string>> => ({
    testCaseId: task.id,
    input: task.testCase.input,
    expected: task.testCase.expected,
    actual: task.testCase.input,
    metadata: {
      modelId: 'm',
      latency: 1,
      tokenUsage: { prompt: 1, completion: 1, total: 2 },
      cost: 0,
      timestamp: new Date(0),
    },
  }),
);
const checked: ExecutionResult<string>[] = results;

/** Never called: what the type checker must refuse. */
export function refused(): unknown[] {
  return [
    // @ts-expect-error maxSize is a number
    new LRUCache({ maxSize: 'many' }),
    // @ts-expect-error there is no such export
    everything.NoSuchThing,
  ];
}

console.log(JSON.stringify({ value, entries: stats.entries, actual: checked[0]?.result?.actual }));
