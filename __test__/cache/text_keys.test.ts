/** Caches whose key is one text answer hits without the engine, and evict exactly as if they asked it each time. */
import { EmbeddingCache, LRUCache } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** A plain model: what is live, from the least to the most recently used. */
class Model {
  entries: { key: string; value: number; expires: number }[] = [];
  hits = 0;
  misses = 0;
  evictions = 0;
  constructor(
    readonly maxSize: number,
    readonly ttl: number,
  ) {}
  live(now: number) {
    this.entries = this.entries.filter(({ expires }) => expires > now);
    return this.entries;
  }
  get(key: string, now: number): number | undefined {
    const entry = this.live(now).find((one) => one.key === key);
    if (entry === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    this.entries = [...this.entries.filter((one) => one !== entry), entry];
    return entry.value;
  }
  set(key: string, value: number, now: number, ttl = this.ttl): void {
    this.entries = this.live(now).filter((one) => one.key !== key);
    if (this.entries.length >= this.maxSize) {
      this.entries.shift();
      this.evictions += 1;
    }
    this.entries.push({ key, value, expires: now + ttl });
  }
  delete(key: string, now: number): boolean {
    const before = this.live(now).length;
    this.entries = this.entries.filter((one) => one.key !== key);
    return this.entries.length < before;
  }
}

const key = fc.integer({ min: 0, max: 7 }).map((n) => `key ${n}`);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('get' as const), key }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('set' as const), key, value: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      what: fc.constant('set for' as const),
      key,
      value: fc.nat(),
      ttl: fc.integer({ min: 1, max: 90 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('has' as const), key }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('look' as const) }) },
);

describe('LRUCache', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0, toFake: ['performance', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([100, 100_000])('evicts, expires and counts as a plain model does, with a ttl of %i ms', (ttl) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 5 }), (steps, maxSize) => {
        const cache = new LRUCache<number>({ maxSize, ttl });
        const model = new Model(maxSize, ttl);
        for (const one of steps) {
          const now = performance.now();
          if (one.what === 'get') expect(cache.get(one.key)).toBe(model.get(one.key, now));
          else if (one.what === 'set') {
            cache.set(one.key, one.value);
            model.set(one.key, one.value, now);
          } else if (one.what === 'set for') {
            cache.set(one.key, one.value, { ttl: one.ttl });
            model.set(one.key, one.value, now, one.ttl);
          } else if (one.what === 'delete') expect(cache.delete(one.key)).toBe(model.delete(one.key, now));
          else if (one.what === 'has') expect(cache.has(one.key)).toBe(model.live(now).some((e) => e.key === one.key));
          else if (one.what === 'wait') vi.advanceTimersByTime(one.ms);
          else {
            expect(cache.keys()).toEqual(model.live(now).map((e) => e.key));
            expect([...cache.entries()]).toEqual(model.entries.map((e) => [e.key, e.value]));
          }
        }
        const now = performance.now();
        expect(cache.keys()).toEqual(model.live(now).map((e) => e.key));
        const { hits, misses, evictions, size } = cache.getStats();
        expect({ hits, misses, evictions, size }).toEqual({
          hits: model.hits,
          misses: model.misses,
          evictions: model.evictions,
          size: model.entries.length,
        });
      }),
      { numRuns: 300 },
    );
  });

  test('keeps exact order over more hits than are noted at a time', () => {
    const cache = new LRUCache<number>({ maxSize: 700 });
    for (let i = 0; i < 700; i += 1) cache.set(`${i}`, i);
    for (let round = 0; round < 5; round += 1) for (let i = 699; i >= 0; i -= 1) expect(cache.get(`${i}`)).toBe(i);
    expect(cache.keys().map(Number)).toEqual(Array.from({ length: 700 }, (_, i) => 699 - i));
    expect(cache.getStats()).toMatchObject({ hits: 3500, misses: 0 });
    cache.set('new', 1);
    expect(cache.has('699')).toBe(false);
    expect(cache.has('0')).toBe(true);
  });

  test('expires an entry at its deadline however many hits came before, also where fake timers come late', () => {
    vi.useRealTimers();
    const cache = new LRUCache<number>({ ttl: 120_000 });
    cache.set('k', 1);
    for (let i = 0; i < 2000; i += 1) cache.get('k');
    const start = performance.now();
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(start + 120_001);
    expect(cache.get('k')).toBeUndefined();
    expect(cache.has('k')).toBe(false);
  });
});

describe('a value whose getter uses the cache', () => {
  test('cannot mix entries up', () => {
    const cache = new LRUCache<unknown>({ maxSize: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    const value = {
      get text() {
        cache.set('c', 3);
        cache.set('d', 4);
        return 'x';
      },
    };
    cache.set('a', value);
    expect(cache.get('a')).toBe(value);
    expect(cache.get('d')).toBe(4);
    expect(cache.keys()).toEqual(['a', 'd']);
  });
});

describe("policy 'tinylfu'", () => {
  test('counts hits that the engine is told of later: a popular entry survives a scan', () => {
    const cache = new LRUCache<number>({ maxSize: 100, policy: 'tinylfu' });
    for (let i = 0; i < 100; i += 1) cache.set(`popular ${i}`, i);
    for (let round = 0; round < 10; round += 1) for (let i = 0; i < 100; i += 1) cache.get(`popular ${i}`);
    for (let i = 0; i < 1000; i += 1) cache.set(`once ${i}`, i);
    const kept = Array.from({ length: 100 }, (_, i) => cache.has(`popular ${i}`)).filter(Boolean).length;
    expect(kept).toBeGreaterThan(90);
  });
});

describe('EmbeddingCache', () => {
  test('finds the new vector of a text that was set again', () => {
    const cache = new EmbeddingCache();
    cache.set('a', [1, 0]);
    cache.set('b', [0, 1]);
    expect(cache.nearest([1, 0], 1)[0]?.text).toBe('a');
    cache.set('a', [0, 1]);
    cache.set('b', [1, 0]);
    expect(cache.nearest([1, 0], 1)[0]?.text).toBe('b');
  });
});

describe('memory', () => {
  test('another value for a live entry changes memoryUsage and counts in maxBytes', () => {
    const free = new LRUCache<string>();
    free.set('k', 'short one');
    const before = free.getStats().memoryUsage;
    free.set('k', 'x'.repeat(100_000));
    expect(free.getStats().memoryUsage - before).toBeGreaterThan(99_000);
    const limited = new LRUCache<string>({ maxBytes: 1000 });
    limited.set('a', 'x'.repeat(300));
    limited.set('b', 'x'.repeat(300));
    limited.set('b', 'x'.repeat(800));
    expect(limited.keys()).toEqual(['b']);
  });
});
