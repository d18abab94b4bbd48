import { EmbeddingCache } from '@aah/ai-evals/performance';
import { expect, test, vi } from 'vitest';

type Any = number[] | Float32Array | Float64Array;

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    dot += (a[i] as number) * (b[i] as number);
    aa += (a[i] as number) ** 2;
    bb += (b[i] as number) ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

const wave = (seed: number, length: number) =>
  Array.from({ length }, (_, i) => Math.sin(seed * 12.9898 + i * 78.233) * 3);

test('similarity is the cosine, to 1e-6 of a plain loop, for every kind of vector', () => {
  const cache = new EmbeddingCache<Any>();
  for (const length of [1, 3, 16, 17, 384, 1536]) {
    const [a, b] = [wave(1, length), wave(2, length)];
    cache.batchSet([
      ['a', a],
      ['b', Float64Array.from(b)],
      ['c', Float32Array.from(b)],
    ]);
    expect(cache.similarity('a', 'b')).toBeCloseTo(cosine(a, b), 10);
    expect(cache.similarity('a', 'c')).toBeCloseTo(cosine(a, b), 6);
    expect(cache.similarity('a', a)).toBeCloseTo(1, 12);
    expect(
      cache.similarity(
        a,
        a.map((x) => -x),
      ),
    ).toBeCloseTo(-1, 12);
  }
  expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
});

test('similarity: unknown texts, zeros, lengths that differ, what is no vector', () => {
  const cache = new EmbeddingCache();
  cache.set('a', [1, 2]);
  expect(cache.similarity('a', 'nobody')).toBeUndefined();
  expect(cache.similarity('a', [0, 0])).toBe(0);
  expect(() => cache.similarity('a', [1])).toThrow(RangeError);
  expect(() => cache.similarity('a', [1, Number.NaN])).toThrow(RangeError);
  for (const wrong of [undefined, null, 5, {}, ['x', 'y']])
    expect(() => cache.similarity('a', wrong as never)).toThrow(TypeError);
});

test('nearest finds what a full sort finds', () => {
  const cache = new EmbeddingCache<Any>({ maxSize: 2000 });
  const vectors = new Map(Array.from({ length: 1000 }, (_, i) => [`text ${i}`, wave(i, 64)]));
  cache.batchSet(vectors);
  const query = wave(5000, 64);
  const expected = [...vectors]
    .map(([text, vector]) => ({ text, similarity: cosine(vector, query) }))
    .sort((a, b) => b.similarity - a.similarity);
  for (const k of [1, 10, 1000, 5000]) {
    const found = cache.nearest(query, k);
    expect(found).toHaveLength(Math.min(k, 1000));
    for (const [i, { text, embedding, similarity }] of found.entries()) {
      expect(Math.abs(similarity - (expected[i] as { similarity: number }).similarity)).toBeLessThan(1e-6);
      expect(embedding).toBe(vectors.get(text));
    }
  }
  expect(cache.nearest(Float32Array.from(query))).toHaveLength(10);
});

test('nearest follows set, replace, delete, eviction, expiry and clear', () => {
  vi.useFakeTimers();
  const cache = new EmbeddingCache({ maxSize: 3, ttl: 100 });
  const texts = () => cache.nearest([1, 0], 9).map(({ text }) => text);
  expect(texts()).toEqual([]);
  cache.batchSet([
    ['x', [1, 0]],
    ['y', [0, 1]],
    ['z', [1, 1]],
  ]);
  expect(texts()).toEqual(['x', 'z', 'y']);
  cache.set('y', [5, 0.1]);
  expect(texts()).toEqual(['x', 'y', 'z']);
  cache.delete('x');
  expect(texts()).toEqual(['y', 'z']);
  cache.set('v', [-1, 0]);
  vi.advanceTimersByTime(50);
  cache.set('w', [9, 0]);
  expect(texts()).toEqual(['w', 'y', 'v']);
  cache.set('w', [0, 1, 0]);
  expect(texts()).toEqual(['y', 'v']);
  vi.advanceTimersByTime(50);
  expect(() => texts()).toThrow(RangeError);
  expect(cache.nearest([0, 2, 0]).map(({ text }) => text)).toEqual(['w']);
  cache.clear();
  expect(texts()).toEqual([]);
  vi.useRealTimers();
});

test('nearest refuses what it cannot search for', () => {
  const cache = new EmbeddingCache();
  cache.set('a', [1, 2]);
  for (const k of [0, -1, 1.5, Number.NaN]) expect(() => cache.nearest([1, 2], k)).toThrow(RangeError);
  expect(() => cache.nearest([1, 2], '3' as never)).toThrow(TypeError);
  expect(() => cache.nearest('a' as never)).toThrow(TypeError);
  expect(() => cache.nearest([1, Number.NaN])).toThrow(RangeError);
  expect(() => cache.nearest([1, 2, 3])).toThrow(RangeError);
});

test('the copy for searching is part of memoryUsage', () => {
  const cache = new EmbeddingCache<Any>();
  for (let i = 0; i < 100; i += 1) cache.set(`${i}`, Float32Array.from(wave(i, 1024)));
  const before = cache.getStats().memoryUsage;
  cache.nearest(wave(1, 1024), 1);
  expect(cache.getStats().memoryUsage - before).toBeGreaterThan(100 * 1024 * 4);
  cache.clear();
  expect(cache.getStats().memoryUsage).toBeLessThan(1000);
});
