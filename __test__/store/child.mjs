// A process of its own for the tests: `node child.mjs TASK URL [RUN]`. What it prints is what was acknowledged.
import { EvalStore } from '@aah/ai-evals/store';

const [task, url, runId = ''] = process.argv.slice(2);
const run = {
  datasetId: 'triage',
  datasetVersion: '3',
  modelId: 'openai/gpt-4',
  modelConfig: { temperature: 0 },
  scorerConfig: { scorer: 'exact' },
};
const result = (n) => ({
  testCaseId: `case-${n}`,
  index: n,
  input: n,
  expected: n,
  passed: true,
  score: 1,
  latencyMs: 1,
});
const store = await EvalStore.open(url);

/** Opens a new store and creates a run. */
async function create() {
  const { id } = await store.createRun(run);
  await store.close();
  console.log(id);
}

/** Creates a run, finishes it, and goes on. */
async function finish() {
  const { id } = await store.createRun(run);
  await store.finishRun(id);
  console.log(id);
  setInterval(() => {}, 1 << 30);
}

/** Leaves the store open. */
function leaveOpen() {
  console.log('left open');
}

/** Holds a run until it is killed. */
async function hold() {
  await store.createRun({ ...run, id: runId });
  console.log('held');
  setInterval(() => {}, 1 << 30);
}

/** Writes results and tells of each that is acknowledged. */
async function write() {
  await store.createRun({ ...run, id: runId });
  const writer = store.writer(runId, { flushMs: 2 });
  for (let n = 0; ; n += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        await writer.write(result(n + i));
        process.stdout.write(`${n + i}\n`);
      }),
    );
  }
}

/** Saves run after run, of 200 results each. */
async function save() {
  for (let n = 0; ; n += 1) {
    await store.saveRun({
      run: { ...run, id: `${runId}-${n}` },
      results: Array.from({ length: 200 }, (_, i) => result(i)),
    });
    process.stdout.write(`${runId}-${n}\n`);
  }
}

await { create, finish, 'leave-open': leaveOpen, hold, write, save }[task]();
