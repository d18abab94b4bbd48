// Compares the local models in a process of its own, that a test kills: `node comparison_child.mjs STORE URL`.
import { loadDataset, runModelComparison } from '@aah/ai-evals/datasets';
import { EvalStore } from '@aah/ai-evals/store';

const [, , url, baseURL] = process.argv;
const store = await EvalStore.open(url);
const dataset = await loadDataset('everyday');
const report = await runModelComparison({
  dataset: { ...dataset, testCases: Array.from({ length: 500 }, (_, i) => copyOf(dataset.testCases, i)) },
  models: ['local-rules-1', 'local-rules-1-small', 'local-rules-1-large'].map((model) => ({
    name: model,
    model: { baseURL, model },
  })),
  scorer: ({ actual, expected }) =>
    String(actual).includes(typeof expected === 'string' ? expected : JSON.stringify(expected)),
  ...{ repeats: 3, seed: 1, concurrency: 32, store, id: 'killed' },
  onProgress: (done, total) => process.stdout.write(`${done}/${total}\n`),
});
process.stdout.write(`report ${JSON.stringify(report)}\n`);
await store.close();

/** The case at place `i` of as many copies as are needed; each copy is a case of its own. */
function copyOf(cases, i) {
  const one = cases[i % cases.length];
  return i < cases.length ? one : { ...one, id: `${one.id}-${Math.floor(i / cases.length)}` };
}
