import {
  type ExecutionResult,
  type ExecutionTask,
  ParallelExecutor,
  type RunnerConfig,
  type RunResult,
  type TestCase,
  type WorkerConfig,
} from '@aah/ai-evals/orchestrator';
import { expect, expectTypeOf, test } from 'vitest';

test('the guide type-checks: plain tasks in, exact results out', async () => {
  const runnerConfig: RunnerConfig = { modelId: 'openai/gpt-4', temperature: 0 };
  const cases = [{ id: 'a', input: 'q', expected: 'r' }];
  const list = cases.map((testCase) => ({ id: testCase.id, testCase, runnerConfig }));
  const config: WorkerConfig = { concurrency: 10, rateLimit: { requestsPerMinute: 60, tokensPerMinute: 150000 } };
  const executor = new ParallelExecutor(config);
  executor.on('throttle', ({ reason, waitTime }) => {
    expectTypeOf(reason).toEqualTypeOf<'requests' | 'tokens'>();
    expectTypeOf(waitTime).toBeNumber();
  });

  const run = async (task: ExecutionTask<string, string>): Promise<RunResult<string>> => ({
    testCaseId: task.testCase.id,
    input: task.testCase.input,
    expected: task.testCase.expected,
    actual: 'r',
    metadata: {
      modelId: task.runnerConfig.modelId,
      latency: 1,
      tokenUsage: { prompt: 1, completion: 1, total: 2 },
      cost: 0,
      timestamp: new Date(),
    },
  });
  const results: ExecutionResult<string>[] = await executor.executeTasks(list, run);
  expectTypeOf(results[0]!.result).toEqualTypeOf<RunResult<string> | undefined>();
  expect(results[0]?.result?.actual).toBe('r');

  const full: ExecutionTask<string, string>[] = [] as {
    id: string;
    testCase: TestCase<string, string>;
    runnerConfig: RunnerConfig;
  }[];
  const explicit = await executor.executeTasks<string, string>(full, run);
  expectTypeOf(explicit).toEqualTypeOf<ExecutionResult<string>[]>();

  const plain = await executor.executeTasks(list, (task) => task.testCase.input.length);
  expectTypeOf(plain[0]!.result).toEqualTypeOf<number | undefined>();
  expect(plain[0]?.result).toBe(1);
  for await (const { result } of executor.executeTasksStreaming(list, async () => 'x')) {
    expectTypeOf(result).toEqualTypeOf<string | undefined>();
  }
});
