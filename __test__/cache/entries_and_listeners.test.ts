/** What users of other caches expect besides get and set: peek, entries, dump, times to live, listeners, events. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type CacheEvent,
  EmbeddingCache,
  type Eviction,
  LRUCache,
  QueryCache,
  ResponseCache,
} from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ['performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('peek', () => {
  test('gives the value without a hit and without a use', () => {
    const cache = new LRUCache<number>({ maxSize: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.peek('a')).toBe(1);
    expect(cache.peek('c')).toBeUndefined();
    cache.set('c', 3);
    expect(cache.keys()).toEqual(['b', 'c']);
    expect(cache.getStats()).toMatchObject({ hits: 0, misses: 0 });
  });

  test('is there on every cache', () => {
    const response = new ResponseCache();
    response.set('in', { m: 1 }, 'out');
    expect(response.peek('in', { m: 1 })).toBe('out');
    const query = new QueryCache();
    query.set('q', { a: 1 }, 'rows');
    expect(query.peek('q', { a: 1 })).toBe('rows');
    const embedding = new EmbeddingCache();
    embedding.set('t', [1]);
    expect(embedding.peek('t')).toEqual([1]);
  });
});

describe('getRemainingTTL', () => {
  test('counts down from the last set', () => {
    const cache = new LRUCache<number>({ ttl: 1000 });
    cache.set('a', 1);
    cache.set('b', 1, { ttl: Number.POSITIVE_INFINITY });
    vi.advanceTimersByTime(400);
    expect(cache.getRemainingTTL('a')).toBeCloseTo(600);
    expect(cache.getRemainingTTL('b')).toBe(Number.POSITIVE_INFINITY);
    expect(cache.getRemainingTTL('c')).toBe(0);
    cache.set('a', 2);
    expect(cache.getRemainingTTL('a')).toBeCloseTo(1000);
    vi.advanceTimersByTime(1000);
    expect(cache.getRemainingTTL('a')).toBe(0);
  });

  test('is known for a request and a query', () => {
    const response = new ResponseCache({ ttl: 500 });
    response.set('in', { m: 1 }, 'out');
    const query = new QueryCache({ ttl: 300 });
    query.set('q', undefined, 'rows');
    vi.advanceTimersByTime(100);
    expect(response.getRemainingTTL('in', { m: 1 })).toBeCloseTo(400);
    expect(query.getRemainingTTL('q')).toBeCloseTo(200);
  });

  test('says that it is not known with shared', () => {
    const cache = new ResponseCache({ shared: 'remaining' });
    expect(() => cache.getRemainingTTL('in')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
  });
});

describe('dump and load', () => {
  test('carry entries over with the time they have left, in their order', () => {
    const cache = new LRUCache<number>({ ttl: 1000 });
    cache.set('a', 1);
    cache.set('b', 2, { ttl: 100 });
    cache.set('c', 3, { ttl: Number.POSITIVE_INFINITY });
    cache.get('a');
    const dumped = JSON.parse(JSON.stringify(cache.dump()));
    vi.advanceTimersByTime(200);
    const other = new LRUCache<number>({ ttl: 5 });
    other.load(dumped);
    expect([...other.entries()]).toEqual([
      ['c', 3],
      ['a', 1],
    ]);
    expect(other.getRemainingTTL('a')).toBeCloseTo(800);
    expect(other.getRemainingTTL('c')).toBe(Number.POSITIVE_INFINITY);
  });

  test('refuse what is no iterable', () => {
    expect(() => new LRUCache().load(5 as never)).toThrow(TypeError);
  });
});

describe('ttlOf', () => {
  test('takes the time to live from the value', async () => {
    const cache = new LRUCache<{ maxAge?: number }>({ ttl: 1000, ttlOf: ({ maxAge }) => maxAge });
    cache.set('own', { maxAge: 50 });
    cache.set('none', {});
    cache.set('given', { maxAge: 50 }, { ttl: 300 });
    await cache.getOrCompute('computed', () => ({ maxAge: 70 }));
    expect(['own', 'none', 'given', 'computed'].map((key) => Math.round(cache.getRemainingTTL(key)))).toEqual([
      50, 1000, 300, 70,
    ]);
  });

  test('counts for each value of a batch', () => {
    const cache = new EmbeddingCache({ ttlOf: ([first]) => first });
    cache.batchSet([
      ['a', [10]],
      ['b', [20]],
    ]);
    expect(['a', 'b'].map((text) => Math.round(cache.getRemainingTTL(text)))).toEqual([10, 20]);
  });

  test('that is no time is a RangeError, and nothing is stored', () => {
    const cache = new LRUCache<number>({ ttlOf: () => -1 });
    expect(() => cache.set('a', 1)).toThrow(RangeError);
    expect(cache.has('a')).toBe(false);
  });
});

describe('onEvict', () => {
  test('is told of every entry that leaves, with the reason', () => {
    const told: [string, unknown, string][] = [];
    const cache = new LRUCache<string>({
      maxSize: 2,
      ttl: 100,
      maxBytes: 10_000,
      onEvict: ({ key, value, reason }: Eviction<string, string>) => told.push([key, value.slice(0, 3), reason]),
    });
    cache.set('a', 'a 1');
    cache.set('a', 'a 2');
    cache.set('b', 'b 1');
    cache.set('c', 'c 1');
    cache.delete('b');
    cache.set('d', 'd 1'.padEnd(9000));
    cache.set('e', 'e 1'.padEnd(9000));
    vi.advanceTimersByTime(100);
    cache.removeExpired();
    cache.set('f', 'f 1');
    cache.clear();
    cache.set('a', 'a 3');
    expect(told).toEqual([
      ['a', 'a 1', 'replaced'],
      ['a', 'a 2', 'entries'],
      ['b', 'b 1', 'deleted'],
      ['c', 'c 1', 'entries'],
      ['d', 'd 1', 'bytes'],
      ['e', 'e 1', 'expired'],
      ['f', 'f 1', 'cleared'],
    ]);
  });

  test('is told of queries that were invalidated, and may use the cache', () => {
    const told: string[] = [];
    const cache: QueryCache = new QueryCache({
      onEvict: ({ key, reason }) => {
        told.push(`${key.query} ${reason}`);
        if (reason === 'cleared') cache.set('again', undefined, 1);
      },
    });
    cache.set('dataset-1', undefined, 1);
    cache.set('dataset-2', undefined, 1);
    cache.invalidate('dataset-1');
    cache.clear();
    expect(told).toEqual(['dataset-1 deleted', 'dataset-2 cleared']);
    expect(cache.get('again')).toBe(1);
  });
});

describe('staleWhileRevalidate: Infinity', () => {
  test('gives an expired value for as long as there is room', async () => {
    const cache = new LRUCache<number>({ ttl: 10, staleWhileRevalidate: Number.POSITIVE_INFINITY });
    cache.set('k', 1);
    vi.advanceTimersByTime(1e9);
    expect(await cache.getOrCompute('k', () => 2)).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(cache.get('k')).toBe(2);
  });
});

describe('onRefreshError', () => {
  test('is told of a refresh that failed in the background, once, with what was asked for', async () => {
    const told: unknown[] = [];
    const cache = new ResponseCache<number>({
      ttl: 10,
      staleWhileRevalidate: 1000,
      onRefreshError: (error, request) => told.push((error as Error).message, request),
    });
    cache.set('in', { m: 1 }, 1);
    vi.advanceTimersByTime(20);
    const fail = async () => {
      throw new Error('overloaded');
    };
    expect(await cache.getOrCompute('in', { m: 1 }, fail)).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['overloaded', { input: 'in', modelConfig: { m: 1 } }]);
    await expect(new ResponseCache().getOrCompute('in', 1, fail)).rejects.toThrow('overloaded');
    expect(told).toHaveLength(2);
  });
});

describe('maxSize: Infinity', () => {
  test('leaves the limit to maxBytes', () => {
    const cache = new LRUCache<string>({ maxSize: Number.POSITIVE_INFINITY, maxBytes: 100_000 });
    for (let i = 0; i < 5000; i += 1) cache.set(`${i}`, `${i}`.padEnd(100));
    expect(cache.getStats().maxSize).toBe(Number.POSITIVE_INFINITY);
    expect(cache.getStats().size).toBeGreaterThan(500);
    expect(cache.getStats().size).toBeLessThan(1000);
  });

  test('is refused without maxBytes', () => {
    expect(() => new LRUCache({ maxSize: Number.POSITIVE_INFINITY })).toThrow(/maxBytes/);
  });
});

describe('an Error in the place of a vector', () => {
  test('fails its text alone: the others are stored', async () => {
    const cache = new EmbeddingCache();
    let asked: string[][] = [];
    const embed = async (missing: string[]) => {
      asked.push(missing);
      return missing.map((text) => (text === 'bad' ? new Error('too long') : [text.length]));
    };
    const first = cache.batchGetOrCompute(['good', 'bad', 'fine'], embed);
    const joined = cache.getOrCompute('bad', () => [0]);
    await expect(first).rejects.toThrow('too long');
    await expect(joined).rejects.toThrow('too long');
    expect(['good', 'bad', 'fine'].map((text) => cache.has(text))).toEqual([true, false, true]);
    asked = [];
    await expect(cache.batchGetOrCompute(['good', 'bad', 'fine'], embed)).rejects.toThrow('too long');
    expect(asked).toEqual([['bad']]);
  });
});

describe('shouldCache', () => {
  test('gets what was asked for as its second argument', async () => {
    const asked: unknown[] = [];
    const shouldCache = (_: unknown, request: object) => asked.push(request) > 0;
    const response = new ResponseCache({ shouldCache });
    response.set('in', { m: 1 }, 1);
    await response.getOrCompute('other', { m: 2 }, () => 1);
    new QueryCache({ shouldCache }).set('q', { p: 1 }, 1);
    new LRUCache({ shouldCache }).set('k', 1);
    const embedding = new EmbeddingCache({ shouldCache });
    embedding.batchSet([['t', [1]]]);
    await embedding.batchGetOrCompute(['u'], async () => [[1]]);
    expect(asked).toEqual([
      { input: 'in', modelConfig: { m: 1 } },
      { input: 'other', modelConfig: { m: 2 } },
      { query: 'q', params: { p: 1 } },
      { key: 'k' },
      { text: 't' },
      { text: 'u' },
    ]);
  });
});

describe("the channel 'ai-evals:cache'", () => {
  test('tells hits, misses, sets, computations and failed refreshes', async () => {
    const events: CacheEvent[] = [];
    const listen = (message: unknown) => events.push(message as CacheEvent);
    subscribe('ai-evals:cache', listen);
    try {
      const cache = new LRUCache<number>({ ttl: 10, staleWhileRevalidate: 100 });
      cache.get('k');
      cache.set('k', 1);
      cache.get('k');
      await cache.getOrCompute('other', () => 2);
      vi.advanceTimersByTime(20);
      await cache.getOrCompute('k', () => Promise.reject(new Error('down')));
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      unsubscribe('ai-evals:cache', listen);
    }
    new LRUCache().get('k');
    expect(events.map(({ event, request }) => `${event} ${request.key}`)).toEqual([
      'miss k',
      'set k',
      'hit k',
      'miss other',
      'compute other',
      'hit k',
      'compute k',
      'refresh-error k',
    ]);
    expect(events.at(-1)).toMatchObject({ cache: 'a cache in memory', error: new Error('down') });
  });
});
