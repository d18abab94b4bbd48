import type { EvalError } from '@aah/ai-evals/orchestrator';
import { type ExecutionTask, ParallelExecutor, type RunResult, type TestCase } from '@aah/ai-evals/orchestrator';
import { expect, expectTypeOf, test } from 'vitest';

// As the TypeScript original is used: types without arguments, fields of any case, listeners of any arguments.
test('code written against the original type-checks and runs', async () => {
  const testCase: TestCase = {
    id: 'a',
    input: { question: 'q' },
    expected: 'r',
    metadata: { difficulty: 'easy', category: 'c', tags: [], createdAt: new Date(), source: 'synthetic' },
  };
  const tasks: ExecutionTask[] = [{ id: 'a', testCase, runnerConfig: { modelId: 'm', timeout: 1000, retries: 1 } }];
  const run = async (task: ExecutionTask): Promise<RunResult> => ({
    testCaseId: task.testCase.id,
    input: task.testCase.input,
    expected: task.testCase.expected,
    actual: task.testCase.input.question.toUpperCase(),
    metadata: {
      modelId: task.runnerConfig.modelId,
      latency: 1,
      tokenUsage: { prompt: 1, completion: 1, total: 2 },
      cost: 0,
      timestamp: new Date(),
      error: 'a text',
    },
  });
  const executor = new ParallelExecutor({ maxWorkers: 4, concurrency: 10, rateLimit: { requestsPerMinute: 60 } });
  const heard: unknown[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: so it is written there
  const listener = (...args: any[]): void => {
    heard.push(args[0]);
  };
  executor.on('taskComplete', listener);
  executor.addListener('complete', listener);
  const results = await executor.executeTasks(tasks, run);
  expect(results[0]?.result?.actual).toBe('Q');
  expect(results[0]?.task.testCase.metadata?.category).toBe('c');
  expect(heard).toHaveLength(2);
  expectTypeOf(results[0]!.result!.actual).toBeAny();
  expectTypeOf<RunResult['metadata']['error']>().toEqualTypeOf<string | EvalError | undefined>();
  const error: EvalError = { type: 'execution', severity: 'error', message: 'x', retryable: false };
  expectTypeOf(error.timestamp).toEqualTypeOf<Date | undefined>();
});
