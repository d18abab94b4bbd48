/** A caller that is answered from a cache is told so, in its own asynchronous context. */
import { createRequire } from 'node:module';
import { EmbeddingCache, LRUCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const { activeRuns, answeredFromCache } = createRequire(import.meta.url)(
  '../../.facade/cached_answer.js',
) as typeof import('../../ts/cached_answer.js');

let told = 0;
const note = () => {
  told += 1;
};
const inTask = <R>(work: () => R): R => answeredFromCache.run(note, work);

beforeEach(() => {
  told = 0;
  activeRuns.count += 1;
});
afterEach(() => {
  activeRuns.count -= 1;
});

describe('noteCachedAnswer', () => {
  test('is called by a hit of getOrCompute, and by no miss', async () => {
    const caches = [new ResponseCache(), new ResponseCache({ staleWhileRevalidate: 10 })];
    for (const cache of caches) {
      told = 0;
      await inTask(() => cache.getOrCompute('q', 1, () => 'a'));
      expect(told).toBe(0);
      await inTask(() => cache.getOrCompute('q', 1, () => 'b'));
      expect(told).toBe(1);
      await inTask(() => cache.getOrCompute('q', 1, () => 'c', { mode: 'replay' }));
      expect(told).toBe(2);
      await inTask(() => cache.getOrCompute('q', 1, () => 'd', { mode: 'record' }));
      expect(told).toBe(2);
    }
  });

  test('is called by a batch that is held as a whole', async () => {
    const cache = new EmbeddingCache();
    const embed = async (missing: string[]) => missing.map(() => [1]);
    await inTask(() => cache.batchGetOrCompute(['a', 'b'], embed));
    await inTask(() => cache.batchGetOrCompute(['a', 'c'], embed));
    expect(told).toBe(0);
    await inTask(() => cache.batchGetOrCompute(['a', 'b', 'c'], embed));
    expect(told).toBe(1);
  });

  test('is not called by get, nor by who joins a computation', async () => {
    const cache = new LRUCache<number>();
    cache.set('k', 1);
    inTask(() => cache.get('k'));
    const first = inTask(() => cache.getOrCompute('new', async () => 2));
    const joined = inTask(() => cache.getOrCompute('new', async () => 3));
    expect(await Promise.all([first, joined])).toEqual([2, 2]);
    expect(told).toBe(0);
  });

  test('costs no look at the context while no executor runs', async () => {
    activeRuns.count -= 1;
    const cache = new LRUCache<number>();
    cache.set('k', 1);
    await inTask(() => cache.getOrCompute('k', () => 2));
    activeRuns.count += 1;
    expect(told).toBe(0);
  });
});
