// A run that is kept: results as they come, a resume that pays for nothing twice, figures and a comparison.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionTask, ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { EvalStore, type NewRun } from '@aah/ai-evals/store';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-example-'));
const store = await EvalStore.open(`sqlite:${join(folder, 'runs.db')}`);

const settings: NewRun = {
  datasetId: 'sums',
  datasetVersion: '1',
  modelId: 'openai/gpt-4',
  modelConfig: { temperature: 0 },
};
const tasks: ExecutionTask<string, number>[] = Array.from({ length: 20 }, (_, n) => ({
  id: `sum-${n}`,
  testCase: { id: `sum-${n}`, input: `${n} + ${n}`, expected: n + n },
  runnerConfig: { modelId: 'openai/gpt-4' },
}));

let calls = 0;
const askModel = async ({ testCase }: ExecutionTask<string, number>, failing: boolean) => {
  calls += 1;
  if (failing && testCase.expected >= 30) throw new Error('the provider is down');
  return testCase.expected === 8 ? 9 : testCase.expected;
};

const evaluate = (runId: string, failing: boolean) =>
  new ParallelExecutor({ concurrency: 5, rateLimit: {} }).executeTasks(tasks, (task) => askModel(task, failing), {
    store: {
      store,
      runId,
      toResult: ({ task: { testCase }, result: actual, error, executionTime }) => {
        if (error) return undefined; // not stored: a resume asks again
        const passed = actual === testCase.expected;
        return {
          input: testCase.input,
          expected: testCase.expected,
          actual,
          passed,
          score: Number(passed),
          latencyMs: executionTime,
        };
      },
    },
  });

const run = await store.createRun(settings);
await evaluate(run.id, true); // ends early: a quarter has no answer
console.log(
  `${calls} calls, ${(
    await store.have(
      run.id,
      tasks.map(({ id }) => ({ testCaseId: id })),
    )
  ).join('')}`,
);

await store.resumeRun(run.id, settings);
const results = await evaluate(run.id, false);
console.log(`${calls} calls after the resume, ${results.filter(({ stored }) => stored).length} results were there`);
assert.equal(calls, 25);

await store.finishRun(run.id);
const metrics = await store.metrics(run.id);
console.log(
  `pass rate ${metrics?.passRate}, failed: ${(await store.listResults(run.id, { passed: false })).items[0]?.testCaseId}`,
);
assert.equal(metrics?.passRate, 0.95);

await store.setBaseline({ name: 'main', runId: run.id });
const better = await store.saveRun({
  run: { ...settings, modelId: 'openai/gpt-5' },
  results: tasks.map(({ testCase: { id, input, expected } }) => ({
    ...{ testCaseId: id, input, expected, actual: expected, passed: true, score: 1, latencyMs: 1 },
  })),
});
const baseline = await store.activeBaseline({ datasetId: 'sums' });
const { fixed, broken, pValue } = await store.compareRuns(baseline!.runId, better.id);
console.log(`against the baseline: ${fixed} fixed, ${broken} broken (p ${pValue})`);
assert.deepEqual([fixed, broken], [1, 0]);

await store.close();
rmSync(folder, { recursive: true });
