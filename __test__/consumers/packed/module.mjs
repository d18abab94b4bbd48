import { createRequire } from 'node:module';
import * as everything from '@aah/ai-evals';
import { cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { LRUCache, ResponseCache } from '@aah/ai-evals/performance';

const required = createRequire(import.meta.url)('@aah/ai-evals');
const cache = new LRUCache({ maxSize: 2 });
cache.set('a', { answer: 42 });
const executor = new ParallelExecutor({ concurrency: 2 });
const tasks = ['x', 'y', 'z'].map((id) => ({
  id,
  testCase: { id, input: id, expected: id },
  runnerConfig: { modelId: 'm' },
}));
const results = await executor.executeTasks(tasks, async (task) => task.testCase.input);
console.log(
  JSON.stringify({
    one:
      everything.LRUCache === LRUCache &&
      required.LRUCache === LRUCache &&
      required.ParallelExecutor === ParallelExecutor,
    middleware: Object.keys(cacheMiddleware(new ResponseCache())),
    cached: cache.get('a'),
    results: results.map(({ task, result }) => [task.id, result]),
    names: Object.keys(required).every((name) => name in everything),
  }),
);
