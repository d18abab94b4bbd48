import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { AiEvalsError, Benchmark, BenchmarkSuite, benchmarkCache, EmbeddingCache } from '@aah/ai-evals/performance';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe('running', () => {
  test('a result has every field, finite, and agrees with itself', async () => {
    const benchmark = new Benchmark();
    const result = await benchmark.run({ name: 'sleep', description: 'two', iterations: 8, warmupIterations: 1 }, () =>
      sleep(2),
    );
    expect(result).toMatchObject({ name: 'sleep', description: 'two', iterations: 8, callsPerSample: 1 });
    expect(result.minDuration).toBeGreaterThan(1);
    const ascending = [
      result.minDuration,
      result.medianDuration,
      result.p95Duration,
      result.p99Duration,
      result.maxDuration,
    ];
    expect(ascending).toEqual([...ascending].sort((a, b) => a - b));
    expect(result.totalDuration / result.iterations).toBeCloseTo(result.avgDuration, 9);
    expect(result.throughput).toBeCloseTo(1000 / result.avgDuration, 6);
    expect(result.memoryUsage.delta).toBe(result.memoryUsage.after - result.memoryUsage.before);
    expect(result.rounds).toHaveLength(8);
    const [low, high] = result.confidenceInterval as [number, number];
    expect(low).toBeLessThanOrEqual(result.avgDuration);
    expect(high).toBeGreaterThanOrEqual(result.avgDuration);
  });

  test('a function long enough to be timed alone is called exactly warmup + iterations times', async () => {
    for (const [iterations, warmupIterations] of [
      [5, 2],
      [1, 0],
      [3, 0],
    ] as const) {
      const config = { name: 'exact', iterations, warmupIterations };
      let calls = 0;
      await new Benchmark().run(config, async () => {
        calls += 1;
        // Far more than the event loop's time may be behind: a timer of 1 ms can be due at once.
        await sleep(10);
      });
      expect(calls).toBe(iterations + warmupIterations);
      calls = 0;
      new Benchmark().runSync(config, () => {
        calls += 1;
        busy(0.2);
      });
      expect(calls).toBe(iterations + warmupIterations);
    }
  });

  test('defaults are 100 samples after 10 calls, and 1000 after 100 for runSync', async () => {
    const one = { name: 'd', callsPerSample: 1 };
    let calls = 0;
    expect((await new Benchmark().run(one, async () => (calls += 1))).iterations).toBe(100);
    expect(calls).toBe(110);
    calls = 0;
    expect(new Benchmark().runSync(one, () => (calls += 1)).iterations).toBe(1000);
    expect(calls).toBe(1100);
  });

  test('a function of a few nanoseconds gets a figure, synchronous or not', async () => {
    let x = 1;
    const step = () => {
      x = (Math.imul(x, 1664525) + 1013904223) | 0;
      return x;
    };
    const sync = new Benchmark().runSync({ name: 'ns', iterations: 50 }, step);
    const async = await new Benchmark().run({ name: 'ns', iterations: 50 }, async () => step());
    for (const result of [sync, async]) {
      expect(result.iterations).toBe(50);
      expect(result.callsPerSample).toBeGreaterThan(50);
      expect(result.medianDuration).toBeGreaterThan(0);
      for (const figure of [
        result.avgDuration,
        result.throughput,
        result.minDuration,
        result.stdDeviation,
        result.rme,
      ]) {
        expect(Number.isFinite(figure)).toBe(true);
      }
      expect(result.minDuration).toBeGreaterThan(0);
    }
  });

  // However busy the machine is, no call is shorter than its wait, and of a hundred one is hardly disturbed.
  test.each([0.005, 0.5, 20])('a busy-wait of %d ms never measures as less', (ms) => {
    const config = { name: 'busy', iterations: ms >= 10 ? 9 : 100, warmupIterations: 1 };
    const { minDuration, medianDuration } = new Benchmark().runSync(config, () => busy(ms));
    expect(minDuration).toBeGreaterThan(ms * 0.9);
    expect(medianDuration).toBeGreaterThanOrEqual(minDuration);
  });

  test('a longer loop of nanoseconds never measures as the shorter one', async () => {
    let state = 1;
    const turns = (count: number) => {
      let x = state;
      for (let i = 0; i < count; i += 1) x = (Math.imul(x, 1664525) + 1013904223) | 0;
      state = x;
      return x;
    };
    const config = { name: 'turns', iterations: 200 };
    const { minDuration: short } = new Benchmark().runSync(config, () => turns(20));
    const { minDuration: long } = new Benchmark().runSync(config, () => turns(400));
    expect(long).toBeGreaterThan(short * 3);
  });

  test('a time budget ends the sampling, after at least one sample', async () => {
    const config = { name: 'budget', iterations: 1000, warmupIterations: 0, timeBudget: 30 };
    const result = await new Benchmark().run(config, () => sleep(5));
    expect(result.iterations).toBeGreaterThanOrEqual(1);
    expect(result.iterations).toBeLessThan(20);
    expect(new Benchmark().runSync({ ...config, timeBudget: 0.001 }, () => busy(1)).iterations).toBe(1);
    expect((await new Benchmark().run({ ...config, concurrency: 2 }, () => sleep(5))).iterations).toBeLessThan(40);
  });

  test.each([1, 3, 7])('parallel keeps exactly %i calls in flight', async (concurrency) => {
    let inFlight = 0;
    const seen: number[] = [];
    const fn = async () => {
      inFlight += 1;
      seen.push(inFlight);
      await sleep(1 + (seen.length % 4));
      inFlight -= 1;
    };
    const start = performance.now();
    const config = { name: 'p', parallel: true, concurrency, iterations: 30, warmupIterations: 0 };
    const result = await new Benchmark().run(config, fn);
    const wall = performance.now() - start;
    expect(seen).toHaveLength(30);
    expect(Math.max(...seen)).toBe(concurrency);
    // Once filled, a call starts only when another has ended, and always then.
    expect(seen.slice(concurrency - 1).every((n) => n === concurrency)).toBe(true);
    expect(result.iterations).toBe(30);
    expect(result.totalDuration).toBeLessThanOrEqual(wall);
    expect(result.throughput).toBeCloseTo((30 / result.totalDuration) * 1000, 6);
  });

  test('rejects with the very error that fn threw, the name of the benchmark on it, and calls no more', async () => {
    class Broken extends Error {}
    const broken = new Broken('boom');
    let calls = 0;
    const fail = () => {
      calls += 1;
      if (calls === 3) throw broken;
      busy(0.05);
    };
    const failure = await new Benchmark().run({ name: 'fragile' }, async () => fail()).catch((error: unknown) => error);
    expect(failure).toBe(broken);
    expect(failure).toBeInstanceOf(Broken);
    expect(failure).toMatchObject({ message: 'boom', benchmark: 'fragile' });
    expect(broken.stack).toMatch(/boom[\s\S]*in benchmark "fragile"$/u);
    expect(Object.keys(broken)).toEqual([]);
    expect(calls).toBe(3);
    calls = 0;
    expect(() => new Benchmark().runSync({ name: 'again' }, fail)).toThrow(broken);
    expect(broken).toMatchObject({ benchmark: 'again' });
    calls = 0;
    const parallel = new Benchmark().run({ name: 'fragile', concurrency: 2, warmupIterations: 0 }, async () => {
      fail();
      await sleep(1);
    });
    await expect(parallel).rejects.toBe(broken);
    await sleep(10);
    expect(calls).toBeLessThanOrEqual(4);
  });

  test('rejects with a frozen error or any other object as it is, and names the benchmark around a primitive', async () => {
    const frozen = Object.freeze(new TypeError('cold'));
    const bare = Object.create(null) as object;
    const proxy = new Proxy({}, { defineProperty: () => false, get: () => undefined, has: () => false });
    for (const thrown of [frozen, bare, proxy]) {
      const run = new Benchmark().run({ name: 'odd' }, () => Promise.reject(thrown));
      expect((await run.catch((error: unknown) => ({ error }))) as unknown).toSatisfy(
        (caught: { error: unknown }) => caught.error === thrown,
      );
    }
    for (const thrown of ['text', 5, null, undefined]) {
      const failure = await new Benchmark().run({ name: 'odd' }, () => Promise.reject(thrown)).catch((e: unknown) => e);
      expect(failure).toBeInstanceOf(AiEvalsError);
      expect(failure).toMatchObject({ code: 'ERR_BENCHMARK', cause: thrown });
      expect((failure as Error).message).toContain('benchmark "odd" failed');
    }
  });

  test('takes the defaults for null options', async () => {
    const options = { description: null, parallel: null, concurrency: null, timeBudget: null, warmupIterations: null };
    const config = { name: 'null', callsPerSample: 1, ...options } as never;
    expect((await new Benchmark().run(config, async () => 1)).iterations).toBe(100);
    const sized = { name: 'null', iterations: null, callsPerSample: null } as never;
    expect(new Benchmark().runSync(sized, () => busy(0.06)).iterations).toBe(1000);
  });

  test('bad configurations are refused before anything runs', async () => {
    const fn = vi.fn();
    for (const iterations of [0, -1, 1.5, Number.NaN]) {
      await expect(new Benchmark().run({ name: 'x', iterations }, fn)).rejects.toThrow(RangeError);
      expect(() => new Benchmark().runSync({ name: 'x', iterations }, fn)).toThrow(RangeError);
    }
    for (const bad of [{ warmupIterations: -1 }, { concurrency: 0 }, { timeBudget: 0 }, { callsPerSample: 0 }]) {
      await expect(new Benchmark().run({ name: 'x', ...bad }, fn)).rejects.toThrow(RangeError);
    }
    await expect(new Benchmark().run({} as never, fn)).rejects.toThrow(TypeError);
    await expect(new Benchmark().run({ name: 'x' }, 5 as never)).rejects.toThrow(TypeError);
    expect(fn).not.toHaveBeenCalled();
  });

  test('history keeps every result of a name, oldest first; nothing is printed', async () => {
    const write = vi.spyOn(process.stdout, 'write');
    const log = vi.spyOn(console, 'log');
    const benchmark = new Benchmark();
    const first = benchmark.runSync({ name: 'a', iterations: 2 }, () => 1);
    const second = await benchmark.run({ name: 'a', iterations: 2 }, async () => 1);
    expect(write).not.toHaveBeenCalled();
    expect(log).not.toHaveBeenCalled();
    expect(benchmark.getHistory('a')).toEqual([first, second]);
    expect(benchmark.getHistory('b')).toEqual([]);
    benchmark.clear();
    expect(benchmark.getHistory('a')).toEqual([]);
  });
});

describe('suites and caches', () => {
  test('a suite runs in order and sums up', async () => {
    const suite = new BenchmarkSuite('scorers');
    const config = { iterations: 5, warmupIterations: 0 };
    const same = suite
      .add({ name: 'slow', ...config }, () => sleep(5))
      .add({ name: 'quick', ...config }, async () => busy(0.1));
    expect(same).toBe(suite);
    const result = await suite.run();
    expect(result).toMatchObject({
      name: 'scorers',
      summary: { totalBenchmarks: 2, fastestBenchmark: 'quick', slowestBenchmark: 'slow' },
    });
    expect(result.timestamp).toBeInstanceOf(Date);
    expect(result.benchmarks.map((b) => b.name)).toEqual(['slow', 'quick']);
    expect(result.summary.avgThroughput).toBeCloseTo(result.benchmarks.reduce((s, b) => s + b.throughput, 0) / 2, 9);
    expect(suite.getResults()).toEqual(result.benchmarks);
    suite.clear();
    expect(suite.getResults()).toEqual([]);
    expect((await suite.run()).summary).toEqual({
      totalBenchmarks: 0,
      totalDuration: 0,
      fastestBenchmark: 'N/A',
      slowestBenchmark: 'N/A',
      avgThroughput: 0,
    });
  });

  test('runs of one suite that overlap keep their results apart', async () => {
    const config = { iterations: 2, warmupIterations: 0 };
    const suite = new BenchmarkSuite('twice');
    for (const name of ['a', 'b']) suite.add({ name, ...config }, () => sleep(1));
    const results = await Promise.all([suite.run(), suite.run()]);
    expect(results.map((r) => r.benchmarks.map((b) => b.name))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test.each([10_000, 250, 7, 1])('a cache is measured with exactly %i reads and writes', async (operations) => {
    const map = new Map<string, unknown>();
    let [gets, sets] = [0, 0];
    const cache = {
      get: (key: string) => {
        gets += 1;
        return map.get(key);
      },
      set: async (key: string, value: unknown) => {
        sets += 1;
        map.set(key, value);
      },
      getStats: () => ({ gets, sets, size: map.size }),
    };
    const { reads, writes, stats } = await benchmarkCache(cache, operations);
    expect(stats).toEqual({ gets: operations, sets: operations, size: operations });
    expect([reads.name, writes.name]).toEqual(['cache-reads', 'cache-writes']);
    for (const result of [reads, writes]) {
      expect(result.iterations).toBe(operations);
      expect(result.avgDuration).toBeGreaterThan(0);
      expect(result.throughput).toBeCloseTo(1000 / result.avgDuration, 3);
    }
  });
});

describe('calibration', () => {
  test('a call of about a nanosecond is not measured away, cold or warm', async () => {
    let x = 0;
    const count = () => x++;
    for (let i = 0; i < 3; i += 1) {
      const result = new Benchmark().runSync({ name: 'count', iterations: 200 }, count);
      expect(result.medianDuration).toBeGreaterThan(1e-7);
      expect(result.calibrationError).toBe(1e-6);
    }
    const waited = await new Benchmark().run({ name: 'waited', iterations: 50 }, async () => x++);
    expect(waited.medianDuration).toBeGreaterThan(1e-7);
    expect(waited.calibrationError).toBe(2e-5);
  });

  test('a clock that stood still before the package was loaded ends a benchmark all the same', () => {
    const script = `
      performance.now = () => 5;
      const { Benchmark } = await import('@aah/ai-evals/performance');
      const config = { name: 'frozen', iterations: 20 };
      const results = [new Benchmark().runSync(config, () => 1), await new Benchmark().run(config, async () => 1)];
      console.log(JSON.stringify(results.map((r) => [r.callsPerSample, Number.isFinite(r.avgDuration)])));`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
    expect(JSON.parse(printed.toString())).toEqual([
      [1, true],
      [1, true],
    ]);
  });

  test('a result without a description says so', () => {
    const result = new Benchmark().runSync({ name: 'plain', iterations: 2 }, () => busy(0.02));
    expect(Object.hasOwn(result, 'description')).toBe(true);
    expect(result.description).toBeUndefined();
  });
});

test('a cache of embeddings can be measured', async () => {
  const { reads, writes } = await benchmarkCache(new EmbeddingCache(), 50);
  expect([reads.iterations, writes.iterations]).toEqual([50, 50]);
  expect((await benchmarkCache(new EmbeddingCache(), null as never)).reads.iterations).toBe(10_000);
});
