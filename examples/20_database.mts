// Five ways to make a database fast, each beside the way without it: batches, transactions, indexes, one store, a cache.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EvalStore, type NewRun } from '@aah/ai-evals/store';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-example-'));
const url = `sqlite:${join(folder, 'runs.db')}`;
const store = await EvalStore.open(url);
const run: NewRun = { datasetId: 'd', datasetVersion: '1', modelId: 'm' };
const rows = (runId: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...{ runId, testCaseId: `case-${n}`, index: n, input: `question ${n}`, expected: n, actual: n },
    ...{ passed: true, score: n / count, latencyMs: 1 },
  }));

/** Milliseconds that `work` takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function gain(name: string, slow: () => Promise<unknown>, fast: () => Promise<unknown>): Promise<void> {
  const [before, after] = [await timed(slow), await timed(fast)];
  console.log(
    `${name.padEnd(36)} ${before.toFixed(1).padStart(8)} ms → ${after.toFixed(1)} ms: ${(before / after).toFixed(0)} times as fast`,
  );
}

const [single, batch, one] = [await store.createRun(run), await store.createRun(run), await store.createRun(run)];
await gain(
  '500 inserts → one batch',
  async () => {
    for (const row of rows(single.id, 500)) await store.insertResults([row]);
  },
  () => store.insertResults(rows(batch.id, 500)),
);
assert.deepEqual(await store.metrics(batch.id), undefined); // not finished yet

const keys = rows(batch.id, 500).map(({ testCaseId }) => ({ testCaseId }));
await gain(
  '500 questions (N+1) → one',
  async () => {
    for (const key of keys) assert.equal((await store.have(batch.id, [key]))[0], 1);
  },
  () => store.have(batch.id, keys),
);

await gain(
  'run, results, metrics → saveRun',
  async () => {
    for (const row of rows(one.id, 100)) await store.insertResults([row]);
    await store.finishRun(one.id);
  },
  () => store.saveRun({ run, results: rows('', 100).map(({ runId: _, ...row }) => row) }),
);

const large = await store.createRun(run);
await store.insertResults(rows(large.id, 20_000));
await gain(
  'read all and filter → an index',
  async () => {
    const best = [];
    for await (const row of store.results(large.id)) if (row.score >= 0.999) best.push(row);
    assert.equal(best.length, 20);
  },
  async () => assert.equal((await store.listResults(large.id, { minScore: 0.999, order: '-score' })).items.length, 20),
);

await gain(
  '20 stores → one store',
  async () => {
    for (let n = 0; n < 20; n += 1) {
      const another = await EvalStore.open(url);
      await another.getRun(large.id);
      await another.close();
    }
  },
  async () => {
    for (let n = 0; n < 20; n += 1) await store.getRun(large.id);
  },
);

let reads = 0;
const passed = async () => {
  reads += 1;
  return (await store.listResults(large.id, { passed: true }, { limit: 1000 })).items.length;
};
await gain(
  '50 reads → a cache',
  async () => {
    for (let n = 0; n < 50; n += 1) await passed();
  },
  async () => {
    for (let n = 0; n < 50; n += 1) await store.cached('passed', { run: large.id }, passed);
  },
);
assert.equal(reads, 51);

await store.close();
rmSync(folder, { recursive: true });
