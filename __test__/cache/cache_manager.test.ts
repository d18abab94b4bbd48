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

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
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
