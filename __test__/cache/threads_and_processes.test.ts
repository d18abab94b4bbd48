import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResponseCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';
import { root, runChild } from '../lifecycle/child.js';

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
    for (let step = 0; step !== workerData.steps; step += 1) {
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
      if (step === 50) parentPort.postMessage('working');
      if (step % 50 === 0) await new Promise(setImmediate);
      // What has been seen so far counts when this thread is terminated.
      if (step % 200 === 199 || wrong > 0) parentPort.postMessage({ wrong, hits, size: cache.getStats().size });
    }
    parentPort.postMessage({ wrong, hits, size: cache.getStats().size });
  })();
`;

/**
 * A process with two such threads. When both are at work, the process is killed after \`kill\` ms, or one of its threads
 * terminated after \`terminate\` ms. Says what its threads said last; one that is to be killed, only what was wrong.
 */
const PROCESS = `
  const { Worker } = require('node:worker_threads');
  const { file, seed, steps, kill, terminate } = JSON.parse(process.argv[1]);
  process.on('warning', (warning) => console.error(String(warning)));
  const results = [];
  let working = 0;
  const workers = [0, 1].map((nth) => {
    const worker = new Worker(${JSON.stringify(THREAD)}, { eval: true, workerData: { file, steps, seed: seed + nth } });
    worker.on('error', (error) => console.error(error));
    worker.on('message', (said) => {
      if (said !== 'working') results[nth] = said;
      else if (++working === 2) meetFate();
      if (kill && said.wrong) console.error('a wrong value');
    });
    return worker;
  });
  function meetFate() {
    if (kill) setTimeout(() => process.kill(process.pid, 'SIGKILL'), kill);
    if (terminate) setTimeout(() => workers[0].terminate(), terminate);
  }
  process.on('exit', () => console.log(JSON.stringify(results)));
`;

test('8 threads of 4 processes on one file, threads terminated and processes killed at random: never a wrong value', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-both-'));
  const file = join(folder, 'cache.db');
  let seed = 1;
  const run = (fate: object) => {
    seed += 10;
    return runChild(PROCESS, { args: [JSON.stringify({ file, seed, ...fate })], timeout: 100_000 });
  };
  const living = [run({ steps: 4000 }), run({ steps: 4000, terminate: 50 + Math.random() * 400 })];
  // Two more, which never end by themselves; for each that was killed there comes another.
  const killed = [0, 1].map(async () => {
    for (let nth = 0; nth < 4; nth += 1) {
      const { signal, stdout, stderr } = await run({ steps: -1, kill: Math.random() * 600 });
      expect({ signal, stdout, stderr }).toEqual({ signal: 'SIGKILL', stdout: '', stderr: '' });
    }
  });
  await Promise.all(killed);
  let hits = 0;
  for (const { code, signal, stdout, stderr } of await Promise.all(living)) {
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
    for (const result of JSON.parse(stdout) as ({ wrong: number; hits: number; size: number } | null)[]) {
      expect(result?.wrong ?? 0).toBe(0);
      expect(result?.size ?? 0).toBeLessThanOrEqual(150);
      hits += result?.hits ?? 0;
    }
  }
  expect(hits).toBeGreaterThan(3000);
  const cache = new ResponseCache({ persist: file, maxSize: 150 });
  expect(cache.getStats().size).toBeGreaterThan(100);
  cache.close();
  expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toEqual([]);
  rmSync(folder, { recursive: true });
}, 120_000);
