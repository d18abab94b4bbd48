import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

type Fn = (context: { signal: AbortSignal }) => unknown;

/** Every cache behind the same calls, so that what holds for all is tested on all. */
const kinds = {
  LRUCache: (options?: object) => {
    const cache = new LRUCache(options);
    return {
      cache,
      compute: (n: number, fn: Fn, opts?: object) => cache.getOrCompute(`key ${n}`, fn, opts),
      get: (n: number) => cache.get(`key ${n}`),
      set: (n: number, value: unknown, opts?: object) => cache.set(`key ${n}`, value, opts),
      has: (n: number) => cache.has(`key ${n}`),
      remove: (n: number) => cache.delete(`key ${n}`),
    };
  },
  ResponseCache: (options?: object) => {
    const cache = new ResponseCache(options);
    const config = { model: 'm', temperature: 0.5 };
    const input = (n: number) => ({ prompt: n, text: 'long '.repeat(20) });
    return {
      cache,
      compute: (n: number, fn: Fn, opts?: object) => cache.getOrCompute(input(n), config, fn, opts),
      get: (n: number) => cache.get(input(n), config),
      set: (n: number, value: unknown, opts?: object) => cache.set(input(n), config, value, opts),
      has: (n: number) => cache.has(input(n), config),
      remove: (n: number) => cache.delete(input(n), config),
    };
  },
  EmbeddingCache: (options?: object) => {
    const cache = new EmbeddingCache(options);
    return {
      cache,
      compute: (n: number, fn: Fn, opts?: object) =>
        cache.getOrCompute(`text ${n}`, fn as () => number[], opts) as Promise<unknown>,
      get: (n: number) => cache.get(`text ${n}`),
      set: (n: number, value: unknown, opts?: object) => cache.set(`text ${n}`, value as number[], opts),
      has: (n: number) => cache.has(`text ${n}`),
      remove: (n: number) => cache.delete(`text ${n}`),
    };
  },
  QueryCache: (options?: object) => {
    const cache = new QueryCache(options);
    return {
      cache,
      compute: (n: number, fn: Fn, opts?: object) => cache.getOrCompute('rows', { n }, fn, opts),
      get: (n: number) => cache.get('rows', { n }),
      set: (n: number, value: unknown, opts?: object) => cache.set('rows', { n }, value, opts),
      has: (n: number) => cache.has('rows', { n }),
      remove: (n: number) => cache.delete('rows', { n }),
    };
  },
};

/** A promise that the test settles. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe.each(Object.entries(kinds))('%s.getOrCompute', (_kind, make) => {
  test('computes a miss once, stores it, and answers hits without computing', async () => {
    const { cache, compute, get } = make();
    const fn = vi.fn(async () => [1, 2]);
    const first = await compute(1, fn);
    expect(first).toEqual([1, 2]);
    expect(await compute(1, fn)).toBe(first);
    expect(get(1)).toBe(first);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(cache.getStats()).toMatchObject({ hits: 2, misses: 1, size: 1 });
  });

  test('starts at once, and takes a function that is not async', async () => {
    const { compute } = make();
    const fn = vi.fn(() => [3]);
    const pending = compute(1, fn);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(await pending).toEqual([3]);
  });

  test('1,000 concurrent callers of one key share one computation; other keys do not wait for it', async () => {
    const { compute } = make();
    const gate = deferred<number[]>();
    const fn = vi.fn(() => gate.promise);
    const callers = Array.from({ length: 1000 }, () => compute(1, fn));
    expect(await compute(2, async () => [2])).toEqual([2]);
    gate.resolve([1]);
    const values = await Promise.all(callers);
    expect(new Set(values).size).toBe(1);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('a failure rejects all who wait with the same error, is not stored, and the next caller tries again', async () => {
    const { compute, has } = make();
    const gate = deferred<number[]>();
    const callers = Array.from({ length: 10 }, () => compute(1, () => gate.promise));
    const failure = new Error('the provider is down');
    gate.reject(failure);
    const settled = await Promise.allSettled(callers);
    expect(settled.every((one) => one.status === 'rejected' && one.reason === failure)).toBe(true);
    expect(has(1)).toBe(false);
    expect(await compute(1, async () => [7])).toEqual([7]);
  });

  test('a function that throws at once rejects, and does not block the key', async () => {
    const { compute } = make();
    const thrown = new TypeError('bug');
    await expect(
      compute(1, () => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
    expect(await compute(1, () => [1])).toEqual([1]);
  });

  test('a caller that aborts gets its reason at once; the others get the value', async () => {
    const { compute } = make();
    const gate = deferred<number[]>();
    let told: AbortSignal | undefined;
    const controller = new AbortController();
    const gone = compute(
      1,
      ({ signal }) => {
        told = signal;
        return gate.promise;
      },
      { signal: controller.signal },
    );
    const stays = compute(1, () => gate.promise);
    const reason = new Error('user left');
    controller.abort(reason);
    await expect(gone).rejects.toBe(reason);
    expect(told?.aborted).toBe(false);
    gate.resolve([5]);
    expect(await stays).toEqual([5]);
  });

  test('when every caller has aborted, the computation is told; what it brings all the same is stored', async () => {
    const { compute, get } = make();
    const gate = deferred<number[]>();
    let told: AbortSignal | undefined;
    const controllers = [new AbortController(), new AbortController()];
    const callers = controllers.map(({ signal }) =>
      compute(
        1,
        (context) => {
          told = context.signal;
          return gate.promise;
        },
        { signal },
      ),
    );
    controllers[0]?.abort();
    await expect(callers[0]).rejects.toMatchObject({ name: 'AbortError' });
    expect(told?.aborted).toBe(false);
    controllers[1]?.abort();
    await expect(callers[1]).rejects.toMatchObject({ name: 'AbortError' });
    expect(told?.aborted).toBe(true);
    gate.resolve([9]);
    await turn();
    expect(get(1)).toEqual([9]);
  });

  test('a caller computes anew after all others gave up, and does not get their error', async () => {
    const { compute, get } = make();
    const controller = new AbortController();
    const first = compute(
      1,
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => setTimeout(() => reject(new Error('stopped')), 5));
        }),
      { signal: controller.signal },
    );
    controller.abort();
    const second = compute(1, async () => [2]);
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(await second).toEqual([2]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(get(1)).toEqual([2]);
  });

  test('a signal that was aborted before rejects without computing', async () => {
    const { compute } = make();
    const fn = vi.fn(() => [1]);
    await expect(compute(1, fn, { signal: AbortSignal.abort('why') })).rejects.toBe('why');
    expect(fn).not.toHaveBeenCalled();
  });

  test.each([
    ['deleted', (kind: ReturnType<typeof make>) => kind.remove(1)],
    ['cleared', (kind: ReturnType<typeof make>) => kind.cache.clear()],
  ])('what is %s while it is computed goes to its callers and is not stored', async (_how, drop) => {
    const kind = make();
    const old = deferred<number[]>();
    const waiting = kind.compute(1, () => old.promise);
    drop(kind);
    const fresh = await kind.compute(1, async () => [2]);
    old.resolve([1]);
    expect(await waiting).toEqual([1]);
    expect(fresh).toEqual([2]);
    expect(kind.get(1)).toEqual([2]);
  });

  test('a value set while another is computed stays', async () => {
    const { compute, set, get } = make();
    const gate = deferred<number[]>();
    const waiting = compute(1, () => gate.promise);
    set(1, [2]);
    gate.resolve([1]);
    expect(await waiting).toEqual([1]);
    expect(get(1)).toEqual([2]);
  });

  test('only what shouldCache approves is stored; per call it goes before the cache’s own', async () => {
    const { compute, has } = make({ shouldCache: (value: number[]) => value[0] !== 0 });
    expect(await compute(1, () => [0])).toEqual([0]);
    expect(has(1)).toBe(false);
    await compute(1, () => [1]);
    expect(has(1)).toBe(true);
    await compute(2, () => [0], { shouldCache: () => true });
    expect(has(2)).toBe(true);
  });

  test('shouldCache also guards set, and leaves what was stored', () => {
    const { set, get } = make({ shouldCache: (value: number[]) => value[0] !== 0 });
    set(1, [1]);
    set(1, [0]);
    expect(get(1)).toEqual([1]);
  });

  test.each([
    ['no function', undefined, undefined],
    ['a mode there is not', () => [1], { mode: 'sometimes' }],
    ['a ttl of 0', () => [1], { ttl: 0 }],
    ['a negative window', () => [1], { staleWhileRevalidate: -1 }],
    ['a signal that is none', () => [1], { signal: {} }],
    ['options that are none', () => [1], 7],
  ])('rejects (and does not throw) for %s', async (_what, fn, options) => {
    const { compute } = make();
    const pending = compute(1, fn as unknown as Fn, options as object);
    await expect(pending).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_(OUT_OF_RANGE|INVALID_ARG_TYPE)$/),
    });
  });

  test('evicting a key that is being computed does not disturb it', async () => {
    const { compute, get, set } = make({ maxSize: 2 });
    const gate = deferred<number[]>();
    const waiting = compute(1, () => gate.promise);
    for (let n = 10; n < 20; n += 1) set(n, [n]);
    gate.resolve([1]);
    await waiting;
    expect(get(1)).toEqual([1]);
  });

  describe('staleWhileRevalidate', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test('gives the expired value at once, refreshes it once in the background, then gives the new one', async () => {
      const { cache, compute, get, has } = make({ ttl: 100, staleWhileRevalidate: 1000 });
      let version = 0;
      const fn = vi.fn(async () => {
        version += 1;
        return [version];
      });
      expect(await compute(1, fn)).toEqual([1]);
      await vi.advanceTimersByTimeAsync(150);
      expect(get(1), 'get never gives what has expired').toBeUndefined();
      expect(has(1)).toBe(false);
      expect(cache.getStats().size).toBe(0);
      const answers = await Promise.all([compute(1, fn), compute(1, fn), compute(1, fn)]);
      expect(answers).toEqual([[1], [1], [1]]);
      await vi.advanceTimersByTimeAsync(0);
      expect(fn).toHaveBeenCalledTimes(2);
      expect(await compute(1, fn)).toEqual([2]);
      expect(get(1)).toEqual([2]);
    });

    test('past the window callers wait for the new value', async () => {
      const { compute } = make({ ttl: 100, staleWhileRevalidate: 1000 });
      await compute(1, async () => [1]);
      await vi.advanceTimersByTimeAsync(1100);
      expect(await compute(1, async () => [2])).toEqual([2]);
    });

    test('a background refresh that fails is silent, keeps the stale value, and is tried again', async () => {
      const { compute } = make({ ttl: 100, staleWhileRevalidate: 1000 });
      await compute(1, async () => [1]);
      await vi.advanceTimersByTimeAsync(150);
      const fails = vi.fn(async () => {
        throw new Error('down');
      });
      expect(await compute(1, fails)).toEqual([1]);
      await vi.advanceTimersByTimeAsync(0);
      expect(await compute(1, fails)).toEqual([1]);
      expect(fails).toHaveBeenCalledTimes(2);
    });

    test('removeExpired leaves what may still be given', async () => {
      const { cache, compute } = make({ ttl: 100, staleWhileRevalidate: 1000 });
      await compute(1, async () => [1]);
      await vi.advanceTimersByTimeAsync(500);
      expect(cache.removeExpired()).toBe(0);
      expect(await compute(1, async () => [2])).toEqual([1]);
      await vi.advanceTimersByTimeAsync(5000);
      expect(cache.removeExpired()).toBe(1);
    });
  });
});

describe('EmbeddingCache.batchGetOrCompute', () => {
  test('asks once for what is missing, in order, and gives everything by text', async () => {
    const cache = new EmbeddingCache();
    cache.set('b', [2]);
    const fn = vi.fn(async (missing: string[]) => missing.map((text) => [text.charCodeAt(0)]));
    const found = await cache.batchGetOrCompute(['a', 'b', 'c', 'a'], fn);
    expect([...found]).toEqual([
      ['a', [97]],
      ['b', [2]],
      ['c', [99]],
    ]);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(fn.mock.calls[0]?.[0]).toEqual(['a', 'c']);
    expect(cache.get('c')).toEqual([99]);
    await cache.batchGetOrCompute(['a', 'b', 'c'], fn);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test('overlapping batches and single callers compute each text once', async () => {
    const cache = new EmbeddingCache();
    const asked: string[] = [];
    const fn = async (missing: string[]) => {
      asked.push(...missing);
      await turn();
      return missing.map(() => [1]);
    };
    const single = cache.getOrCompute('x', async () => {
      await turn();
      return [42];
    });
    const results = await Promise.all([
      cache.batchGetOrCompute(['x', 'y'], fn),
      cache.batchGetOrCompute(['y', 'z'], fn),
      cache.batchGetOrCompute(['z', 'x', 'y'], fn),
    ]);
    expect(asked.sort()).toEqual(['y', 'z']);
    expect(results[0]?.get('x')).toBe(await single);
    expect(results[2]?.get('y')).toBe(results[0]?.get('y'));
  });

  test('a failure rejects all batches that wait for a text of it, and nothing of it is stored', async () => {
    const cache = new EmbeddingCache();
    const failure = new Error('quota');
    const first = cache.batchGetOrCompute(['a', 'b'], async () => {
      await turn();
      throw failure;
    });
    const second = cache.batchGetOrCompute(['b', 'c'], async (missing) => missing.map(() => [1]));
    await expect(first).rejects.toBe(failure);
    await expect(second).rejects.toBe(failure);
    expect(cache.has('a') || cache.has('b')).toBe(false);
    expect(cache.get('c')).toEqual([1]);
  });

  test('an answer of another length or kind is an error that says so', async () => {
    const cache = new EmbeddingCache();
    await expect(cache.batchGetOrCompute(['a', 'b'], async () => [[1]])).rejects.toThrow(
      /as many embeddings as texts \(2\)/,
    );
    await expect(cache.batchGetOrCompute(['a'], async () => 7 as never)).rejects.toThrow(/array of embeddings/);
    await expect(cache.batchGetOrCompute(['a'], async () => [[Number.NaN]])).rejects.toThrow(/finite/);
    expect(cache.getStats().size).toBe(0);
  });

  test('nothing to ask for asks nothing', async () => {
    const fn = vi.fn();
    expect((await new EmbeddingCache().batchGetOrCompute([], fn)).size).toBe(0);
    expect(fn).not.toHaveBeenCalled();
  });
});
