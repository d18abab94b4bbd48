// Loads the built package from both module formats and lets the engine work for a moment. Needs nothing but dist/, so it
// runs on any machine of the CI matrix.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as all from '@aah/ai-evals';

const required = createRequire(import.meta.url)('@aah/ai-evals');
assert.deepEqual(
  Object.keys(required).sort(),
  Object.keys(all)
    .filter((name) => name in required)
    .sort(),
);

const cache = new all.LRUCache({ maxSize: 2 });
for (const key of ['a', 'b', 'c']) cache.set(key, key);
assert.deepEqual(
  ['a', 'b', 'c'].map((key) => cache.get(key)),
  [undefined, 'b', 'c'],
);

const tasks = ['x', 'y'].map((id) => ({
  id,
  testCase: { id, input: id, expected: id },
  runnerConfig: { modelId: 'm' },
}));
const results = await new all.ParallelExecutor({ concurrency: 2 }).executeTasks(tasks, async ({ id }) => id);
assert.deepEqual(
  results.map(({ result }) => result),
  ['x', 'y'],
);
console.log(`@aah/ai-evals works on ${process.platform}-${process.arch}, Node ${process.version}`);
