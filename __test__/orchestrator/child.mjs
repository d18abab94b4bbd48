// A process that executes a job with a store, until it is killed: `node child.mjs URL JOB CALLS`. It prints the id of each case
// that it asks about; after so many calls it answers no more.
import { EvalOrchestrator } from '@aah/ai-evals/orchestrator';
import { EvalStore } from '@aah/ai-evals/store';

const [url, known, limit] = process.argv.slice(2);
const store = await EvalStore.open(url);
const orchestrator = new EvalOrchestrator({ store, workerConfig: { rateLimit: {} } });
const models = ['a', 'b', 'c'];
const config = {
  datasetIds: ['d'],
  runnerConfigs: models.map((modelId) => ({ modelId })),
  scorerConfig: { strategy: 'exact' },
  repeats: 3,
};
const id = known === '' ? orchestrator.createJob(config) : await orchestrator.resumeJob(known);
process.stdout.write(`job ${id}\n`);

const testCases = Array.from({ length: 50 }, (_, n) => ({
  id: `c${n}`,
  input: n,
  expected: n,
  metadata: { category: n % 2 ? 'odd' : 'even' },
}));
let calls = 0;
async function run({ testCase, runnerConfig, repeat }) {
  calls += 1;
  if (calls > Number(limit)) await new Promise(() => setInterval(() => {}, 1 << 30));
  process.stdout.write(`${runnerConfig.modelId} ${testCase.id} ${repeat}\n`);
  // Every model is wrong about some cases, in a way that depends on nothing else.
  const wrong = (testCase.input * 7 + models.indexOf(runnerConfig.modelId) + repeat) % 5 === 0;
  if (testCase.input % 11 === 3) throw new Error('down');
  return { actual: wrong ? -1 : testCase.input, metadata: { latency: testCase.input, cost: 0.001 } };
}
const score = ({ actual, expected }) => ({ passed: actual === expected, score: Number(actual === expected) });
const report = await orchestrator.executeJob(id, [{ id: 'd', version: '1', testCases }], run, score);
await store.close();
process.stdout.write(`report ${JSON.stringify({ summary: report.summary, metrics: report.metrics })}\n`);
