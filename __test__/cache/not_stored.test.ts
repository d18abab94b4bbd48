/** What was computed, and so paid for, is never lost because it cannot be stored. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-not-stored-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;

let warnings: { message: string; code: string }[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push({ message: warning.message, code: warning.code });
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(async () => {
  await turn();
  process.off('warning', listen);
});

class Answer {
  text = 'paid';
}

const places: Record<string, () => { shared: string } | { persist: string }> = {
  shared: () => ({ shared: `not stored ${++n}` }),
  persist: () => ({ persist: join(folder, `${++n}.db`) }),
};

describe.each(Object.entries(places))('%s', (_kind, make) => {
  test('callers get a value that cannot be stored, with one warning that names the cache and the reason', async () => {
    const place = make();
    const cache = new ResponseCache(place);
    let calls = 0;
    const paid = async () => {
      calls += 1;
      await turn();
      return { answer: new Answer() };
    };
    const [one, two] = await Promise.all([cache.getOrCompute('a', 0, paid), cache.getOrCompute('a', 0, paid)]);
    expect(one.answer).toBeInstanceOf(Answer);
    expect(two).toBe(one);
    expect(calls).toBe(1);
    expect(cache.has('a', 0)).toBe(false);
    expect((await cache.getOrCompute('b', 0, paid)).answer.text).toBe('paid');
    expect(await cache.getOrCompute('a', 0, () => 'can be stored')).toBe('can be stored');
    expect(cache.get('a', 0)).toBe('can be stored');
    await turn();
    expect(warnings).toEqual([
      { code: 'AI_EVALS_CACHE_NOT_STORED', message: expect.stringMatching(/value\.answer is an instance of Answer/) },
    ]);
    expect(warnings[0]?.message).toContain(`the ResponseCache ${JSON.stringify(place)}`);
    cache.close();
  });

  test('callers get a value that is nested too deep, with the same warning', async () => {
    const cache = new ResponseCache(make());
    let deep: unknown[] = [];
    for (let i = 0; i < 10_000; i += 1) deep = [deep];
    expect((await cache.getOrCompute('a', 0, () => deep)) === deep).toBe(true);
    cache.close();
    await turn();
    expect(warnings.map(({ code }) => code)).toEqual(['AI_EVALS_CACHE_NOT_STORED']);
  });

  test('a shouldCache that throws loses nothing: of `set` it is an error, of what was computed a warning', async () => {
    const shouldCache = (value: unknown) => {
      if (value === 'odd') throw new Error('my own mistake');
      return true;
    };
    const cache = new ResponseCache({ ...make(), shouldCache });
    expect(await cache.getOrCompute('a', 0, async () => 'odd')).toBe('odd');
    expect(cache.has('a', 0)).toBe(false);
    expect(() => cache.set('a', 0, 'odd')).toThrow('my own mistake');
    await turn();
    expect(warnings).toEqual([
      { code: 'AI_EVALS_CACHE_NOT_STORED', message: expect.stringContaining('my own mistake') },
    ]);
    cache.close();
  });

  test('a cache that is closed meanwhile gives the value all the same, and has nothing to warn of', async () => {
    const cache = new ResponseCache(make());
    const waiting = cache.getOrCompute('a', 0, async () => {
      await turn();
      return 'paid';
    });
    cache.close();
    expect(await waiting).toBe('paid');
    const vectors = new EmbeddingCache(make());
    const batch = vectors.batchGetOrCompute(['a', 'b'], async (texts) => {
      await turn();
      return texts.map((_, i) => [i]);
    });
    vectors.close();
    expect([...(await batch)]).toEqual([
      ['a', [0]],
      ['b', [1]],
    ]);
    await turn();
    expect(warnings).toEqual([]);
  });

  test('the storable values of a batch are stored', async () => {
    const cache = new EmbeddingCache<number[]>(make());
    class Vector extends Array<number> {}
    const found = await cache.batchGetOrCompute(['a', 'b', 'c'], async () => [[1], Vector.from([2]), [3]]);
    expect([...found.values()].map((vector) => [...vector])).toEqual([[1], [2], [3]]);
    expect(['a', 'b', 'c'].map((text) => cache.get(text))).toEqual([[1], undefined, [3]]);
    await turn();
    expect(warnings.map(({ code }) => code)).toEqual(['AI_EVALS_CACHE_NOT_STORED']);
    expect(warnings[0]?.message).toContain('the EmbeddingCache {');
    cache.close();
  });

  test('set and batchSet do not store it either, and throw', () => {
    const cache = new ResponseCache(make());
    expect(() => cache.set('a', 0, new Answer())).toThrow(TypeError);
    const vectors = new EmbeddingCache(make());
    expect(() =>
      vectors.batchSet([
        ['a', [1]],
        ['b', new Answer()],
      ] as never),
    ).toThrow(TypeError);
    expect(vectors.has('a')).toBe(false);
    cache.close();
    vectors.close();
  });
});

test.each([
  ['the cache', {}],
  ['a shared cache', { shared: 'wrong options' }],
])('a shouldCache that is not a function is told before anything is paid for: %s', async (_what, place) => {
  const [cache, vectors] = [new ResponseCache(place), new EmbeddingCache(place)];
  let calls = 0;
  const wrong = { shouldCache: true as never };
  const message = /^shouldCache must be a function, got true/;
  await expect(cache.getOrCompute('a', 0, () => ++calls, wrong)).rejects.toThrow(message);
  await expect(vectors.batchGetOrCompute(['a'], async () => [[++calls]], wrong)).rejects.toThrow(message);
  expect(() => cache.set('a', 0, 1, wrong as object)).toThrow(message);
  expect(calls).toBe(0);
});
