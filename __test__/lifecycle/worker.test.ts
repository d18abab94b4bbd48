import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { root, runChild } from './child.js';

/** What a worker does over and over: every room, until somebody ends it. */
const WORK = `
  const { parentPort } = require('node:worker_threads');
  const { LRUCache, ResponseCache, EmbeddingCache, DatasetStream, PerformanceMonitor } = require('@aah/ai-evals/performance');
  const { ParallelExecutor, ScoringWorkerPool } = require('@aah/ai-evals/orchestrator');

  const cache = new ResponseCache({ maxSize: 50 });
  const embeddings = new EmbeddingCache({ maxSize: 50 });
  const lru = new LRUCache({ maxSize: 50, ttl: 5 });
  const monitor = new PerformanceMonitor();
  const executor = new ParallelExecutor({ concurrency: 4, rateLimit: { requestsPerMinute: 1e6 } });
  const pool = new ScoringWorkerPool(2);
  const task = (i) => ({ id: String(i), testCase: { id: String(i), input: i, expected: i }, runnerConfig: { modelId: 'm' } });

  async function round(n) {
    for (let i = 0; i < 100; i += 1) {
      cache.set({ prompt: 'p' + i * n }, { temperature: 0 }, { i });
      lru.set('k' + i, i);
      embeddings.set('t' + i, [i, i + 1]);
    }
    if (cache.get({ prompt: 'p' + 99 * n }, { temperature: 0 })?.i !== 99) throw new Error('the cache lost an entry');
    const results = await monitor.measure('run', () => executor.executeTasks(Array.from({ length: 20 }, (_, i) => task(i)), async (t) => ({ actual: t.id })));
    if (results.some((result, i) => result.result?.actual !== String(i))) throw new Error('results out of order');
    const stream = new DatasetStream({ batchSize: 7 });
    for (let i = 0; i < 30; i += 1) stream.push(i);
    const numbers = await stream.process(async (batch) => batch.map((x) => x * 2));
    if (numbers.length !== 30 || numbers[29] !== 58) throw new Error('the stream lost an item');
    if (await pool.execute(() => 7) !== 7) throw new Error('the pool lost a result');
    monitor.generateReport();
  }
`;

const FOREVER = `${WORK}
  (async () => {
    for (let n = 1; ; n += 1) {
      await round(n);
      if (n === 1) parentPort.postMessage('working');
    }
  })();`;

const ONCE = `${WORK}
  (async () => {
    await round(1);
    await round(2);
    parentPort.postMessage('done');
  })();`;

/** Starts a worker in the repository, so that the package resolves by its own name. */
const start = (source: string) => `new Worker(${JSON.stringify(source)}, { eval: true })`;

describe('worker threads', () => {
  test('20 workers load the package, use it and are terminated at random times while they work', async () => {
    const source = `
      const { Worker } = require('node:worker_threads');
      let seed = Number(process.argv[1]);
      const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
      async function one() {
        const worker = ${start(FOREVER)};
        const failed = new Promise((_, reject) => worker.once('error', reject));
        const working = new Promise((resolve) => worker.once('message', resolve));
        // Half of them are ended while they still load, the others in the middle of their work.
        if (random() < 0.5) await Promise.race([new Promise((r) => setTimeout(r, random() * 150)), failed]);
        else await Promise.race([working.then(() => new Promise((r) => setTimeout(r, random() * 100))), failed]);
        await worker.terminate();
      }
      (async () => {
        const { LRUCache } = require('@aah/ai-evals/performance');
        const cache = new LRUCache({ maxSize: 10 });
        cache.set('before', 1);
        for (let i = 0; i < 5; i += 1) await Promise.all([one(), one(), one(), one()]);
        console.log(cache.get('before'), 'still works');
      })();`;
    const seed = Math.floor(Math.random() * 1e9) + 1;
    const { code, signal, stdout, stderr } = await runChild(source, { timeout: 120_000, args: [String(seed)] });
    expect({ seed, code, signal, stderr, stdout }).toEqual({
      seed,
      code: 0,
      signal: null,
      stderr: '',
      stdout: '1 still works\n',
    });
  }, 150_000);

  test('20 workers at once finish their work and end by themselves', async () => {
    const run = () =>
      new Promise<{ code: number; said: unknown }>((resolve, reject) => {
        const worker = new Worker(ONCE, { eval: true });
        let said: unknown;
        worker.once('message', (message) => {
          said = message;
        });
        worker.once('error', reject);
        worker.once('exit', (code) => resolve({ code, said }));
      });
    expect(root).toBe(`${process.cwd()}/`);
    const ended = await Promise.all(Array.from({ length: 20 }, run));
    expect(ended).toEqual(Array.from({ length: 20 }, () => ({ code: 0, said: 'done' })));
  }, 120_000);

  test('a worker that loaded the package first does not take it away from the main thread', async () => {
    const source = `
      const { Worker } = require('node:worker_threads');
      const worker = ${start(ONCE)};
      worker.once('exit', () => {
        const { LRUCache } = require('@aah/ai-evals/performance');
        const cache = new LRUCache();
        cache.set('a', 'b');
        console.log(cache.get('a'));
      });`;
    const { code, stdout, stderr } = await runChild(source);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'b\n', stderr: '' });
  });
});
