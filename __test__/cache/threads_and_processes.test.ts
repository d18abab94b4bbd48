import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResponseCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';
import { root, runChild } from '../lifecycle/child.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-both-'));

/** What each thread does: reads, writes, deletes and computes entries, and looks at every value it gets. */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { ResponseCache } = require(${JSON.stringify(join(root, 'dist', 'index.js'))});
  const cache = new ResponseCache({ persist: workerData.file, maxSize: 150 });
  const valueOf = (n) => ({ n, text: String(n).repeat(700), at: new Date(n) });
  const isRight = (n, value) => value.n === n && value.text === String(n).repeat(700) && value.at.getTime() === n;
  let random = workerData.seed;
  const next = () => (random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
  (async () => {
    let wrong = 0;
    let hits = 0;
    for (let step = 0; step < workerData.steps; step += 1) {
      const n = Math.floor(next() * 200);
      const dice = next();
      let value;
      if (dice < 0.5) value = cache.get(n, { model: 'm' });
      else if (dice < 0.7) cache.set(n, { model: 'm' }, valueOf(n));
      else if (dice < 0.72) cache.delete(n, { model: 'm' });
      else value = await cache.getOrCompute(n, { model: 'm' }, async () => valueOf(n));
      if (value !== undefined) {
        hits += 1;
        if (!isRight(n, value)) wrong += 1;
      }
      if (step % 50 === 0) await new Promise(setImmediate);
    }
    parentPort.postMessage({ wrong, hits, size: cache.getStats().size });
  })();
`;

/** A process with two such threads; \`kill\` ends it, \`terminate\` ends one of its threads, in ms. */
const PROCESS = `
  const { Worker } = require('node:worker_threads');
  const { file, seed, steps, kill, terminate } = JSON.parse(process.argv[1]);
  process.on('warning', (warning) => console.error(String(warning)));
  if (kill) setTimeout(() => process.kill(process.pid, 'SIGKILL'), kill);
  const results = [];
  for (const nth of [0, 1]) {
    const worker = new Worker(${JSON.stringify(THREAD)}, { eval: true, workerData: { file, steps, seed: seed + nth } });
    worker.on('message', (result) => results.push(result));
    worker.on('error', (error) => console.error(error));
    if (terminate && nth === 0) setTimeout(() => worker.terminate(), terminate);
  }
  process.on('exit', () => console.log(JSON.stringify(results)));
`;

test('8 threads of 4 processes on one file, threads terminated and processes killed at random: never a wrong value', async () => {
  const file = join(folder, 'cache.db');
  let hits = 0;
  for (let round = 0; round < 3; round += 1) {
    const fates = [{}, { terminate: 50 + Math.random() * 200 }, { kill: 150 + Math.random() * 300 }, { kill: 400 }];
    const children = fates.map((fate, nth) =>
      runChild(PROCESS, {
        args: [JSON.stringify({ file, seed: 1000 * round + 10 * nth + 1, steps: 1500, ...fate })],
        timeout: 60_000,
      }),
    );
    for (const [nth, { code, signal, stdout, stderr }] of (await Promise.all(children)).entries()) {
      expect(stderr).toBe('');
      if (signal === 'SIGKILL') continue;
      expect(code).toBe(0);
      const results = JSON.parse(stdout) as { wrong: number; hits: number; size: number }[];
      expect(results.length).toBeGreaterThanOrEqual(nth === 1 ? 1 : 2);
      for (const result of results) {
        expect(result.wrong).toBe(0);
        expect(result.size).toBeLessThanOrEqual(150);
        hits += result.hits;
      }
    }
  }
  expect(hits).toBeGreaterThan(1000);
  const cache = new ResponseCache({ persist: file, maxSize: 150 });
  expect(cache.getStats().size).toBeGreaterThan(50);
  cache.close();
  expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toEqual([]);
  rmSync(folder, { recursive: true });
}, 120_000);
