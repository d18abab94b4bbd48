import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ResponseCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';
import { runChild } from '../lifecycle/child.js';

const root = join(import.meta.dirname, '..', '..');
const config = { model: 'm' };

/** A worker thread that runs `body` with `ResponseCache`, `parentPort` and `workerData` at hand. */
function worker(body: string, workerData: unknown = undefined): Worker {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { ResponseCache } = require(${JSON.stringify(join(root, 'dist', 'index.js'))});
    const config = { model: 'm' };
    (async () => { ${body} })();
  `;
  return new Worker(code, { eval: true, workerData, env: process.env });
}

async function result<T>(thread: Worker): Promise<T> {
  const [message] = (await once(thread, 'message')) as [T];
  return message;
}

test('8 workers are one cache: one set of hits, each value computed once', async () => {
  const cache = new ResponseCache<number>({ shared: 'eight', maxSize: 1000 });
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const threads = Array.from({ length: 8 }, () =>
    worker(
      `
      const cache = new ResponseCache({ shared: 'eight', maxSize: 1000 });
      const counter = new Int32Array(workerData);
      let wrong = 0;
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(Array.from({ length: 100 }, async (_, i) => {
          const value = await cache.getOrCompute({ prompt: 'question ' + i }, config, async () => {
            Atomics.add(counter, 0, 1);
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
            return i;
          });
          if (value !== i) wrong += 1;
        }));
      }
      parentPort.postMessage({ wrong, hits: cache.getStats().hits });
    `,
      counter.buffer,
    ),
  );
  const results = await Promise.all(threads.map((thread) => result<{ wrong: number; hits: number }>(thread)));
  await Promise.all(threads.map((thread) => thread.terminate()));
  expect(results.map(({ wrong }) => wrong)).toEqual(Array(8).fill(0));
  expect(Atomics.load(counter, 0), 'computations').toBe(100);
  const { hits, misses, size } = cache.getStats();
  expect(size).toBe(100);
  // Every one of the 4,000 callers was counted, those of all threads together.
  expect(hits + misses).toBe(8 * 5 * 100);
  expect(hits).toBeGreaterThanOrEqual(8 * 4 * 100);
  expect(cache.get({ prompt: 'question 7' }, config)).toBe(7);
  cache.close();
});

test('a worker that is terminated while it computes leaves its key to the others', async () => {
  const cache = new ResponseCache<string>({ shared: 'terminated' });
  const thread = worker(`
    const cache = new ResponseCache({ shared: 'terminated' });
    void cache.getOrCompute('key', config, () => { parentPort.postMessage('computing'); return new Promise(() => setInterval(() => {}, 1000)); });
  `);
  await result(thread);
  const pending = cache.getOrCompute('key', config, () => 'ours');
  expect(await Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 100, 'waits'))])).toBe('waits');
  await thread.terminate();
  expect(await pending).toBe('ours');
  cache.close();
});

test('workers that come and go under load, killed at random, never see a wrong value', async () => {
  const options = { shared: 'churn', maxSize: 50, maxBytes: 200_000 };
  const cache = new ResponseCache<{ n: number; text: string }>(options);
  const body = `
    const cache = new ResponseCache(workerData);
    for (let i = 0; ; i += 1) {
      const n = Math.floor(Math.random() * 200);
      const found = cache.get(n, config);
      if (found !== undefined && (found.n !== n || found.text !== String(n).repeat(1000))) parentPort.postMessage('wrong ' + n);
      if (found === undefined) cache.set(n, config, { n, text: String(n).repeat(1000) });
      if (i === 200) parentPort.postMessage('up');
      if (i % 500 === 0) await new Promise(setImmediate);
    }
  `;
  for (let round = 0; round < 4; round += 1) {
    const threads = Array.from({ length: 4 }, () => worker(body, options));
    const wrong: string[] = [];
    for (const thread of threads) thread.on('message', (said: string) => said.startsWith('wrong') && wrong.push(said));
    await Promise.all(threads.map((thread) => once(thread, 'message')));
    await Promise.all(threads.map((thread) => thread.terminate()));
    expect(wrong).toEqual([]);
    const { size, memoryUsage } = cache.getStats();
    expect(size).toBeLessThanOrEqual(50);
    expect(memoryUsage).toBeLessThan(300_000);
  }
  cache.close();
});

test('the bytes are off the V8 heap', async () => {
  const { stdout, code } = await runChild(
    `
    const { ResponseCache } = require('@aah/ai-evals');
    const cache = new ResponseCache({ shared: 'memory', maxSize: 10_000, maxBytes: 100_000_000 });
    gc();
    const before = process.memoryUsage();
    for (let i = 0; i < 5000; i += 1) cache.set(i, {}, (i + ' ').repeat(5000).slice(0, 10_000));
    gc();
    const after = process.memoryUsage();
    const held = cache.getStats().memoryUsage;
    cache.clear();
    console.log(JSON.stringify({
      heap: after.heapUsed - before.heapUsed,
      external: after.arrayBuffers - before.arrayBuffers,
      resident: after.rss - before.rss,
      held,
      cleared: cache.getStats().memoryUsage,
    }));
  `,
    { flags: ['--expose-gc'] },
  );
  expect(code).toBe(0);
  const { heap, external, resident, held, cleared } = JSON.parse(stdout) as Record<string, number>;
  expect(heap).toBeLessThan(2_000_000);
  expect(external).toBeLessThan(2_000_000);
  expect(resident).toBeGreaterThan(45_000_000);
  expect(held).toBeGreaterThan(50_000_000);
  expect(held).toBeLessThan(55_000_000);
  expect(cleared).toBeLessThan(2_000_000);
});
