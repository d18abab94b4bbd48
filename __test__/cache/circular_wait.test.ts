/** Computations that would wait for themselves fail; all others that ask a cache while they compute do not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AiEvalsError } from '@aah/ai-evals';
import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-circular-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;

const circular = expect.objectContaining({
  code: 'ERR_CIRCULAR_WAIT',
  message: expect.stringContaining('another key'),
});

describe.each<[string, () => ResponseCache]>([
  ['in memory', () => new ResponseCache()],
  ['shared', () => new ResponseCache({ shared: `circular ${++n}` })],
  ['on disk', () => new ResponseCache({ persist: join(folder, `${++n}`) })],
])('%s', (_where, make) => {
  test('a computation that asks for its own key gets an error that says so, and so do all who wait for it', async () => {
    const cache = make();
    const ask = () => cache.getOrCompute('a', 1, () => cache.getOrCompute('a', 1, () => 'inner'));
    const [first, second] = [ask(), ask()];
    await expect(first).rejects.toThrow(AiEvalsError);
    await expect(first).rejects.toEqual(circular);
    await expect(second).rejects.toEqual(circular);
    // It may make do with something else.
    const own = () => cache.getOrCompute('b', 1, () => cache.getOrCompute('b', 1, () => 0).catch(() => 'without'));
    expect(await own()).toBe('without');
    expect(cache.get('b', 1)).toBe('without');
    cache.close();
  });

  test('a cycle through other keys is found too, in any order and after a while', async () => {
    const cache = make();
    const ask = (key: string, other: string): Promise<string> =>
      cache.getOrCompute(key, 1, async () => {
        await sleep(5);
        return `${key}${await cache.getOrCompute(other, 1, () => other)}`;
      });
    const settled = await Promise.allSettled([ask('a', 'b'), ask('b', 'c'), ask('c', 'a')]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(cache.getStats().size).toBe(0);
    // What was circular is not for ever.
    expect(await cache.getOrCompute('a', 1, () => cache.getOrCompute('b', 1, () => 'b'))).toBe('b');
    cache.close();
  });

  test('keys within keys are computed, also where several need the same one', async () => {
    const cache = make();
    let calls = 0;
    const sum = (k: number): Promise<number> =>
      cache.getOrCompute(k, 1, async () => {
        calls += 1;
        await sleep(1);
        if (k < 2) return k;
        const [a, b] = await Promise.all([sum(k - 1), sum(k - 2)]);
        return a + b;
      });
    expect(await Promise.all([sum(12), sum(11), sum(12)])).toEqual([144, 89, 144]);
    expect(calls).toBe(13);
    cache.close();
  });
});

test('through another cache, a bypassed one, and one of another kind', async () => {
  const [responses, queries, lru] = [new ResponseCache(), new QueryCache(), new LRUCache<unknown>()];
  const ask = (): Promise<unknown> =>
    responses.getOrCompute('a', 1, () =>
      queries.getOrCompute('q', {}, () =>
        lru.getOrCompute('k', () => responses.getOrCompute('x', 1, ask, { mode: 'off' })),
      ),
    );
  await expect(ask()).rejects.toEqual(circular);
});

test('batches that ask for their own texts, or for each other', async () => {
  const cache = new EmbeddingCache();
  const own = cache.batchGetOrCompute(['a', 'b'], async (texts) => {
    await cache.batchGetOrCompute(['b', 'c'], async (others) => others.map(() => [0]));
    return texts.map(() => [1]);
  });
  await expect(own).rejects.toEqual(circular);
  const one = cache.batchGetOrCompute(['x'], async () => {
    await sleep(2);
    return [await cache.getOrCompute('y', () => [1])];
  });
  const other = cache.batchGetOrCompute(['y'], async () => {
    await sleep(2);
    return [await cache.getOrCompute('x', () => [1])];
  });
  const settled = await Promise.allSettled([one, other]);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const nested = await cache.batchGetOrCompute(['1', '2'], async () => {
    const others = await cache.batchGetOrCompute(['3', '4'], async () => [[3], [4]]);
    return [...others.values()];
  });
  expect([...nested.values()]).toEqual([[3], [4]]);
});

test('a refresh in the background that asks for its own key ends, and the next one works', async () => {
  const cache = new ResponseCache({ ttl: 1, staleWhileRevalidate: 20 });
  await cache.getOrCompute('a', 1, () => 'old');
  await sleep(3);
  let outcome: unknown;
  const refresh = async () => {
    await sleep(40);
    // By now nothing stale is given any more.
    outcome = await cache.getOrCompute('a', 1, () => 'inner').catch((error: unknown) => error);
    return 'new';
  };
  expect(await cache.getOrCompute('a', 1, refresh)).toBe('old');
  await expect.poll(() => outcome).toEqual(circular);
});

test('work that a computation began and does not wait for may ask for its key later', async () => {
  const cache = new ResponseCache();
  let later: Promise<unknown> = Promise.resolve();
  const value = await cache.getOrCompute('a', 1, () => {
    later = sleep(10).then(() => cache.getOrCompute('a', 1, () => 'another'));
    return 'a';
  });
  expect([value, await later]).toEqual(['a', 'a']);
});
