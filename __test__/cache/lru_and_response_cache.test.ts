import { LRUCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
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

  test('a value is not asked what it does not tell: throwing getters, revoked proxies', () => {
    const cache = new LRUCache();
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const shy = {
      get secret() {
        throw new Error('asked');
      },
    };
    cache.set('shy', shy);
    cache.set('gone', proxy);
    expect(cache.get('shy')).toBe(shy);
    expect(cache.get('gone') === proxy).toBe(true);
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
