// Run many cases at once without ever passing the provider's limits.
import assert from 'node:assert/strict';
import { type ExecutionTask, ParallelExecutor, type RunResult } from '@aah/ai-evals/orchestrator';

const executor = new ParallelExecutor({
  concurrency: 10,
  rateLimit: { requestsPerMinute: 60, tokensPerMinute: 150000 },
});

executor.on('throttle', ({ reason, waitTime }) => {
  console.log(`waiting ${waitTime} ms for ${reason}`);
});
executor.on('taskComplete', ({ progress }) => {
  if (progress % 25 === 0) console.log(`${progress} %`);
});

async function runTestCase(task: ExecutionTask<string, string>): Promise<RunResult<string>> {
  const { id, input, expected } = task.testCase;
  await new Promise((resolve) => setTimeout(resolve, 20)); // a real program calls its model here
  return {
    testCaseId: id,
    input,
    expected,
    actual: input.toUpperCase(),
    metadata: {
      modelId: task.runnerConfig.modelId,
      latency: 20,
      tokenUsage: { prompt: 40, completion: 10, total: 50 },
      cost: 0.0021,
      timestamp: new Date(),
    },
  };
}

const tasks = Array.from({ length: 40 }, (_, i) => ({
  id: `case-${i}`,
  testCase: { id: `case-${i}`, input: `question ${i}`, expected: `QUESTION ${i}` },
  runnerConfig: { modelId: 'openai/gpt-4', temperature: 0 },
}));

const results = await executor.executeTasks(tasks, runTestCase);

const right = results.filter(({ task, result }) => result?.actual === task.testCase.expected).length;
const { totalExecutionTime, parallelEfficiency, throttleTime } = executor.getMetrics();
console.log(`${right} of ${results.length} right in ${totalExecutionTime.toFixed(0)} ms`);
console.log(`efficiency ${(parallelEfficiency * 100).toFixed(0)} %, throttled for ${throttleTime.toFixed(0)} ms`);
assert.deepEqual(
  results.map(({ task }) => task.id),
  tasks.map(({ id }) => id),
);
assert.equal(right, 40);
assert.equal(executor.getRateLimiterState().currentRequests, 40);
