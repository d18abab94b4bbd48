/** Computing once among cache objects, threads and processes that share a name or a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { EmbeddingCache, ResponseCache, type TieredCacheOptions } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { root, runChild } from '../lifecycle/child.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-claims-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;
const config = { model: 'm' };

/** What can be shared: the options of every cache object on it. */
const tiers: [string, () => TieredCacheOptions][] = [
  ['shared', () => ({ shared: `claims ${++n}` })],
  ['persist', () => ({ persist: join(folder, `${++n}.db`) })],
];

function open<T extends ResponseCache<unknown> | EmbeddingCache>(make: () => T): T {
  const cache = make();
  onTestFinished(() => cache.close());
  return cache;
}
const responses = (options: TieredCacheOptions, count = 2) =>
  Array.from({ length: count }, () => open(() => new ResponseCache<unknown>(options)));
const embeddings = (options: TieredCacheOptions, count = 2) =>
  Array.from({ length: count }, () => open(() => new EmbeddingCache(options)));

/** A promise and what settles it. */
function deferred<V>() {
  let resolve!: (value: V) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<V>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

describe.each(tiers)('%s', (_, options) => {
  test.each([
    ['set', (other: ResponseCache<unknown>) => other.set('k', config, 'set'), 'set'],
    ['delete', (other: ResponseCache<unknown>) => other.delete('k', config), undefined],
    ['clear', (other: ResponseCache<unknown>) => other.clear(), undefined],
  ])('%s by another during a computation is not overwritten by what it brings', async (_name, change, held) => {
    const [one, other] = responses(options());
    const slow = deferred<string>();
    const pending = one!.getOrCompute('k', config, () => slow.promise);
    change(other!);
    slow.resolve('computed');
    expect(await pending).toBe('computed');
    expect([one!.get('k', config), other!.get('k', config)]).toEqual([held, held]);
    expect(await other!.getOrCompute('k', config, () => 'anew')).toBe(held ?? 'anew');
  });

  test('the same for embeddings, of which only those are not stored that were touched', async () => {
    const [one, other] = embeddings(options());
    const slow = deferred<number[][]>();
    const pending = one!.batchGetOrCompute(['a', 'b', 'c'], () => slow.promise);
    other!.set('a', [9]);
    other!.delete('b');
    slow.resolve([[1], [2], [3]]);
    expect([...(await pending).values()]).toEqual([[1], [2], [3]]);
    expect([...one!.batchGet(['a', 'b', 'c'])]).toEqual([
      ['a', [9]],
      ['b', undefined],
      ['c', [3]],
    ]);
  });

  test('a key deleted while it is computed is computed anew by others, and that value stays', async () => {
    const [one, other] = responses(options());
    const slow = deferred<string>();
    const pending = one!.getOrCompute('k', config, () => slow.promise);
    other!.delete('k', config);
    expect(await other!.getOrCompute('k', config, () => 'fresh')).toBe('fresh');
    slow.resolve('of before the deletion');
    await pending;
    expect(one!.get('k', config)).toBe('fresh');
  });

  test("mode 'record' computes at once, and of two at a time the one that began last is stored", async () => {
    const [one, other] = responses(options());
    const [first, second] = [deferred<string>(), deferred<string>()];
    const on = one!.getOrCompute('k', config, () => first.promise);
    const recorded = other!.getOrCompute('k', config, () => second.promise, { mode: 'record' });
    second.resolve('recorded');
    expect(await recorded).toBe('recorded');
    first.resolve('computed');
    expect(await on).toBe('computed');
    expect(one!.get('k', config)).toBe('recorded');
    const deleted = deferred<string>();
    const again = one!.getOrCompute('k', config, () => deleted.promise, { mode: 'record' });
    other!.delete('k', config);
    deleted.resolve('of before the deletion');
    await again;
    expect(one!.has('k', config)).toBe(false);
  });

  test.each([
    ['not worth keeping', 'refused', { shouldCache: () => false }],
    ['too large', 'x'.repeat(5000), {}],
  ])('a value that is %s makes nobody wait for another in turn', async (_what, value, call) => {
    const caches = responses({ ...options(), maxBytes: 1000 }, 6);
    let atOnce = 0;
    let most = 0;
    let calls = 0;
    const refused = async () => {
      calls += 1;
      atOnce += 1;
      most = Math.max(most, atOnce);
      await sleep(150);
      atOnce -= 1;
      return value;
    };
    const values = await Promise.all(caches.map((cache) => cache.getOrCompute('k', config, refused, call)));
    expect(values).toEqual(Array(6).fill(value));
    // One, and then all who had waited for it.
    expect({ calls, most }).toEqual({ calls: 6, most: 5 });
    expect(await caches[0]!.getOrCompute('k', config, () => 'kept')).toBe('kept');
    expect(await caches[1]!.getOrCompute('k', config, () => 'not asked')).toBe('kept');
  });

  test('a failure leaves the key to those who wait, at once', async () => {
    const [one, other, third] = responses(options(), 3);
    const slow = deferred<string>();
    const failed = one!.getOrCompute('k', config, () => slow.promise);
    const waiting = [other!, third!].map((cache) => cache.getOrCompute('k', config, () => sleep(50, 'computed')));
    slow.reject(new Error('no'));
    await expect(failed).rejects.toThrow('no');
    expect(await Promise.all(waiting)).toEqual(['computed', 'computed']);
    expect(one!.get('k', config)).toBe('computed');
  });

  test('batches that overlap in different orders compute each text once, and none waits for ever', async () => {
    const caches = embeddings(options(), 4);
    const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
    const asked: string[] = [];
    const calls = await Promise.all(
      caches.map(async (cache, nth) => {
        let calls = 0;
        const order = [...texts.slice(nth * 10), ...texts.slice(0, nth * 10)].slice(0, 25);
        if (nth % 2 === 1) order.reverse();
        const found = await cache.batchGetOrCompute(order, async (missing) => {
          calls += 1;
          asked.push(...missing);
          await sleep(20);
          return missing.map((text) => [Number(text.slice(5)), 1]);
        });
        expect([...found]).toEqual(order.map((text) => [text, [Number(text.slice(5)), 1]]));
        return calls;
      }),
    );
    expect(asked.sort()).toEqual(texts.toSorted());
    expect(Math.max(...calls)).toBe(1);
  });

  test('a batch takes over what another gives up, in one call', async () => {
    const [one, other] = embeddings(options());
    const slow = deferred<number[][]>();
    const failed = one!.batchGetOrCompute(['a', 'b', 'c'], () => slow.promise);
    const asked: string[][] = [];
    const pending = other!.batchGetOrCompute(['b', 'c', 'd'], (missing) => {
      asked.push(missing);
      return missing.map((text) => [text.charCodeAt(0)]);
    });
    await sleep(20);
    slow.reject(new Error('no'));
    await expect(failed).rejects.toThrow('no');
    expect([...(await pending).values()]).toEqual([[98], [99], [100]]);
    expect(asked).toEqual([['d'], ['b', 'c']]);
    expect([...one!.batchGet(['a', 'b', 'c', 'd']).values()]).toEqual([undefined, [98], [99], [100]]);
  });

  test('values that a batch has computed are there for others while it waits for theirs', async () => {
    const [one, other] = embeddings(options());
    const slow = deferred<number[][]>();
    const first = one!.batchGetOrCompute(['a'], () => slow.promise);
    const second = other!.batchGetOrCompute(['a', 'b'], async (missing) => missing.map(() => [2]));
    expect([...(await other!.batchGetOrCompute(['b'], () => [[3]])).values()]).toEqual([[2]]);
    slow.resolve([[1]]);
    expect([...(await second)]).toEqual([
      ['a', [1]],
      ['b', [2]],
    ]);
    await first;
  });

  test('giving up the wait leaves the computation of others alone', async () => {
    const [one, other] = embeddings(options());
    const slow = deferred<number[][]>();
    const first = one!.batchGetOrCompute(['a'], () => slow.promise);
    const stop = new AbortController();
    const second = other!.batchGetOrCompute(['a'], () => [[2]], { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    slow.resolve([[1]]);
    await first;
    expect(other!.get('a')).toEqual([1]);
  });
});

/** Computes many embeddings in batches of random order, and says which it was asked for. */
const BATCHES = `
  const { EmbeddingCache } = require(${JSON.stringify(join(root, 'dist', 'index.js'))});
  async function batches(options) {
    const cache = new EmbeddingCache(options);
    const asked = [];
    for (let round = 0; round < 12; round += 1) {
      const texts = Array.from({ length: 40 }, () => 'text ' + Math.floor(Math.random() * 300));
      const found = await cache.batchGetOrCompute(texts, async (missing) => {
        asked.push(...missing);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        return missing.map((text) => [Number(text.slice(5))]);
      });
      for (const [text, [number]] of found) if (number !== Number(text.slice(5))) throw new Error('wrong');
    }
    return asked;
  }
`;

function assertOnce(asked: string[]) {
  expect(asked.length).toBeGreaterThan(200);
  expect(asked.length, 'texts that were computed more than once').toBe(new Set(asked).size);
}

test('4 threads: each text of their batches is computed once', async () => {
  const body = `
    const { parentPort, workerData } = require('node:worker_threads');
    ${BATCHES}
    batches(workerData).then((asked) => parentPort.postMessage(asked));
  `;
  const workerData = { shared: 'batches of threads', maxSize: 1000 };
  const threads = Array.from({ length: 4 }, () => new Worker(body, { eval: true, workerData }));
  const asked = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0] as string[]));
  await Promise.all(threads.map((thread) => thread.terminate()));
  assertOnce(asked.flat());
});

test('3 processes: each text of their batches is computed once', async () => {
  const source = `
    ${BATCHES}
    batches({ persist: process.argv[1] }).then((asked) => console.log(JSON.stringify(asked)));
  `;
  const args = [join(folder, 'processes.db')];
  const outcomes = await Promise.all(Array.from({ length: 3 }, () => runChild(source, { args })));
  expect(outcomes.map(({ stderr }) => stderr)).toEqual(['', '', '']);
  assertOnce(outcomes.flatMap(({ stdout }) => JSON.parse(stdout) as string[]));
});

test('a deletion by another process during a computation is not undone', async () => {
  const persist = join(folder, 'deletion.db');
  const cache = open(() => new ResponseCache<string>({ persist }));
  const child = runChild(
    `
    const { ResponseCache } = require('@aah/ai-evals');
    const cache = new ResponseCache({ persist: process.argv[1] });
    (async () => {
      const value = await cache.getOrCompute('k', { model: 'm' }, async () => {
        cache.set('computing', {}, true);
        while (!cache.has('go on', {})) await new Promise((resolve) => setTimeout(resolve, 5));
        return 'of before the deletion';
      });
      console.log(value, cache.has('k', { model: 'm' }));
    })();
  `,
    { args: [persist] },
  );
  while (!cache.has('computing', {})) await sleep(5);
  cache.delete('k', config);
  cache.set('go on', {}, 'now');
  expect((await child).stdout).toBe('of before the deletion false\n');
  expect(cache.has('k', config)).toBe(false);
});

describe('a claim is given back at once', () => {
  /** Claims a key, and does `then` while it computes; `end()` ends the process or thread. */
  const claiming = (options: string, end: string, then: string) => `
    const { ResponseCache } = require(${JSON.stringify(join(root, 'dist', 'index.js'))});
    const cache = new ResponseCache(${options});
    const end = () => { ${end} };
    void cache.getOrCompute('k', { model: 'm' }, () => {
      ${then}
      return new Promise(() => {});
    });
  `;
  /** Waits for the key, has the other end, and gets it. */
  const waits = async (cache: ResponseCache<unknown>, endOther: () => unknown) => {
    // By this clock no lease ever ends.
    vi.spyOn(Date, 'now').mockReturnValue(Date.now());
    vi.spyOn(process, 'hrtime').mockReturnValue(process.hrtime());
    onTestFinished(() => void vi.restoreAllMocks());
    let isComputed = false;
    const pending = cache.getOrCompute('k', config, () => {
      isComputed = true;
      return 'of the next';
    });
    await sleep(100);
    expect(isComputed, 'while the other computes').toBe(false);
    endOther();
    expect(await pending).toBe('of the next');
  };

  test.each([
    ['process.exit()', 'process.exit(3)'],
    ['a throw', "throw new Error('uncaught')"],
    ['an unhandled rejection', "void Promise.reject(new Error('unhandled'))"],
  ])('by a process that ends by %s', async (_how, end) => {
    const persist = join(folder, `${++n}.db`);
    const cache = open(() => new ResponseCache<unknown>({ persist }));
    const source = `
      process.stdin.once('data', () => end());
      ${claiming(JSON.stringify({ persist }), end, "cache.set('claimed', {}, true);")}
    `;
    const child = spawn(process.execPath, ['--eval', source], { stdio: ['pipe', 'ignore', 'ignore'] });
    while (!cache.has('claimed', {})) await sleep(5);
    const ended = once(child, 'exit');
    await waits(cache, () => child.stdin.end('now'));
    expect((await ended)[0]).toBeGreaterThan(0);
  });

  test.each(
    tiers.flatMap(([tier, options]) =>
      ['process.exit(3)', "throw new Error('uncaught')", 'terminate'].map((how) => [how, tier, options] as const),
    ),
  )('by a thread that ends by %s, of %s', async (how, _tier, options) => {
    const given = options();
    const cache = open(() => new ResponseCache<unknown>(given));
    const source = `
      const { parentPort } = require('node:worker_threads');
      parentPort.once('message', () => end());
      ${claiming(JSON.stringify(given), how, "parentPort.postMessage('claimed');")}
    `;
    const thread = new Worker(how === 'terminate' ? source.replace('terminate', '') : source, { eval: true });
    thread.on('error', () => {});
    await once(thread, 'message');
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    await waits(cache, () => (how === 'terminate' ? thread.terminate() : thread.postMessage('now')));
    await ended;
  });

  test('and nothing is listened to while nothing is claimed', async () => {
    const [cache] = responses({ persist: join(folder, `${++n}.db`) }, 1);
    const before = process.listenerCount('exit');
    const slow = deferred<string>();
    const computing = deferred<void>();
    const pending = ['a', 'b'].map((key) =>
      cache!.getOrCompute(key, config, () => {
        if (key === 'b') computing.resolve();
        return slow.promise;
      }),
    );
    await computing.promise;
    expect(process.listenerCount('exit')).toBe(before + 1);
    slow.resolve('computed');
    await Promise.all(pending);
    expect(process.listenerCount('exit')).toBe(before);
  });
});
