// A job of two models: compared with a baseline, killed half way, resumed from the store, reported.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EvalOrchestrator, type JobConfig, type RunFunction } from '@aah/ai-evals/orchestrator';
import { exactMatch } from '@aah/ai-evals/scorers';
import { EvalStore } from '@aah/ai-evals/store';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-example-'));
const store = await EvalStore.open(`sqlite:${join(folder, 'runs.db')}`);

const dataset = {
  id: 'sums',
  version: '1',
  testCases: Array.from({ length: 40 }, (_, n) => ({
    id: `sum-${n}`,
    input: `${n} + ${n}`,
    expected: String(n + n),
    metadata: { category: n < 20 ? 'small' : 'large' },
  })),
};
const config: JobConfig = {
  datasetIds: ['sums'],
  runnerConfigs: [{ modelId: 'careful' }, { modelId: 'hasty' }],
  scorerConfig: { strategy: 'exact' },
};

let calls = 0;
const ask: RunFunction<string, string> = async ({ testCase, runnerConfig }) => {
  calls += 1;
  const isWrong = runnerConfig.modelId === 'hasty' && testCase.expected.endsWith('4');
  return { actual: isWrong ? 'no idea' : testCase.expected, metadata: { cost: 0.001, latency: 250 } };
};

// The first process stops half way: its job stays in the store.
const first = new EvalOrchestrator({ store, workerConfig: { rateLimit: {} } });
const id = first.createJob({ ...config, concurrency: 1 });
const dead = new Promise<never>(() => {});
void first.executeJob(id, [dataset], (task, context) => (calls < 30 ? ask(task, context) : dead), exactMatch());
const done = () => first.getProgress(id)!.completedTests;
while (done() < 30) await new Promise((resolve) => setTimeout(resolve, 5));
await store.close();
console.log(`${calls} calls until the crash`);

// Another one takes it up.
await using again = await EvalStore.open(`sqlite:${join(folder, 'runs.db')}`);
const orchestrator = new EvalOrchestrator({ store: again, workerConfig: { rateLimit: {} } });
await orchestrator.resumeJob(id);
const report = await orchestrator.executeJob(id, [dataset], ask, exactMatch());
const { totalTests, passed, failed, errors } = report.summary;
console.log(`${calls} calls in all; ${passed} passed, ${failed} failed, ${errors} errors`);
assert.equal(calls, 80);
assert.equal(totalTests, 80);

// What is good enough becomes the baseline, and the next change is held against it.
orchestrator.setActiveBaseline(orchestrator.storeBaseline('main', 'before the new prompt', id, report.metrics));
const worse: RunFunction<string, string> = async (task, context) =>
  task.testCase.input.startsWith('3') ? { actual: '?', metadata: { latency: 250 } } : ask(task, context);
const next = await orchestrator.executeJob(orchestrator.createJob(config), [dataset], worse, exactMatch());
for (const { metric, category, percentChange, severity, pValue } of next.regressions) {
  console.log(`${severity}: ${metric} of ${category} ${percentChange.toFixed(1)} % (p ${pValue?.toPrecision(2)})`);
}
assert.equal(next.regressions[0]?.severity, 'critical');
console.log(orchestrator.exportReport(next, { format: 'csv' }));

await orchestrator.close();
rmSync(folder, { recursive: true });
