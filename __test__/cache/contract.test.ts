import {
  CacheInvalidator,
  CacheManager,
  cacheManager,
  EmbeddingCache,
  LRUCache,
  QueryCache,
  ResponseCache,
} from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** Every cache behind the same four calls, so that what holds for all is tested on all. */
const kinds = {
  LRUCache: (options?: object) => {
    const cache = new LRUCache(options);
    return {
      cache,
      get: (n: number) => cache.get(`key ${n}`),
      set: (n: number, value: unknown, opts?: object) => cache.set(`key ${n}`, value, opts),
      has: (n: number) => cache.has(`key ${n}`),
      delete: (n: number) => cache.delete(`key ${n}`),
      value: (n: number): unknown => ({ n }),
    };
  },
  ResponseCache: (options?: object) => {
    const cache = new ResponseCache(options);
    const config = { model: 'm', temperature: 0.5 };
    return {
      cache,
      get: (n: number) => cache.get({ prompt: n }, config),
      set: (n: number, value: unknown, opts?: object) => cache.set({ prompt: n }, config, value, opts),
      has: (n: number) => cache.has({ prompt: n }, config),
      delete: (n: number) => cache.delete({ prompt: n }, config),
      value: (n: number): unknown => ({ n }),
    };
  },
  EmbeddingCache: (options?: object) => {
    const cache = new EmbeddingCache(options);
    return {
      cache,
      get: (n: number) => cache.get(`text ${n}`),
      set: (n: number, value: unknown, opts?: object) => cache.set(`text ${n}`, value as number[], opts),
      has: (n: number) => cache.has(`text ${n}`),
      delete: (n: number) => cache.delete(`text ${n}`),
      value: (n: number): unknown => [n, 0.5],
    };
  },
  QueryCache: (options?: object) => {
    const cache = new QueryCache(options);
    return {
      cache,
      get: (n: number) => cache.get('rows', { n }),
      set: (n: number, value: unknown, opts?: object) => cache.set('rows', { n }, value, opts),
      has: (n: number) => cache.has('rows', { n }),
      delete: (n: number) => cache.delete('rows', { n }),
      value: (n: number): unknown => ({ n }),
    };
  },
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.each(Object.entries(kinds))('%s', (name, make) => {
  test('a hit returns the very value that was set', () => {
    const it = make();
    const value = it.value(1);
    it.set(1, value);
    expect(it.get(1)).toBe(value);
    expect(it.get(2)).toBeUndefined();
  });

  test('has its documented defaults', () => {
    const expected = {
      LRUCache: [100, 3_600_000],
      ResponseCache: [500, 7_200_000],
      EmbeddingCache: [1000, 86_400_000],
      QueryCache: [200, 300_000],
    };
    const [maxSize, ttl] = expected[name as keyof typeof expected] as [number, number];
    const it = make();
    expect(it.cache.getStats().maxSize).toBe(maxSize);
    for (let n = 0; n <= maxSize; n += 1) it.set(n, it.value(n));
    expect(it.cache.getStats()).toMatchObject({ size: maxSize, entries: maxSize, evictions: 1 });
    expect(it.has(0)).toBe(false);
    vi.advanceTimersByTime(ttl - 1);
    expect(it.has(1)).toBe(true);
    vi.advanceTimersByTime(1);
    expect(it.has(1)).toBe(false);
  });

  test('evicts exactly the least recently used; get and set refresh, has does not', () => {
    const it = make({ maxSize: 3 });
    for (const n of [1, 2, 3]) it.set(n, it.value(n));
    it.get(1);
    it.has(2);
    it.set(3, it.value(33));
    it.set(4, it.value(4));
    expect([1, 2, 3, 4].map(it.has)).toEqual([true, false, true, true]);
    it.set(5, it.value(5));
    expect([1, 3, 4, 5].map(it.has)).toEqual([false, true, true, true]);
    expect(it.cache.getStats()).toMatchObject({ size: 3, evictions: 2 });
  });

  test('replacing a key does not evict another', () => {
    const it = make({ maxSize: 2 });
    it.set(1, it.value(1));
    it.set(2, it.value(2));
    for (let i = 0; i < 10; i += 1) it.set(2, it.value(i));
    expect(it.has(1)).toBe(true);
    expect(it.cache.getStats()).toMatchObject({ size: 2, evictions: 0 });
  });

  test('time to live counts from the last set, not from the last get', () => {
    const it = make({ ttl: 100 });
    it.set(1, it.value(1));
    it.set(2, it.value(2));
    vi.advanceTimersByTime(60);
    it.set(1, it.value(1));
    it.get(2);
    vi.advanceTimersByTime(60);
    expect(it.get(1)).toEqual(it.value(1));
    expect(it.get(2)).toBeUndefined();
    expect(it.cache.getStats()).toMatchObject({ size: 1, hits: 2, misses: 1, evictions: 0 });
  });

  test('a change of the system clock neither expires nor revives', () => {
    const it = make({ ttl: 1000 });
    it.set(1, it.value(1));
    vi.setSystemTime(Date.now() + 10 ** 10);
    expect(it.has(1)).toBe(true);
    vi.advanceTimersByTime(1000);
    vi.setSystemTime(0);
    expect(it.get(1)).toBeUndefined();
  });

  test('ttl: Infinity never expires', () => {
    const it = make({ ttl: Number.POSITIVE_INFINITY });
    it.set(1, it.value(1));
    vi.advanceTimersByTime(10 ** 12);
    expect(it.has(1)).toBe(true);
    expect(it.cache.removeExpired()).toBe(0);
  });

  test('removeExpired removes what has expired and says how many, also after getStats counted them out', () => {
    const it = make({ ttl: 100 });
    for (const n of [1, 2, 3]) it.set(n, it.value(n));
    vi.advanceTimersByTime(50);
    it.set(4, it.value(4));
    vi.advanceTimersByTime(50);
    expect(it.cache.getStats().size).toBe(1);
    expect(it.cache.removeExpired()).toBe(3);
    expect(it.cache.removeExpired()).toBe(0);
    expect(it.has(4)).toBe(true);
  });

  test('an expired entry goes before any live one', () => {
    const it = make({ maxSize: 2, ttl: 100 });
    it.set(1, it.value(1));
    vi.advanceTimersByTime(50);
    it.set(2, it.value(2));
    vi.advanceTimersByTime(60);
    it.set(3, it.value(3));
    expect([1, 2, 3].map(it.has)).toEqual([false, true, true]);
    expect(it.cache.getStats().evictions).toBe(0);
  });

  test('delete says whether it was there', () => {
    const it = make({ ttl: 100 });
    it.set(1, it.value(1));
    it.set(2, it.value(2));
    expect(it.delete(1)).toBe(true);
    expect(it.delete(1)).toBe(false);
    vi.advanceTimersByTime(100);
    expect(it.delete(2)).toBe(false);
    expect(it.cache.getStats().size).toBe(0);
  });

  test('counts hits and misses of get only; clear zeroes everything', () => {
    const it = make();
    expect(it.cache.getStats()).toEqual({
      hits: 0,
      misses: 0,
      hitRate: 0,
      size: 0,
      entries: 0,
      maxSize: it.cache.getStats().maxSize,
      evictions: 0,
      memoryUsage: expect.any(Number),
      avgAccessTime: 0,
    });
    it.set(1, it.value(1));
    for (let i = 0; i < 3; i += 1) it.get(1);
    it.get(2);
    it.has(1);
    it.has(2);
    expect(it.cache.getStats()).toMatchObject({ hits: 3, misses: 1, hitRate: 0.75, size: 1, entries: 1 });
    expect(it.cache.getStats().avgAccessTime).toBeGreaterThan(0);
    it.cache.clear();
    expect(it.cache.getStats()).toMatchObject({
      hits: 0,
      misses: 0,
      hitRate: 0,
      size: 0,
      evictions: 0,
      avgAccessTime: 0,
    });
    expect(it.cache.getStats().memoryUsage).toBeLessThan(200);
    expect(it.has(1)).toBe(false);
    it.set(1, it.value(1));
    expect(it.get(1)).toEqual(it.value(1));
  });

  test.each([0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY])('maxSize %s is a RangeError', (maxSize) => {
    expect(() => make({ maxSize })).toThrow(RangeError);
    expect(() => make({ maxSize })).toThrow(/maxSize/);
  });

  test.each([0, -1, Number.NaN, Number.NEGATIVE_INFINITY])('ttl %s is a RangeError', (ttl) => {
    expect(() => make({ ttl })).toThrow(RangeError);
    const it = make();
    expect(() => it.set(1, it.value(1), { ttl })).toThrow(RangeError);
    expect(it.has(1)).toBe(false);
  });

  test.each([
    { maxSize: '5' },
    { ttl: '5' },
    { maxSize: null },
    { ttl: {} },
    { maxBytes: 'x' },
    { onEvict: 1 },
    { policy: 3 },
    { missCost: 4 },
  ])('%o is a TypeError', (options) => {
    expect(() => make(options)).toThrow(TypeError);
  });

  test.each([{ maxBytes: 0 }, { maxBytes: Number.NaN }, { policy: 'fifo' }, { missCost: { usd: -1 } }])(
    '%o is a RangeError',
    (options) => {
      expect(() => make(options)).toThrow(RangeError);
    },
  );

  test('options that are no object are a TypeError', () => {
    expect(() => make(5 as never)).toThrow(TypeError);
    expect(() => make(null as never)).toThrow(TypeError);
    const it = make();
    expect(() => it.set(1, it.value(1), 'x' as never)).toThrow(TypeError);
    expect(it.has(1)).toBe(false);
  });

  test('an entry may have a time to live of its own', () => {
    const it = make({ ttl: 100 });
    it.set(1, it.value(1), { ttl: 10 });
    it.set(2, it.value(2), { ttl: 1000 });
    it.set(3, it.value(3), { ttl: Number.POSITIVE_INFINITY });
    it.set(4, it.value(4));
    const live = () => [1, 2, 3, 4].filter(it.has);
    vi.advanceTimersByTime(10);
    expect(live()).toEqual([2, 3, 4]);
    vi.advanceTimersByTime(90);
    expect(live()).toEqual([2, 3]);
    expect(it.cache.getStats().size).toBe(2);
    vi.advanceTimersByTime(10_000);
    expect(live()).toEqual([3]);
    expect(it.cache.removeExpired()).toBe(3);
  });

  test('onEvict is told of evicted and expired entries, and may use the cache', () => {
    const told: [unknown, string][] = [];
    const it = make({
      maxSize: 2,
      ttl: 100,
      onEvict: ({ value, reason }: { value: unknown; reason: string }) => {
        told.push([value, reason]);
        it.get(1);
        if (told.length === 1) it.set(9, it.value(9));
      },
    });
    it.set(1, it.value(1));
    it.set(2, it.value(2));
    it.set(2, it.value(22));
    it.delete(1);
    expect(told).toEqual([]);
    it.set(1, it.value(1));
    it.set(3, it.value(3));
    expect(told).toEqual([
      [it.value(22), 'entries'],
      [it.value(3), 'entries'],
    ]);
    vi.advanceTimersByTime(100);
    expect(it.cache.removeExpired()).toBe(2);
    expect(told.slice(2).map(([, reason]) => reason)).toEqual(['expired', 'expired']);
    expect(it.cache.getStats().size).toBe(0);
  });

  test('a throwing onEvict becomes a warning', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const it = make({
      maxSize: 1,
      onEvict: () => {
        throw new Error('from the listener');
      },
    });
    it.set(1, it.value(1));
    it.set(2, it.value(2));
    expect(it.get(2)).toEqual(it.value(2));
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('from the listener'), {
      type: 'ListenerError',
    });
  });

  test('onEvict may clear the cache', () => {
    const it = make({ maxSize: 2, onEvict: () => it.cache.clear() });
    for (let n = 0; n < 10; n += 1) it.set(n, it.value(n));
    expect(it.cache.getStats().size).toBeLessThanOrEqual(2);
    it.set(1, it.value(1));
    expect(it.get(1)).toEqual(it.value(1));
  });

  test('maxBytes keeps memoryUsage in bounds and does not store what is larger', () => {
    const it = make({ maxSize: 1000, maxBytes: 20_000 });
    const large = (n: number) => (name === 'EmbeddingCache' ? new Array(100).fill(n + 0.5) : 'x'.repeat(1000));
    for (let n = 0; n < 100; n += 1) it.set(n, large(n));
    const { size, evictions } = it.cache.getStats();
    expect(size).toBeGreaterThan(10);
    expect(size).toBeLessThan(24);
    expect(evictions).toBe(100 - size);
    it.set(99, name === 'EmbeddingCache' ? new Array(5000).fill(0.5) : 'y'.repeat(50_000));
    expect(it.has(99)).toBe(false);
    expect(it.cache.getStats().size).toBe(size - 1);
  });

  test('savings are calls, tokens and money that hits avoided', () => {
    const it = make({ missCost: { tokens: 100, usd: 0.5 } });
    it.set(1, it.value(1));
    it.set(2, it.value(2), { missCost: { tokens: 7, usd: 2 } });
    for (const n of [1, 1, 2, 3]) it.get(n);
    expect(it.cache.savings()).toEqual({ calls: 3, tokens: 207, usd: 3 });
    it.set(2, it.value(2));
    it.get(2);
    expect(it.cache.savings()).toEqual({ calls: 4, tokens: 307, usd: 3.5 });
    it.cache.clear();
    expect(it.cache.savings()).toEqual({ calls: 0, tokens: 0, usd: 0 });
  });

  test('policy tinylfu keeps what is asked for often through a scan', () => {
    const count = (policy: string) => {
      const it = make({ maxSize: 100, policy });
      const use = (n: number) => {
        const hit = it.get(n) !== undefined;
        if (!hit) it.set(n, it.value(n));
        return hit;
      };
      for (let round = 0; round < 10; round += 1) for (let n = 0; n < 80; n += 1) use(n);
      for (let n = 1000; n < 2000; n += 1) use(n);
      expect(it.cache.getStats().size).toBe(100);
      return Array.from({ length: 80 }, (_, n) => use(n)).filter(Boolean).length;
    };
    expect(count('lru')).toBe(0);
    expect(count('tinylfu')).toBeGreaterThanOrEqual(78);
  });
});

describe('LRUCache', () => {
  test('stores undefined, null, 0, empty and false; has tells a stored undefined from a miss', () => {
    const cache = new LRUCache();
    for (const [i, value] of [undefined, null, 0, '', false, Number.NaN].entries()) {
      cache.set(`${i}`, value);
      expect(cache.get(`${i}`)).toBe(value);
      expect(cache.has(`${i}`)).toBe(true);
    }
    expect(cache.has('9')).toBe(false);
    expect(cache.getStats()).toMatchObject({ hits: 6, misses: 0 });
  });

  test('keys lists live keys, the least recently used first', () => {
    const cache = new LRUCache<number>({ ttl: 100 });
    cache.set('old', 0);
    vi.advanceTimersByTime(50);
    for (const key of ['a', 'b', 'c', '']) cache.set(key, 1);
    cache.get('a');
    cache.has('b');
    vi.advanceTimersByTime(50);
    expect(cache.keys()).toEqual(['b', 'c', '', 'a']);
    expect(cache.keys()).toBeInstanceOf(Array);
  });

  test.each([undefined, null, 5, {}, Symbol('s'), ['a']])('a key that is %o is a TypeError', (key) => {
    const cache = new LRUCache();
    for (const call of [
      () => cache.get(key as never),
      () => cache.set(key as never, 1),
      () => cache.has(key as never),
      () => cache.delete(key as never),
    ]) {
      expect(call).toThrow(TypeError);
    }
    expect(cache.getStats()).toMatchObject({ size: 0, misses: 0 });
  });

  test('any text is a key: long, empty, unpaired surrogates, prototype names', () => {
    const cache = new LRUCache<number>({ maxSize: 20 });
    const keys = [
      '',
      'x'.repeat(300_000),
      `${'x'.repeat(299_999)}y`,
      '\ud800',
      '\udc00',
      '\ufffd',
      '__proto__',
      'constructor',
      'é',
      'e\u0301',
      '\0',
      '\0\0',
    ];
    for (const [i, key] of keys.entries()) cache.set(key, i);
    expect(keys.map((key) => cache.get(key))).toEqual(keys.map((_, i) => i));
    expect(cache.keys()).toEqual(keys);
  });

  test('a thousand caches of different sizes do not know each other', () => {
    const caches = Array.from({ length: 1000 }, (_, i) => new LRUCache<number>({ maxSize: i + 1 }));
    for (const [i, cache] of caches.entries()) cache.set('same', i);
    expect(caches.every((cache, i) => cache.get('same') === i)).toBe(true);
  });
});

describe('ResponseCache', () => {
  test('the guide: get ?? await generate', async () => {
    const cache = new ResponseCache();
    const config = { modelId: 'openai/gpt-4', temperature: 0 };
    let generated = 0;
    const generateAndCache = async (input: unknown, modelConfig: unknown) => {
      generated += 1;
      const response = { text: 'hello', at: new Date(), big: 5n, map: new Map([[1, 2]]) };
      cache.set(input, modelConfig, response);
      return response;
    };
    const first = cache.get('hi', config) ?? (await generateAndCache('hi', config));
    const second =
      cache.get('hi', { temperature: 0, modelId: 'openai/gpt-4' }) ?? (await generateAndCache('hi', config));
    expect(second).toBe(first);
    expect(generated).toBe(1);
  });

  test('a value that cannot be stored leaves what was there', () => {
    const cache = new ResponseCache();
    cache.set('a', {}, 1);
    expect(() => cache.set('a', {}, 2, { ttl: -1 })).toThrow(RangeError);
    expect(cache.get('a', {})).toBe(1);
  });
});

describe('EmbeddingCache', () => {
  test('vectors come back as they went in', () => {
    const cache = new EmbeddingCache<number[] | Float32Array | Float64Array>();
    const vectors = [[0.1, 0.2], new Float32Array([0.1, 0.2]), new Float64Array([0.1]), []];
    for (const [i, vector] of vectors.entries()) cache.set(`${i}`, vector);
    for (const [i, vector] of vectors.entries()) expect(cache.get(`${i}`)).toBe(vector);
  });

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
    [new Int32Array(2), TypeError],
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

  test('what is no list of texts or pairs is a TypeError, and nothing is stored or counted', () => {
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

describe('QueryCache', () => {
  test('the guide: rows with dates, params optional', () => {
    const cache = new QueryCache();
    const row = { average: 0.5, at: new Date() };
    cache.set('student-metrics', { studentId: 's1' }, row);
    cache.set('all', undefined, 1);
    expect(cache.get('student-metrics', { studentId: 's1' })).toBe(row);
    expect(cache.get('student-metrics', { studentId: 's2' })).toBeUndefined();
    expect(cache.get('all')).toBe(1);
    expect(cache.get('all', {})).toBeUndefined();
    expect(() => cache.get(5 as never)).toThrow(TypeError);
    expect(() => cache.set(undefined as never, {}, 1)).toThrow(TypeError);
  });

  const fill = () => {
    const cache = new QueryCache();
    cache.set('dataset-42', undefined, 1);
    cache.set('cases', { id: 'dataset-42' }, 2);
    cache.set('cases', { 'dataset-42': true }, 3);
    cache.set('cases', { deep: [{ of: ['x', 'dataset-42'] }] }, 4);
    cache.set('cases', new Map([['id', 'dataset-42']]), 5);
    cache.set('cases', { ids: new Set(['dataset-42']), n: 5n, at: new Date(0) }, 6);
    cache.set('cases', { path: 'C:\\new "x"', id: 43 }, 7);
    cache.set('dataset-43', { id: 'dataset-4' }, 8);
    return cache;
  };

  test.each([
    [/dataset-42/, 6],
    [/dataset-42/g, 6],
    [/dataset-42/y, 6],
    [/DATASET-42/gi, 6],
    ['dataset-42', 6],
    ['^dataset-42$', 6],
    [/^dataset-4[23]$/, 7],
    [/^cases/, 6],
    [/cases.*"id":"dataset-42"/, 1],
    ['C:\\\\new "x"', 1],
    [/1970-01-01/, 1],
    [/^43$/, 1],
    [/nothing/, 0],
    ['', 8],
  ])('invalidate(%o) removes %i', (pattern, removed) => {
    const cache = fill();
    expect(cache.invalidate(pattern)).toBe(removed);
    expect(cache.getStats()).toMatchObject({ size: 8 - removed, evictions: 0 });
    expect(cache.invalidate(pattern)).toBe(0);
  });

  test('a pattern that remembers where it was skips nothing and is left as it was', () => {
    const cache = new QueryCache();
    for (let i = 0; i < 50; i += 1) cache.set(`dataset-${i}`, undefined, i);
    const pattern = /dataset/g;
    pattern.lastIndex = 5;
    expect(cache.invalidate(pattern)).toBe(50);
    expect(pattern.lastIndex).toBe(5);
  });

  test('what was cached is matched, not what the caller made of the params since', () => {
    const cache = new QueryCache();
    const params = { id: 'dataset-1' };
    cache.set('q', params, 1);
    params.id = 'other';
    expect(cache.invalidate('other')).toBe(0);
    expect(cache.invalidate('dataset-1')).toBe(1);
  });

  test('a pattern that is none is refused', () => {
    const cache = fill();
    expect(() => cache.invalidate('(')).toThrow(SyntaxError);
    expect(() => cache.invalidate('(')).toThrow(/pattern/);
    for (const pattern of [undefined, null, 5, {}, ['a']])
      expect(() => cache.invalidate(pattern as never)).toThrow(TypeError);
    expect(cache.getStats().size).toBe(8);
  });

  test('cyclic params are matched too', () => {
    const cache = new QueryCache();
    const params: Record<string, unknown> = { id: 'dataset-7', map: new Map() };
    params.self = params;
    (params.map as Map<string, unknown>).set('up', params);
    cache.set('q', params, 1);
    expect(cache.get('q', params)).toBe(1);
    expect(cache.invalidate('dataset-7')).toBe(1);
  });
});

describe('CacheInvalidator', () => {
  test('clears and cleans by name', () => {
    const invalidator = new CacheInvalidator();
    const [a, b] = [new LRUCache({ ttl: 100 }), new QueryCache({ ttl: 1000 })];
    invalidator.register('a', a);
    invalidator.register('b', b);
    const fill = () => {
      a.set('x', 1);
      b.set('y', undefined, 1);
    };
    fill();
    expect(invalidator.invalidate('a')).toBe(true);
    expect(invalidator.invalidate('nobody')).toBe(false);
    expect([a.has('x'), b.has('y')]).toEqual([false, true]);
    fill();
    vi.advanceTimersByTime(100);
    expect(invalidator.removeExpired()).toEqual(
      new Map([
        ['a', 1],
        ['b', 0],
      ]),
    );
    expect(invalidator.getStats().get('b')).toEqual(b.getStats());
    invalidator.invalidateAll();
    expect(b.has('y')).toBe(false);
  });

  test('registering a name again replaces the cache', () => {
    const invalidator = new CacheInvalidator();
    const [a, b] = [new LRUCache(), new LRUCache()];
    invalidator.register('x', a);
    invalidator.register('x', b);
    a.set('k', 1);
    b.set('k', 1);
    invalidator.invalidateAll();
    expect([a.has('k'), b.has('k')]).toEqual([true, false]);
  });

  test('refuses what is no cache', () => {
    const invalidator = new CacheInvalidator();
    expect(() => invalidator.register(5 as never, new LRUCache())).toThrow(TypeError);
    for (const cache of [undefined, null, {}, new Map()])
      expect(() => invalidator.register('x', cache as never)).toThrow(TypeError);
    expect(invalidator.getStats().size).toBe(0);
  });

  test('scheduleCleanup removes on time, without keeping the process alive', () => {
    const invalidator = new CacheInvalidator();
    const cache = new LRUCache({ ttl: 10 });
    invalidator.register('x', cache);
    const timer = invalidator.scheduleCleanup();
    expect(timer.hasRef()).toBe(false);
    cache.set('k', 'v'.repeat(1000));
    vi.advanceTimersByTime(299_999);
    expect(cache.getStats().memoryUsage).toBeGreaterThan(1000);
    vi.advanceTimersByTime(1);
    expect(cache.getStats().memoryUsage).toBeLessThan(1000);
    clearInterval(timer);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('CacheManager', () => {
  test('the shared instance is one', () => {
    expect(CacheManager.getInstance()).toBe(cacheManager);
    expect(new CacheManager()).not.toBe(cacheManager);
    expect(cacheManager.responseCache).toBeInstanceOf(ResponseCache);
  });

  test('the guide: replaced caches are the ones that are managed', () => {
    const manager = new CacheManager();
    manager.startCleanup(1000);
    manager.responseCache = new ResponseCache({ maxSize: 500, ttl: 7_200_000 });
    manager.embeddingCache = new EmbeddingCache({ maxSize: 2000, ttl: 86_400_000 });
    manager.queryCache = new QueryCache({ maxSize: 200, ttl: 500 });
    manager.responseCache.set('a', {}, 1);
    manager.queryCache.set('q', undefined, 'v'.repeat(1000));
    expect(manager.getAllStats()).toMatchObject({
      response: { size: 1, maxSize: 500 },
      embedding: { maxSize: 2000 },
      query: { size: 1 },
    });
    vi.advanceTimersByTime(1000);
    expect(manager.getAllStats().query.memoryUsage).toBeLessThan(1000);
    manager.clearAll();
    expect(manager.getAllStats().response.size).toBe(0);
    manager.stopCleanup();
  });

  test.each(['responseCache', 'embeddingCache', 'queryCache'] as const)(
    '%s refuses what is no cache of its kind',
    (name) => {
      const manager = new CacheManager();
      const before = manager[name];
      for (const cache of [undefined, null, {}, 5, ...(name === 'responseCache' ? [] : [new LRUCache()])]) {
        expect(() => {
          manager[name] = cache as never;
        }).toThrow(TypeError);
      }
      expect(manager[name]).toBe(before);
    },
  );

  test('startCleanup twice leaves one timer; stopCleanup is idempotent', () => {
    const manager = new CacheManager();
    manager.stopCleanup();
    manager.startCleanup();
    manager.startCleanup(1000);
    expect(vi.getTimerCount()).toBe(1);
    manager.stopCleanup();
    manager.stopCleanup();
    expect(vi.getTimerCount()).toBe(0);
    manager.startCleanup();
    expect(vi.getTimerCount()).toBe(1);
    manager.stopCleanup();
  });

  test.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'the interval %s is a RangeError and an earlier schedule goes on',
    (interval) => {
      const manager = new CacheManager();
      manager.startCleanup(1000);
      expect(() => manager.startCleanup(interval)).toThrow(RangeError);
      expect(() => new CacheInvalidator().scheduleCleanup(interval)).toThrow(RangeError);
      expect(() => manager.startCleanup('5' as never)).toThrow(TypeError);
      expect(vi.getTimerCount()).toBe(1);
      manager.stopCleanup();
    },
  );
});
