// Slices of a dataset through the executor, saved one after the other.
import assert from 'node:assert/strict';
import { type ExecutionTask, ParallelExecutor } from '@aah/ai-evals/orchestrator';

const runnerConfig = { modelId: 'openai/gpt-4', temperature: 0.1 };
const testCases = Array.from({ length: 120 }, (_, i) => ({ id: `case-${i}`, input: i, expected: i % 2 === 0 }));
const executor = new ParallelExecutor({ concurrency: 10, rateLimit: { requestsPerMinute: 1000 } });
const saved: string[] = [];

async function run(task: ExecutionTask<number, boolean>) {
  const { id, input, expected } = task.testCase;
  return { testCaseId: id, input, expected, actual: input % 2 === 0 };
}

async function saveResults(results: { task: { id: string } }[]): Promise<void> {
  saved.push(...results.map(({ task }) => task.id)); // a real program writes to its database here
}

for (let i = 0; i < testCases.length; i += 50) {
  const slice = testCases.slice(i, i + 50);
  const results = await executor.executeTasks(
    slice.map((tc) => ({ id: tc.id, testCase: tc, runnerConfig })),
    run,
  );
  await saveResults(results);
  console.log(`saved ${saved.length} of ${testCases.length}`);
  await new Promise((resolve) => setImmediate(resolve)); // lets the rest of the program breathe
}
assert.deepEqual(
  saved,
  testCases.map(({ id }) => id),
);
