/** `shouldCache` that takes its time: a promise is waited for, wherever it is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, expect, test } from 'vitest';

let warnings: string[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push(`${warning.code} ${warning.message}`);
};
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(() => void process.off('warning', listen));

/** Says after a moment that numbers above 0 are worth keeping. */
const positive = async (value: number) => {
  await sleep(5);
  return value > 0;
};

test('getOrCompute stores what it says yes to, before the value is given, and nothing else', async () => {
  const cache = new ResponseCache<number>({ shouldCache: positive });
  expect(await cache.getOrCompute('good', 1, () => 1)).toBe(1);
  expect(await cache.getOrCompute('bad', 1, () => -1)).toBe(-1);
  expect([cache.get('good', 1), cache.get('bad', 1)]).toEqual([1, undefined]);
  // Of one call.
  expect(await cache.getOrCompute('other', 1, () => 2, { shouldCache: async () => false })).toBe(2);
  expect(cache.has('other', 1)).toBe(false);
});

test('set stores once it is known, unless something happens to the key before', async () => {
  const cache = new ResponseCache<number>({ shouldCache: positive });
  for (const key of ['kept', 'deleted', 'replaced']) cache.set(key, 1, 1);
  cache.set('refused', 1, -1);
  expect(cache.has('kept', 1)).toBe(false);
  // Who asks meanwhile gets what was set, and computes nothing.
  expect(await cache.getOrCompute('kept', 1, () => 5)).toBe(1);
  cache.delete('deleted', 1);
  cache.set('replaced', 1, 2);
  await sleep(20);
  const found = ['kept', 'deleted', 'replaced', 'refused'].map((key) => cache.get(key, 1));
  expect(found).toEqual([1, undefined, 2, undefined]);
  cache.set('cleared', 1, 1);
  cache.clear();
  await sleep(20);
  expect(cache.has('cleared', 1)).toBe(false);
});

test('batches, too, of those that were set and those that were computed', async () => {
  const cache = new EmbeddingCache({ shouldCache: ([first]) => positive(first as number) });
  cache.batchSet([
    ['set', [1]],
    ['refused', [-1]],
  ]);
  const computed = await cache.batchGetOrCompute(['computed', 'not kept'], async () => [[2], [-2]]);
  expect([...computed.values()]).toEqual([[2], [-2]]);
  expect(cache.get('computed')).toEqual([2]);
  expect(cache.has('not kept')).toBe(false);
  await expect.poll(() => cache.get('set')).toEqual([1]);
  expect(cache.has('refused')).toBe(false);
});

test('one that rejects keeps nothing, and is told of', async () => {
  const cache = new ResponseCache<number>({ shouldCache: () => Promise.reject(new Error('no idea')) });
  expect(await cache.getOrCompute('a', 1, () => 1)).toBe(1);
  cache.set('b', 1, 1);
  await sleep(5);
  expect([cache.has('a', 1), cache.has('b', 1)]).toEqual([false, false]);
  expect(warnings).toEqual([expect.stringMatching(/^AI_EVALS_CACHE_NOT_STORED .*no idea/)]);
});
