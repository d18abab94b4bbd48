import { expect, test } from 'vitest';
import { runChild } from './child.js';

test('the package can be dropped from the require cache and loaded again 50 times, each copy works', async () => {
  const source = `
    const classes = new Set();
    const kept = [];
    for (let i = 0; i < 50; i += 1) {
      for (const file of Object.keys(require.cache)) if (/dist/.test(file)) delete require.cache[file];
      const { LRUCache, PerformanceMonitor } = require('@aah/ai-evals/performance');
      const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
      classes.add(LRUCache).add(ParallelExecutor).add(PerformanceMonitor);
      const cache = new LRUCache({ maxSize: 3 });
      cache.set('n', i);
      new ParallelExecutor();
      kept.push(cache);
    }
    console.log(classes.size, kept.map((cache) => cache.get('n')).join() === [...kept.keys()].join());`;
  const { code, signal, stdout, stderr } = await runChild(source);
  expect({ code, signal, stdout, stderr }).toEqual({ code: 0, signal: null, stdout: '150 true\n', stderr: '' });
});

test('native memory goes with the objects that held it', async () => {
  const source = `
    const { LRUCache, ResponseCache, EmbeddingCache, QueryCache, DatasetStream, PerformanceMonitor } = require('@aah/ai-evals/performance');
    const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
    const settle = async () => { for (let i = 0; i < 5; i += 1) { gc(); await new Promise((r) => setImmediate(r)); } };
    async function round() {
      for (let i = 0; i < 100; i += 1) {
        const lru = new LRUCache({ maxSize: 1000 });
        const responses = new ResponseCache({ maxSize: 1000 });
        for (let k = 0; k < 200; k += 1) { lru.set('key ' + k, k); responses.set('prompt ' + k, { temperature: 0 }, 'x'.repeat(100) + k); }
        new EmbeddingCache().set('t', [1, 2, 3]);
        new QueryCache().set('q', { a: 1 }, new Date());
        const monitor = new PerformanceMonitor();
        monitor.measureSync('a', () => 1);
        new ParallelExecutor();
        new DatasetStream();
        if (i % 20 === 0) await settle();
      }
      await settle();
      return process.memoryUsage.rss();
    }
    (async () => {
      await round();
      const before = await round();
      await round();
      await round();
      const after = await round();
      console.log(Math.round((after - before) / 1e6));
    })();`;
  const { code, stdout, stderr } = await runChild(source, { flags: ['--expose-gc'], timeout: 60_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // Three rounds that stay would be about 30 MB.
  expect(Number(stdout)).toBeLessThan(10);
});
