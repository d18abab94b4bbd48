/** Filling a cache file with what many computations bring at the same time: few writes, and nothing lost by that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ResponseCache } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { root, runChild } from '../lifecycle/child.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-filling-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;
const config = { model: 'm' };
const newFile = () => join(folder, `${++n}.db`);

function open(persist: string): ResponseCache<unknown> {
  const cache = new ResponseCache<unknown>({ persist });
  onTestFinished(() => cache.close());
  return cache;
}

/** A promise and what resolves it. */
function deferred<V>() {
  let resolve!: (value: V) => void;
  const promise = new Promise<V>((yes) => {
    resolve = yes;
  });
  return { promise, resolve };
}

/** Number of transactions in the log of a cache file, which was not begun anew yet. */
function transactions(persist: string): number {
  const [header, frame] = [32, 24 + 4096];
  const log = readFileSync(`${persist}-wal`);
  let count = 0;
  // The last frame of a transaction says how long the database is then.
  for (let at = header; at + frame <= log.length; at += frame) count += log.readUInt32BE(at + 4) > 0 ? 1 : 0;
  return count;
}

describe('getOrCompute of many keys at the same time', () => {
  test('claims them in one write, and stores what they bring in another', async () => {
    const persist = newFile();
    const cache = open(persist);
    cache.set('opened', config, 0);
    const before = transactions(persist);
    const all = deferred<void>();
    const started = deferred<void>();
    let computing = 0;
    const answers = Array.from({ length: 100 }, (_, i) =>
      cache.getOrCompute(`prompt ${i}`, config, async () => {
        computing += 1;
        if (computing === 100) started.resolve();
        await all.promise;
        return i;
      }),
    );
    await started.promise;
    all.resolve();
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(transactions(persist) - before).toBe(2);
    expect(Array.from({ length: 100 }, (_, i) => cache.get(`prompt ${i}`, config))).toEqual(await Promise.all(answers));
  });

  test('gives a caller its value when every other cache finds it, and not before', async () => {
    const persist = newFile();
    const [cache, other] = [open(persist), open(persist)];
    const slow = deferred<string>();
    const late = cache.getOrCompute('late', config, () => slow.promise);
    const found = Array.from({ length: 20 }, async (_, i) => {
      await cache.getOrCompute(i, config, () => `answer ${i}`);
      return other.get(i, config);
    });
    expect(await Promise.all(found)).toEqual(Array.from({ length: 20 }, (_, i) => `answer ${i}`));
    slow.resolve('late');
    expect(await late).toBe('late');
  });

  test('keeps nobody waiting for a clock that stands still', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const cache = open(newFile());
    const slow = deferred<string>();
    const late = cache.getOrCompute('late', config, () => slow.promise);
    expect(await cache.getOrCompute('k', config, () => 'computed')).toBe('computed');
    slow.resolve('late');
    await late;
  });

  test('stores what is wanted beside what fails, cannot be stored or is not worth it', async () => {
    const cache = open(newFile());
    const warnings: string[] = [];
    const listen = ({ message }: Error) => warnings.push(message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const outcomes = await Promise.allSettled([
      cache.getOrCompute('kept', config, () => 'kept'),
      cache.getOrCompute('fails', config, () => Promise.reject(new Error('no'))),
      cache.getOrCompute('a function', config, () => () => 1),
      cache.getOrCompute('unworthy', config, () => 'unworthy', { shouldCache: () => false }),
      cache.getOrCompute('judged later', config, () => 'judged later', { shouldCache: async () => true }),
      cache.getOrCompute('noted', config, () => 'noted', { ttl: 1e9, missCost: { tokens: 5 } }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', ...Array(4).fill('fulfilled')]);
    const keys = ['kept', 'fails', 'a function', 'unworthy', 'judged later', 'noted'];
    expect(keys.filter((key) => cache.has(key, config))).toEqual(['kept', 'judged later', 'noted']);
    await turn();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('cannot store what was computed');
  });
});

describe('a value that waits to be stored with others', () => {
  /** A cache with a value that was computed, and is in the file or waits for that of a computation that goes on. */
  async function waiting(persist: string) {
    const cache = open(persist);
    const slow = deferred<string>();
    const late = cache.getOrCompute('late', config, () => slow.promise);
    const computed = deferred<void>();
    const early = cache.getOrCompute('k', config, async () => {
      computed.resolve();
      return 'computed';
    });
    await computed.promise;
    const end = async () => {
      slow.resolve('late');
      return Promise.all([early, late]);
    };
    return { cache, end };
  }

  test.each([
    ['set', (cache: ResponseCache<unknown>) => cache.set('k', config, 'set'), 'set'],
    ['delete', (cache: ResponseCache<unknown>) => cache.delete('k', config), undefined],
    ['clear', (cache: ResponseCache<unknown>) => cache.clear(), undefined],
  ])('is not stored after a %s of its key, here or elsewhere', async (_name, change, held) => {
    for (const isElsewhere of [false, true]) {
      const persist = newFile();
      const { cache, end } = await waiting(persist);
      change(isElsewhere ? open(persist) : cache);
      expect((await end())[0]).toBe('computed');
      expect(cache.get('k', config)).toBe(held);
    }
  });

  test('is stored when the cache is closed', async () => {
    const persist = newFile();
    const { cache, end } = await waiting(persist);
    // The value has reached the cache when promises have settled.
    await turn();
    cache.close();
    await end();
    expect(open(persist).get('k', config)).toBe('computed');
  });

  test.each([
    ['process.exit()', 'process.exit(3)'],
    ['a throw', "throw new Error('uncaught')"],
  ])('is stored when the process ends by %s', async (_how, end) => {
    const persist = newFile();
    const outcome = await runChild(
      `
      const { ResponseCache } = require('@aah/ai-evals');
      const cache = new ResponseCache({ persist: process.argv[1] });
      void cache.getOrCompute('late', { model: 'm' }, () => new Promise(() => {}));
      void cache.getOrCompute('k', { model: 'm' }, async () => {
        setImmediate(() => { ${end} });
        return 'computed';
      });
    `,
      { args: [persist] },
    );
    expect(outcome.code).toBeGreaterThan(0);
    const cache = open(persist);
    expect([cache.get('k', config), cache.has('late', config)]).toEqual(['computed', false]);
  });
});

/** Computes answers at a concurrency of 20, prints the key of each that it got, and those that it was asked for. */
const FILLING = `
  const { ResponseCache } = require(${JSON.stringify(join(root, 'dist', 'index.js'))});
  async function fill(persist, keys, print) {
    const cache = new ResponseCache({ persist });
    const asked = [];
    let next = 0;
    const work = async () => {
      for (let at = next++; at < keys.length; at = next++) {
        const key = keys[at];
        const value = await cache.getOrCompute(key, { model: 'm' }, async () => {
          asked.push(key);
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
          return 'answer ' + key;
        });
        if (value !== 'answer ' + key) throw new Error('wrong');
        print?.(key);
      }
    };
    await Promise.all(Array.from({ length: 20 }, work));
    return asked;
  }
`;

test('kill −9 while it is filled, 8 times: no answer that a caller got is lost', async () => {
  const persist = newFile();
  const acknowledged: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    const source = `
      ${FILLING}
      const { writeSync } = require('node:fs');
      const keys = Array.from({ length: 100000 }, (_, i) => ${round} * 100000 + i);
      void fill(process.argv[1], keys, (key) => writeSync(1, key + '\\n'));
    `;
    const child = spawn(process.execPath, ['--eval', source, '--', persist], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    const least = 100 + round * 30;
    child.stdout.on('data', (data) => {
      printed += data;
      if (printed.length > least * 4) child.kill('SIGKILL');
    });
    await once(child, 'close');
    acknowledged.push(...printed.split('\n').slice(0, -1).map(Number));
  }
  expect(acknowledged.length).toBeGreaterThan(500);
  const cache = open(persist);
  expect(acknowledged.filter((key) => cache.get(key, config) !== `answer ${key}`)).toEqual([]);
});

test('3 processes that fill one file: each answer is computed once', async () => {
  const persist = newFile();
  const source = `
    ${FILLING}
    const keys = Array.from({ length: 300 }, (_, i) => (i * Number(process.argv[2])) % 300);
    fill(process.argv[1], keys).then((asked) => console.log(JSON.stringify(asked)));
  `;
  const outcomes = await Promise.all([1, 7, 11].map((step) => runChild(source, { args: [persist, String(step)] })));
  expect(outcomes.map(({ stderr }) => stderr)).toEqual(['', '', '']);
  const asked = outcomes.flatMap(({ stdout }) => JSON.parse(stdout) as number[]);
  expect(asked.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i));
});
