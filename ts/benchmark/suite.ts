/** Benchmarks that run one after the other, and the benchmark of a cache. */
import { callable, positiveInteger, string, wrongType } from '../arguments.js';
import { Benchmark, resultOf } from './benchmark.js';
import type { BenchmarkConfig, BenchmarkResult, BenchmarkSuiteResult, MeasuredBenchmark } from './result.js';
import { Samples } from './sampling.js';
import { readClock } from './stopwatch.js';
import { formatResults, type TableStyle } from './tables.js';

/** A list of benchmarks under one name. */
export class BenchmarkSuite {
  readonly #name: string;
  readonly #benchmark = new Benchmark();
  #entries: { config: BenchmarkConfig; fn: () => unknown }[] = [];
  #results: MeasuredBenchmark[] = [];

  constructor(name = 'Benchmark suite') {
    this.#name = string('name', name);
  }

  /** Adds a benchmark to the end. */
  add<T>(config: BenchmarkConfig, fn: () => PromiseLike<T> | T): this {
    if (typeof config !== 'object' || config === null) wrongType('config', 'a benchmark config', config);
    this.#entries.push({ config, fn: callable('fn', fn) });
    return this;
  }

  /** Runs every benchmark in the order added, one at a time. Rejects with the first that fails. */
  async run(): Promise<BenchmarkSuiteResult> {
    const timestamp = new Date();
    const benchmarks: MeasuredBenchmark[] = [];
    this.#results = benchmarks;
    for (const { config, fn } of [...this.#entries]) benchmarks.push(await this.#benchmark.run(config, fn));
    const byAverage = [...benchmarks].sort((a, b) => a.avgDuration - b.avgDuration);
    const sum = (of: (result: BenchmarkResult) => number): number => benchmarks.reduce((total, r) => total + of(r), 0);
    return {
      name: this.#name,
      timestamp,
      benchmarks: [...benchmarks],
      summary: {
        totalBenchmarks: benchmarks.length,
        totalDuration: sum((r) => r.totalDuration),
        fastestBenchmark: byAverage[0]?.name ?? 'N/A',
        slowestBenchmark: byAverage.at(-1)?.name ?? 'N/A',
        avgThroughput: benchmarks.length === 0 ? 0 : sum((r) => r.throughput) / benchmarks.length,
      },
    };
  }

  /** Results of the last run, in order. */
  getResults(): MeasuredBenchmark[] {
    return [...this.#results];
  }

  /** Forgets benchmarks and results. */
  clear(): void {
    this.#entries = [];
    this.#results = [];
    this.#benchmark.clear();
  }

  /** A suite's results as text: a boxed table, or Markdown or JSON. */
  static formatSummary(result: BenchmarkSuiteResult, style: TableStyle = 'table'): string {
    if (style === 'json') return JSON.stringify(result, null, 2);
    return formatResults(result.name, result.benchmarks, style, result.summary);
  }

  /** Writes {@link formatSummary} to stdout. */
  static printSummary(result: BenchmarkSuiteResult, style: TableStyle = 'table'): void {
    console.log(BenchmarkSuite.formatSummary(result, style));
  }
}

/** A cache that can be measured: `get` and `set` may return promises. */
export interface MeasurableCache<S> {
  // biome-ignore lint/suspicious/noExplicitAny: caches of any value type are measured with a value of our own.
  get(key: string): any;
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  set(key: string, value: any): any;
  getStats(): S;
}

/** Blocks that operations are timed in. */
const BLOCKS = 100;

/**
 * Measures a cache with exactly `operations` writes of distinct keys, then exactly as many reads of these keys in the same
 * order (of a cache smaller than `operations` the reads miss). Operations are timed in up to 100 blocks, so the figures of
 * one operation are means over a block.
 * @returns results named `cache-reads` and `cache-writes`, per operation, and the cache's own counters afterwards
 */
export async function benchmarkCache<S>(
  cache: MeasurableCache<S>,
  operations = 10_000,
): Promise<{ reads: MeasuredBenchmark; writes: MeasuredBenchmark; stats: S }> {
  if (typeof cache !== 'object' || cache === null) wrongType('cache', 'a cache', cache);
  const count = positiveInteger('operations', operations ?? 10_000);
  const keys = Array.from({ length: count }, (_, i) => `benchmark-key-${i}`);
  // Vectors of numbers: what a cache of any kind, also one of embeddings, takes.
  const writes = await timeOperations('cache-writes', keys, (key, i) => cache.set(key, [i, i + 0.5, 1]));
  const reads = await timeOperations('cache-reads', keys, (key) => cache.get(key));
  return { reads, writes, stats: cache.getStats() };
}

async function timeOperations(
  name: string,
  keys: string[],
  operation: (key: string, index: number) => unknown,
): Promise<MeasuredBenchmark> {
  const before = process.memoryUsage().heapUsed;
  const size = Math.ceil(keys.length / BLOCKS);
  const samples = new Samples();
  let elapsed = 0;
  let index = 0;
  for (let at = 0; at < keys.length; at += size) {
    const block = keys.slice(at, at + size);
    const start = readClock();
    for (const key of block) {
      const returned = operation(key, index);
      index += 1;
      if (returned instanceof Promise) await returned;
    }
    const duration = readClock() - start;
    elapsed += duration;
    samples.add(duration / block.length);
  }
  const result = resultOf({ name }, samples, { before, callsPerBatch: size });
  return {
    ...result,
    iterations: keys.length,
    totalDuration: elapsed,
    avgDuration: elapsed / keys.length,
    throughput: (keys.length / elapsed) * 1000,
  };
}
