import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

function run(code: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--expose-gc', '-e', code], { cwd: root, encoding: 'utf8', timeout: 20_000 });
}

test('a process with scheduled cleanups exits by itself', () => {
  const { status, stdout, stderr } = run(`
    const { cacheManager, CacheInvalidator } = require('@aah/ai-evals/performance');
    cacheManager.startCleanup(50);
    new CacheInvalidator().scheduleCleanup(50);
    cacheManager.responseCache.set('a', {}, 1);
    console.log(cacheManager.responseCache.get('a', {}));
  `);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '1\n', stderr: '' });
});

test('hundreds of caches come and go', () => {
  const { status } = run(`
    const { ResponseCache } = require('@aah/ai-evals/performance');
    for (let round = 0; round < 300; round += 1) {
      const cache = new ResponseCache({ maxSize: 1000 });
      for (let i = 0; i < 100; i += 1) cache.set({ i, text: 'x'.repeat(i * 10) }, { round }, i);
      if (cache.get({ i: 7, text: 'x'.repeat(70) }, { round }) !== 7) process.exit(3);
      if (round % 50 === 0) gc();
    }
  `);
  expect(status).toBe(0);
});

test('workers have caches of their own and may be terminated at any time', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const { LRUCache } = require('@aah/ai-evals/performance');
    const caches = Array.from({ length: 50 }, () => new LRUCache({ maxSize: 1000 }));
    parentPort.postMessage('ready');
    for (let i = 0; ; i += 1) caches[i % 50].set('key ' + i, { i });
  `;
  for (let i = 0; i < 5; i += 1) {
    const worker = new Worker(code, { eval: true, env: process.env });
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(await worker.terminate()).toBe(1);
  }
});

test('fake timers may return a number', () => {
  const { status, stdout, stderr } = run(`
    const { CacheInvalidator } = require('@aah/ai-evals/performance');
    globalThis.setInterval = () => 7;
    new CacheInvalidator().scheduleCleanup(50);
    console.log('ok');
  `);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'ok\n', stderr: '' });
});

test('avgAccessTime does not keep step with the caller', () => {
  // Every sixteenth get is of a key that takes long to write: about one in sixteen of those timed is, too.
  const { status, stdout } = run(`
    const real = performance.now.bind(performance);
    let clock = 0, timed = [], get = 0;
    performance.now = () => { timed.push(get); return real(); };
    const { LRUCache } = require('@aah/ai-evals/performance');
    performance.now = real;
    const cache = new LRUCache();
    for (; get < 16_000; get += 1) cache.get('a');
    const distinct = new Set(timed);
    const phases = new Set([...distinct].map((at) => at % 16));
    console.log(distinct.size > 900 && distinct.size < 1100, phases.size);
  `);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'true 16\n' });
});
