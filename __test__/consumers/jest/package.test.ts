import * as orchestrator from '@aah/ai-evals/orchestrator';
import * as performance from '@aah/ai-evals/performance';
import { describe, expect, jest, test } from '@jest/globals';

const { CacheManager, DatasetStream, EmbeddingCache, LRUCache, PerformanceMonitor, ResponseCache } = performance;
const { ParallelExecutor, ScoringWorkerPool } = orchestrator;

const taskOf = (id: string) => ({ id, testCase: { id, input: id, expected: id }, runnerConfig: { modelId: 'm' } });

/** `value instanceof kind`, with the sandbox's own `kind`. */
const is = (value: unknown, kind: abstract new (...args: never[]) => unknown) => value instanceof kind;

function thrownBy(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('both subpaths in a Jest project', () => {
  test('load, and share their classes with the root', () => {
    const everything = require('@aah/ai-evals');
    expect(performance.AiEvalsError).toBe(orchestrator.AiEvalsError);
    expect(everything.LRUCache).toBe(LRUCache);
    expect(everything.ParallelExecutor).toBe(ParallelExecutor);
  });

  test('can be loaded and used again after each of 50 module resets', async () => {
    const seen = new Set<unknown>();
    for (let i = 0; i < 50; i += 1) {
      jest.resetModules();
      const again: typeof performance = require('@aah/ai-evals/performance');
      const { ParallelExecutor: Executor }: typeof orchestrator = require('@aah/ai-evals/orchestrator');
      const cache = new again.LRUCache<number>({ maxSize: 2 });
      cache.set('i', i);
      expect(cache.get('i')).toBe(i);
      const [result] = await new Executor().executeTasks([taskOf('x')], async ({ id }) => id);
      expect(result?.result).toBe('x');
      seen.add(again.LRUCache).add(Executor);
    }
    expect(seen.size).toBe(100);
  });
});

describe('errors are instances of the sandbox’s own classes', () => {
  test('those that are thrown for a bad argument', () => {
    const range = thrownBy(() => new LRUCache({ maxSize: 0 }));
    expect(range instanceof RangeError).toBe(true);
    expect(range instanceof Error).toBe(true);
    expect(range).toMatchObject({ name: 'ArgumentRangeError', code: 'ERR_OUT_OF_RANGE' });
    const type = thrownBy(() => new ParallelExecutor({ concurrency: 'many' as unknown as number }));
    expect(type instanceof TypeError).toBe(true);
    expect(type).toMatchObject({ name: 'ArgumentTypeError', code: 'ERR_INVALID_ARG_TYPE' });
    expect(thrownBy(() => new ScoringWorkerPool(0)) instanceof RangeError).toBe(true);
    expect(thrownBy(() => new PerformanceMonitor().end('never started')) instanceof Error).toBe(true);
  });

  test('those of the package', () => {
    const error: unknown = new performance.NativePanicError('a bug');
    expect(error instanceof performance.NativePanicError).toBe(true);
    expect(error instanceof performance.AiEvalsError).toBe(true);
    expect(error instanceof Error).toBe(true);
  });

  test('those a caller’s own code throws come back as they were', async () => {
    const mine = new RangeError('mine');
    const pool = new ScoringWorkerPool(1);
    await expect(pool.execute(() => Promise.reject(mine))).rejects.toBe(mine);
  });
});

describe('values are instances of the sandbox’s own classes', () => {
  test('arrays', async () => {
    const cache = new LRUCache<number>();
    cache.set('a', 1);
    expect(is(cache.keys(), Array)).toBe(true);
    expect(cache.keys()).toEqual(['a']);
    const results = await new ParallelExecutor().executeTasks([taskOf('x')], async () => 1);
    expect(is(results, Array)).toBe(true);
    expect(await new ParallelExecutor().executeTasks([], async () => 1)).toEqual([]);
    expect(is(new PerformanceMonitor().getAllTimings(), Array)).toBe(true);
    expect(is(new PerformanceMonitor().identifyBottlenecks(), Array)).toBe(true);
  });

  test('maps', () => {
    const embeddings = new EmbeddingCache();
    embeddings.batchSet(new Map([['t', [1, 2]]]));
    const found = embeddings.batchGet(['t', 'u']);
    expect(found instanceof Map).toBe(true);
    expect(is(found.get('t'), Array)).toBe(true);
    expect([...found]).toEqual([
      ['t', [1, 2]],
      ['u', undefined],
    ]);
    expect(new PerformanceMonitor().setBaseline('b').components instanceof Map).toBe(true);
  });

  test('promises, dates and plain objects', async () => {
    const promise = new ParallelExecutor().executeTasks([taskOf('x')], () => {
      throw new Error('broken');
    });
    expect(promise instanceof Promise).toBe(true);
    const [failed] = await promise;
    expect(failed?.error?.timestamp instanceof Date).toBe(true);
    expect(failed?.error).toMatchObject({ message: 'broken', retryable: false });
    expect(Object.getPrototypeOf(failed)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(new LRUCache().getStats())).toBe(Object.prototype);
    expect(new PerformanceMonitor().generateReport().timestamp instanceof Date).toBe(true);
  });

  test('the caller’s own values, which come out of a cache as they went in', () => {
    const cache = new ResponseCache();
    const value = { when: new Date(0), tags: new Set(['a']), map: new Map([[1, 2]]), bytes: new Uint8Array([1]) };
    cache.set({ prompt: 'p', at: new Date(5) }, { model: 'm', stop: ['x'] }, value);
    expect(cache.get({ at: new Date(5), prompt: 'p' }, { stop: ['x'], model: 'm' })).toBe(value);
  });
});

describe('items of a stream that left the heap come back', () => {
  async function through<T>(item: T): Promise<T> {
    const stream = new DatasetStream<T | string>({ bufferSize: 1, maxMemory: 1 });
    const filler = 'x'.repeat(5000);
    for (const each of [filler, item, filler, filler]) stream.push(each);
    const back = await stream.process(async (batch) => batch);
    expect(back).toHaveLength(4);
    expect(back[1]).not.toBe(item);
    return back[1] as T;
  }

  test('as instances of the sandbox’s own classes', async () => {
    const item = {
      date: new Date(7),
      map: new Map<unknown, unknown>([[{ k: 1 }, new Set([1n])]]),
      pattern: /a+/gi,
      buffer: new ArrayBuffer(4),
      floats: new Float64Array([0.5, -1]),
      bigs: new BigInt64Array([5n]),
      list: [undefined, Number.NaN, { deep: new Date(8) }],
    };
    const back = await through(item);
    expect(back).toEqual(item);
    const kinds: [unknown, abstract new (...args: never[]) => unknown][] = [
      [back, Object],
      [back.date, Date],
      [back.map, Map],
      [[...back.map.keys()][0], Object],
      [[...back.map.values()][0], Set],
      [back.pattern, RegExp],
      [back.buffer, ArrayBuffer],
      [back.floats, Float64Array],
      [back.floats.buffer, ArrayBuffer],
      [back.bigs, BigInt64Array],
      [back.list, Array],
      [(back.list[2] as { deep: Date }).deep, Date],
    ];
    for (const [at, [value, kind]] of kinds.entries()) expect([at, is(value, kind)]).toEqual([at, true]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  test('cycles, views of one buffer and sparse arrays as they were', async () => {
    const buffer = new ArrayBuffer(8);
    const item: { self?: unknown; bytes: Uint8Array; view: Uint16Array; sparse: unknown[] } = {
      bytes: new Uint8Array(buffer, 2, 4),
      view: new Uint16Array(buffer, 4, 1),
      sparse: Object.assign(new Array<unknown>(3), { 1: undefined }),
    };
    item.self = item;
    item.bytes[2] = 9;
    const back = await through(item);
    expect(back.self).toBe(back);
    expect(back.view[0]).toBe(9);
    expect(back.view.buffer).toBe(back.bytes.buffer);
    expect(back.bytes.byteOffset).toBe(2);
    expect(back.sparse.length).toBe(3);
    expect(Object.keys(back.sparse)).toEqual(['1']);
  });
});

describe('fake timers', () => {
  test('drive the cleanup of a cache manager', () => {
    jest.useFakeTimers();
    try {
      const manager = new CacheManager();
      manager.startCleanup(1000);
      expect(jest.getTimerCount()).toBe(1);
      manager.startCleanup(1000);
      expect(jest.getTimerCount()).toBe(1);
      jest.advanceTimersByTime(5000);
      manager.stopCleanup();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('do not stop runs and streams while they are advanced', async () => {
    jest.useFakeTimers();
    try {
      const running = new ParallelExecutor().executeTasks([taskOf('x'), taskOf('y')], async ({ id }) => id);
      await jest.advanceTimersByTimeAsync(10);
      expect((await running).map(({ result }) => result)).toEqual(['x', 'y']);
      const stream = new DatasetStream<number>({ batchSize: 2 });
      for (const n of [1, 2, 3]) stream.push(n);
      const doubled = stream.process(async (batch) => batch.map((n) => n * 2));
      await jest.advanceTimersByTimeAsync(10);
      expect(await doubled).toEqual([2, 4, 6]);
    } finally {
      jest.useRealTimers();
    }
  });
});
