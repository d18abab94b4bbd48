import { EmbeddingCache } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('EmbeddingCache', () => {
  test('vectors come back as they went in', () => {
    const cache = new EmbeddingCache<number[] | Float32Array | Float64Array>();
    const vectors = [[0.1, 0.2], new Float32Array([0.1, 0.2]), new Float64Array([0.1]), []];
    for (const [i, vector] of vectors.entries()) cache.set(`${i}`, vector);
    for (const [i, vector] of vectors.entries()) expect(cache.get(`${i}`)).toBe(vector);
  });

  test.each([Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array])(
    'quantised vectors: %o',
    (Kind) => {
      const cache = new EmbeddingCache<InstanceType<typeof Kind>>();
      const vector = new Kind([3, 4]);
      cache.set('a', vector);
      cache.set('b', new Kind([4, 3]));
      expect(cache.get('a')).toBe(vector);
      expect(cache.similarity('a', 'b')).toBeCloseTo(0.96);
      expect(cache.nearest(new Kind([3, 4]), 1)[0]).toMatchObject({ text: 'a', embedding: vector });
      expect(() => cache.set('c', new BigInt64Array(2) as never)).toThrow(TypeError);
      expect(() => cache.set('c', new DataView(new ArrayBuffer(8)) as never)).toThrow(TypeError);
    },
  );

  test('the guide: only what is missing is generated', () => {
    const cache = new EmbeddingCache();
    const texts = ['a', 'b', 'c', 'b'];
    cache.set('b', [1, 2]);
    const cached = cache.batchGet(texts);
    expect([...cached]).toEqual([
      ['a', undefined],
      ['b', [1, 2]],
      ['c', undefined],
    ]);
    expect(cached).toBeInstanceOf(Map);
    expect(cache.getStats()).toMatchObject({ hits: 1, misses: 2 });
    const missing = texts.filter((text) => !cached.get(text));
    cache.batchSet(new Map(missing.map((text) => [text, [text.charCodeAt(0)]])));
    expect([...cache.batchGet(texts).values()]).toEqual([[97], [1, 2], [99]]);
  });

  test('batchGet tells texts apart wherever one ends, refreshes, and drops what has expired', () => {
    const cache = new EmbeddingCache({ maxSize: 3, ttl: 100 });
    cache.batchSet([
      ['ab', [1]],
      ['a', [2]],
      ['', [3]],
    ]);
    expect([...cache.batchGet(['', 'ab', 'abc', 'b']).values()]).toEqual([[3], [1], undefined, undefined]);
    cache.set('new', [4]);
    expect(cache.has('a')).toBe(false);
    vi.advanceTimersByTime(100);
    expect([...cache.batchGet(['ab', ''])]).toEqual([
      ['ab', undefined],
      ['', undefined],
    ]);
    expect(cache.removeExpired()).toBe(1);
    expect(cache.batchGet([]).size).toBe(0);
  });

  test.each([
    [5, TypeError],
    ['abc', TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [{ length: 1, 0: 1 }, TypeError],
    [['1'], TypeError],
    [[1, undefined], TypeError],
    [new BigInt64Array(2), TypeError],
    [[Number.NaN], RangeError],
    [new Float32Array([Number.POSITIVE_INFINITY]), RangeError],
  ])('the embedding %o is refused', (embedding, kind) => {
    const cache = new EmbeddingCache();
    expect(() => cache.set('t', embedding as never)).toThrow(kind);
    expect(() =>
      cache.batchSet([
        ['fine', [1]],
        ['t', embedding as never],
      ]),
    ).toThrow(kind);
    expect(cache.getStats().size).toBe(0);
  });

  test('anything but a list of texts or pairs is a TypeError, and nothing is stored or counted', () => {
    const cache = new EmbeddingCache();
    for (const texts of ['abc', 5, null, undefined, {}, [1], ['a', null]])
      expect(() => cache.batchGet(texts as never)).toThrow(TypeError);
    for (const pairs of ['abc', 5, null, undefined, {}, ['ab'], [[1, [1]]], [['a', [1]], 7]])
      expect(() => cache.batchSet(pairs as never)).toThrow(TypeError);
    expect(() => cache.batchSet([['a', [1]]], { ttl: 0 })).toThrow(RangeError);
    for (const text of [1, undefined, null]) expect(() => cache.get(text as never)).toThrow(TypeError);
    expect(cache.getStats()).toMatchObject({ size: 0, hits: 0, misses: 0 });
  });
});
