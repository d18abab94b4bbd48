import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-outside-'));
const opened: { close(): void }[] = [];
let n = 0;

afterAll(() => {
  for (const cache of opened) cache.close();
  rmSync(folder, { recursive: true });
});

function keep<C extends { close(): void }>(cache: C): C {
  opened.push(cache);
  return cache;
}

/** Two caches on the same entries, of each kind; `options` are those of both. */
const tiers: Record<string, () => object> = {
  shared: () => ({ shared: `cache ${++n}` }),
  persist: () => ({ persist: join(folder, `${++n}`, 'cache.db') }),
};

const config = { model: 'gpt-4', temperature: 0.5 };

describe.each(Object.entries(tiers))('%s', (_tier, place) => {
  const responses = (options: object = {}) => {
    const all = { ...place(), ...options };
    return [keep(new ResponseCache(all)), keep(new ResponseCache(all))] as const;
  };

  test('two caches share entries, whatever the order of the members', () => {
    const [one, other] = responses();
    one.set({ a: 1, b: [2, 3] }, config, { answer: 42 });
    expect(other.get({ b: [2, 3], a: 1 }, { temperature: 0.5, model: 'gpt-4' })).toEqual({ answer: 42 });
    expect(other.has({ a: 1, b: [3, 2] }, config)).toBe(false);
    expect(one.delete({ a: 1, b: [2, 3] }, config)).toBe(true);
    expect(other.get({ a: 1, b: [2, 3] }, config)).toBeUndefined();
    expect(one.delete({ a: 1, b: [2, 3] }, config)).toBe(false);
  });

  test.each([
    ['text', 'Grüße, 世界 🌍'],
    ['a text with an unpaired surrogate', 'a\ud800b'],
    ['an empty text', ''],
    ['a long text', 'x'.repeat(300_000)],
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['0', 0],
    ['-0', -0],
    ['NaN', Number.NaN],
    ['a bigint', 2n ** 80n],
    ['a date', new Date(12_345)],
    ['an invalid date', new Date(Number.NaN)],
    ['nested plain data', { a: [1, { b: null, c: 'x' }], d: true }],
    ['an undefined member', { a: undefined, b: 1 }],
    ['a Map of Sets', new Map([[{ k: 1 }, new Set([1n, new Date(1)])]])],
    ['a RegExp', /a(b)?/gi],
    [
      'typed arrays',
      { f: new Float32Array([1.5, Number.NaN]), b: new Uint8Array([1, 2]), big: new BigInt64Array([-1n]) },
    ],
    ['a Float32Array', new Float32Array([0.1, 0.2])],
    ['a Float64Array', new Float64Array([0.1, Number.POSITIVE_INFINITY])],
    ['numbers', [0.1, -0, Number.NaN, 7]],
    ['a sparse array', Object.assign([1], { 3: 4 })],
    ['a member named __proto__', JSON.parse('{"__proto__": {"a": 1}}')],
    ['an ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
  ])('%s comes back as it went in', (_what, value) => {
    const [one, other] = responses();
    one.set('key', config, value);
    const back = other.get('key', config);
    expect(back).toStrictEqual(value);
    expect(Object.is(value, -0) ? Object.is(back, -0) : true).toBe(true);
    expect(other.has('key', config)).toBe(true);
  });

  test('a cycle and a shared reference come back as such', () => {
    const [one, other] = responses();
    const part = { n: 1 };
    const value: { a: object; b: object; self?: unknown } = { a: part, b: part };
    value.self = value;
    one.set('key', config, value);
    const back = other.get('key', config);
    expect(back.self).toBe(back);
    expect(back.a).toBe(back.b);
  });

  test('a hit is a copy: changing it changes nothing', () => {
    const [one, other] = responses();
    const value = { list: [1, 2], numbers: new Float32Array([1]) };
    one.set('key', config, value);
    value.list.push(3);
    const first = other.get('key', config);
    first.list.length = 0;
    first.numbers[0] = 9;
    expect(other.get('key', config)).toEqual({ list: [1, 2], numbers: new Float32Array([1]) });
  });

  test('any JSON value comes back as it went in', () => {
    const [one, other] = responses();
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, key) => {
        one.set(key, config, value);
        expect(other.get(key, config)).toEqual(value);
      }),
      { numRuns: 200 },
    );
  });

  class Answer {
    text = 'hi';
  }
  test.each([
    ['a class instance', new Answer(), /^value is an instance of Answer, which cannot be held outside/],
    ['one deep inside', { list: [{ answer: new Answer() }] }, /^value\.list\[0\]\.answer is an instance of Answer/],
    ['one in a Map', new Map([['k', new Answer()]]), /instance of Answer/],
    ['a function', { run: () => 1 }, /^value\.run is a function/],
    ['a symbol', [Symbol('s')], /^value\[0\] is a symbol/],
    ['a promise', Promise.resolve(1), /instance of Promise/],
    ['an error', new RangeError('no'), /instance of RangeError/],
    ['a Buffer', { audio: Buffer.from('x') }, /^value\.audio is an instance of Buffer/],
    ['a subclass of Map', new (class Registry extends Map {})(), /instance of Registry/],
    ['a member named by a symbol', { [Symbol.for('x')]: 1 }, /named by symbols/],
  ])('%s is refused with a TypeError that says where, and what was stored stays', (_what, value, message) => {
    const [one, other] = responses();
    one.set('key', config, 'before');
    expect(() => one.set('key', config, value)).toThrow(TypeError);
    expect(() => one.set('key', config, value)).toThrow(message);
    expect(other.get('key', config)).toBe('before');
  });

  test('namespaces, versions, repeats and classes never see each other’s entries', async () => {
    const where = place();
    const make = (options: object) => keep(new ResponseCache({ ...where, ...options }));
    const caches = [{}, { namespace: 'a' }, { namespace: 'b' }, { version: 1 }, { version: '1' }, { version: 2 }].map(
      make,
    );
    for (const [i, cache] of caches.entries()) cache.set('key', config, i);
    expect(caches.map((cache) => cache.get('key', config))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(caches[0]?.get('key', config, { repeat: 1 })).toBeUndefined();
    expect(keep(new EmbeddingCache(where)).get('key')).toBeUndefined();
    caches[1]?.clear();
    expect(caches[1]?.get('key', config)).toBeUndefined();
    expect(caches[2]?.get('key', config)).toBe(2);
    expect(caches[0]?.get('key', config)).toBe(0);
  });

  test('never more than maxSize entries; the least recently used leaves', () => {
    const [one, other] = responses({ maxSize: 3 });
    for (const key of ['a', 'b', 'c']) one.set(key, config, key);
    expect(other.get('a', config)).toBe('a');
    one.set('d', config, 'd');
    expect(['a', 'b', 'c', 'd'].map((key) => other.has(key, config))).toEqual([true, false, true, true]);
    expect(one.getStats()).toMatchObject({ size: 3, maxSize: 3 });
  });

  test('never more than maxBytes of values', () => {
    const [one] = responses({ maxBytes: 10_000 });
    for (let i = 0; i < 50; i += 1) one.set(`key ${i}`, config, 'x'.repeat(1000));
    expect(one.getStats().size).toBeGreaterThan(5);
    expect(one.getStats().size).toBeLessThanOrEqual(10);
    one.set('huge', config, 'x'.repeat(20_000));
    expect(one.has('huge', config)).toBe(false);
    expect(one.has('key 49', config)).toBe(true);
  });

  test('savings count the cache’s cost and the entry’s own', () => {
    const [one, other] = responses({ missCost: { tokens: 10 } });
    one.set('a', config, 1);
    one.set('b', config, { x: 1n }, { missCost: { tokens: 1000, usd: 0.5 } });
    other.get('a', config);
    expect(other.get('b', config)).toEqual({ x: 1n });
    other.get('b', config);
    const saved = _tier === 'shared' ? one.getStats().hits : 3;
    expect(saved).toBe(3);
    expect(other.savings()).toEqual({ calls: 3, tokens: 2010, usd: 1 });
  });

  test('embeddings go in and out in batches, numbers and typed arrays alike', () => {
    const where = place();
    const [one, other] = [keep(new EmbeddingCache(where)), keep(new EmbeddingCache(where))];
    const vector = Array.from({ length: 1536 }, (_, i) => Math.sin(i));
    one.batchSet([
      ['a', vector],
      ['b', [1, 2]],
    ]);
    expect([...other.batchGet(['b', 'missing', 'a', 'b'])]).toEqual([
      ['b', [1, 2]],
      ['missing', undefined],
      ['a', vector],
    ]);
    expect(other.getStats()).toMatchObject({ hits: 2, misses: 1 });
    expect(other.similarity('a', vector)).toBeCloseTo(1, 12);
    expect(() => other.nearest(vector)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
    const typed = keep(new EmbeddingCache<Float32Array>({ ...where, namespace: 'f32' }));
    typed.set('t', new Float32Array([0.1, 0.2]));
    expect(typed.get('t')).toStrictEqual(new Float32Array([0.1, 0.2]));
  });

  test('two caches of one thread compute a key once, and a failure is tried again by whoever waits', async () => {
    const [one, other] = responses();
    let calls = 0;
    const slow = async () => {
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (calls === 1) throw new Error('down');
      return 'answer';
    };
    const outcomes = await Promise.allSettled([
      one.getOrCompute('key', config, slow),
      other.getOrCompute('key', config, slow),
      other.getOrCompute('key', config, slow),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(calls).toBe(2);
    expect(one.get('key', config)).toBe('answer');
  });

  test('a miss is explained across versions', () => {
    const where = place();
    keep(new ResponseCache({ ...where, explain: true, version: 'v1' })).set('key', config, 1);
    const newer = keep(new ResponseCache({ ...where, explain: true, version: 'v2' }));
    expect(newer.explainMiss('key', config)?.differences).toEqual([{ path: 'version', asked: '"v2"', stored: '"v1"' }]);
  });

  test('a closed cache says so, and closing twice is fine', () => {
    const cache = new ResponseCache(place());
    cache.close();
    cache.close();
    expect(() => cache.get('key', config)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => cache.set('key', config, 1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  describe('time to live', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test('counts from the last set; per entry too; stale entries are given while they are refreshed', async () => {
      const [one, other] = responses({ ttl: 1000, staleWhileRevalidate: 5000 });
      one.set('a', config, 1);
      one.set('b', config, 2, { ttl: 100 });
      vi.advanceTimersByTime(500);
      expect([other.get('a', config), other.get('b', config)]).toEqual([1, undefined]);
      vi.advanceTimersByTime(600);
      expect(other.get('a', config)).toBeUndefined();
      expect(await other.getOrCompute('a', config, () => 3)).toBe(1);
      await vi.advanceTimersByTimeAsync(10);
      expect(one.get('a', config)).toBe(3);
      vi.advanceTimersByTime(60_000);
      expect(one.removeExpired()).toBe(2);
      expect(one.getStats().size).toBe(0);
    });
  });

  test.each([
    ['onEvict', { onEvict: () => {} }, /onEvict must be left out/],
    ['a namespace that is no text', { namespace: 7 }, /namespace must be a string/],
  ])('%s is refused', (_what, options, message) => {
    expect(() => new ResponseCache({ ...place(), ...(options as object) })).toThrow(message);
  });
});

test('options that exclude each other or are not for this class are refused', () => {
  expect(() => new ResponseCache({ shared: 's', persist: 'p' })).toThrow(/shared must be left out with persist/);
  expect(() => new ResponseCache({ persist: join(folder, 'x'), policy: 'lru' })).toThrow(/policy must be left out/);
  expect(() => new ResponseCache({ shared: '' })).toThrow(RangeError);
  expect(() => new ResponseCache({ persist: 7 as never })).toThrow(TypeError);
  expect(() => new LRUCache({ shared: 's' } as object)).toThrow(/only a ResponseCache or an EmbeddingCache/);
  expect(() => new QueryCache({ persist: 's' } as object)).toThrow(/only a ResponseCache or an EmbeddingCache/);
});

test('every opener of a shared cache must give the same limits', () => {
  keep(new ResponseCache({ shared: 'limits', maxSize: 10 }));
  expect(() => new ResponseCache({ shared: 'limits', maxSize: 11 })).toThrow(/maxSize 10.*maxSize 11/);
  keep(new EmbeddingCache({ shared: 'limits', maxSize: 12 }));
});
