import { CacheMissError, EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
import { describe, expect, test, vi } from 'vitest';

const input = 'What is the capital of France?';
const config = { model: 'gpt-4', temperature: 0 };

describe("mode 'replay': nothing is computed, nothing is spent", () => {
  test('a miss is a CacheMissError, from get and from getOrCompute, and the function is not called', async () => {
    const cache = new ResponseCache({ mode: 'replay', explain: true });
    const fn = vi.fn(async () => 'Paris');
    await expect(cache.getOrCompute(input, config, fn)).rejects.toBeInstanceOf(CacheMissError);
    await expect(cache.getOrCompute(input, config, fn)).rejects.toMatchObject({ code: 'ERR_CACHE_MISS' });
    expect(() => cache.get(input, config)).toThrow(CacheMissError);
    expect(fn).not.toHaveBeenCalled();
  });

  test('a hit is answered', async () => {
    const cache = new ResponseCache({ mode: 'replay', explain: true });
    cache.set(input, config, 'Paris');
    expect(cache.get(input, config)).toBe('Paris');
    expect(await cache.getOrCompute(input, config, () => 'never')).toBe('Paris');
  });

  test('the error says what the nearest entry differs in', async () => {
    const cache = new ResponseCache({ mode: 'replay', explain: true });
    cache.set(input, config, 'Paris');
    const error = await cache.getOrCompute(input, { ...config, temperature: 0.7 }, () => '').catch((e: unknown) => e);
    expect(error).toMatchObject({
      explanation: { differences: [{ path: 'modelConfig.temperature', asked: '0.7', stored: '0' }] },
    });
    expect(String(error)).toContain('modelConfig.temperature (asked 0.7, stored 0)');
  });

  test('names the key of every other cache', async () => {
    await expect(new LRUCache({ mode: 'replay' }).getOrCompute('k1', () => 1)).rejects.toThrow(/the key "k1"/);
    await expect(new QueryCache({ mode: 'replay' }).getOrCompute('rows', {}, () => 1)).rejects.toThrow(/query "rows"/);
    const embeddings = new EmbeddingCache({ mode: 'replay' });
    embeddings.set('held', [1]);
    expect(() => embeddings.batchGet(['held', 'missing'])).toThrow(/the text "missing"/);
    await expect(embeddings.batchGetOrCompute(['held', 'missing'], () => [])).rejects.toThrow(/the text "missing"/);
  });
});

describe("mode 'record': everything is computed and stored anew", () => {
  test('a stored value is replaced', async () => {
    const cache = new ResponseCache({ mode: 'record' });
    cache.set(input, config, 'old');
    expect(cache.get(input, config)).toBeUndefined();
    expect(cache.has(input, config)).toBe(false);
    expect(await cache.getOrCompute(input, config, () => 'new')).toBe('new');
    expect(cache.get(input, config, { mode: 'on' })).toBe('new');
  });

  test('concurrent callers still share one computation, and a failure leaves what was stored', async () => {
    const cache = new ResponseCache({ mode: 'record' });
    cache.set(input, config, 'old');
    const fn = vi.fn(async () => {
      throw new Error('down');
    });
    const settled = await Promise.allSettled([1, 2, 3].map(() => cache.getOrCompute(input, config, fn)));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(cache.get(input, config, { mode: 'on' })).toBe('old');
  });
});

describe("mode 'off': nothing is answered from the cache and nothing is stored", () => {
  test('of all calls', async () => {
    const cache = new EmbeddingCache({ mode: 'off' });
    cache.set('a', [1]);
    cache.batchSet([['b', [2]]]);
    expect(await cache.getOrCompute('a', () => [3])).toEqual([3]);
    expect([...(await cache.batchGetOrCompute(['a', 'b'], (texts) => texts.map(() => [4]))).values()]).toEqual([
      [4],
      [4],
    ]);
    expect([...cache.batchGet(['a']).values()]).toEqual([undefined]);
    expect(cache.getStats()).toMatchObject({ size: 0, hits: 0, misses: 0 });
  });

  test('callers do not even share a computation', async () => {
    const cache = new LRUCache({ mode: 'off' });
    const fn = vi.fn(async () => 1);
    await Promise.all([cache.getOrCompute('k', fn), cache.getOrCompute('k', fn)]);
    expect(fn).toHaveBeenCalledTimes(2);
  });

  test('an abort still ends the waiting', async () => {
    const controller = new AbortController();
    const pending = new LRUCache({ mode: 'off' }).getOrCompute('k', () => new Promise(() => {}), {
      signal: controller.signal,
    });
    controller.abort('enough');
    await expect(pending).rejects.toBe('enough');
  });
});

test('each call can have a mode of its own', async () => {
  const cache = new ResponseCache();
  expect(() => cache.get(input, config, { mode: 'replay' })).toThrow(CacheMissError);
  cache.set(input, config, 'lost', { mode: 'off' });
  expect(cache.has(input, config)).toBe(false);
  await cache.getOrCompute(input, config, () => 'first');
  expect(await cache.getOrCompute(input, config, () => 'second', { mode: 'off' })).toBe('second');
  expect(await cache.getOrCompute(input, config, () => 'never', { mode: 'replay' })).toBe('first');
  expect(await cache.getOrCompute(input, config, () => 'third', { mode: 'record' })).toBe('third');
  expect(cache.get(input, config)).toBe('third');
});

test.each([
  ['sometimes', 'ArgumentRangeError'],
  [7, 'ArgumentTypeError'],
  [null, 'ArgumentTypeError'],
])('mode %j is refused', (mode, name) => {
  expect(() => new ResponseCache({ mode: mode as 'on' })).toThrow(expect.objectContaining({ name }));
  expect(() => new ResponseCache().get(input, config, { mode: mode as 'on' })).toThrow(
    expect.objectContaining({ name }),
  );
});

describe('repeat: each sample of one input is an entry of its own', () => {
  test('0 is the same as none, others differ', async () => {
    const cache = new ResponseCache();
    let n = 0;
    const sample = (repeat?: number) =>
      cache.getOrCompute(input, config, () => `answer ${++n}`, repeat === undefined ? {} : { repeat });
    expect(await Promise.all([sample(), sample(0), sample(1), sample(2), sample(1)])).toEqual([
      'answer 1',
      'answer 1',
      'answer 2',
      'answer 3',
      'answer 2',
    ]);
    expect(cache.get(input, config, { repeat: 2 })).toBe('answer 3');
    expect(cache.has(input, config, { repeat: 3 })).toBe(false);
    expect(cache.delete(input, config, { repeat: 1 })).toBe(true);
    expect(cache.getStats().size).toBe(2);
  });

  test.each([-1, 0.5, Number.NaN])('%d is a RangeError', (repeat) => {
    expect(() => new ResponseCache().get(input, config, { repeat })).toThrow(RangeError);
  });
});
