import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
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

  test('onEvict is told of entries that leave, and may use the cache', () => {
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
    it.set(3, it.value(3));
    expect(told).toEqual([
      [it.value(1), 'entries'],
      [it.value(2), 'entries'],
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
