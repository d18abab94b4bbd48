/** Benchmarks one can believe: calibrated sampling, results with their uncertainty, comparisons on rounds. */
import { inspect } from 'node:util';
import {
  callable,
  nonNegativeInteger,
  options,
  positiveInteger,
  positiveNumber,
  string,
  wrongType,
} from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { guarded, native } from '../native.js';
import type { BenchmarkComparison, BenchmarkConfig, BenchmarkResult, MeasuredBenchmark } from './result.js';
import {
  batchesPerSample,
  followAsync,
  followSync,
  type Plan,
  runAtOnce,
  Samples,
  takeSamples,
  warmUp,
} from './sampling.js';
import { calibrationError, type Measured, readClock } from './stopwatch.js';
import { formatComparison, formatResults, type TableStyle } from './tables.js';

/** Figures and rounds that the engine sums samples up to. */
const FIGURES = 12;
const ROUNDS = 20;
const DEFAULT_CONCURRENCY = 10;

/** Checks `config` and fills in defaults. */
function planOf(config: BenchmarkConfig, iterations: number, warmupIterations: number): Plan {
  const given = options('config', config);
  string('config.name', given.name);
  return {
    iterations: positiveInteger('iterations', given.iterations ?? iterations),
    warmupIterations: nonNegativeInteger('warmupIterations', given.warmupIterations ?? warmupIterations),
    timeBudget: positiveNumber('timeBudget', given.timeBudget ?? Number.POSITIVE_INFINITY),
    callsPerSample: given.callsPerSample == null ? undefined : positiveInteger('callsPerSample', given.callsPerSample),
  };
}

function concurrencyOf({ parallel, concurrency }: BenchmarkConfig): number | undefined {
  const checked = concurrency == null ? undefined : positiveInteger('concurrency', concurrency);
  if (parallel ?? checked !== undefined) return checked ?? DEFAULT_CONCURRENCY;
  return undefined;
}

/** Bytes of heap in use, garbage that is not yet collected included. */
function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}

/**
 * The error to throw when `fn` of the benchmark `name` threw `error`: that very object, so that `instanceof` and `===` hold. The
 * name is in its `benchmark` property and in its stack. A frozen object stays as it is. Anything that is no object is the
 * `cause` of an error of ours.
 */
function failure(name: string, error: unknown): unknown {
  if ((typeof error !== 'object' && typeof error !== 'function') || error === null) {
    const message = `benchmark "${name}" failed: ${inspect(error)}`;
    return new AiEvalsError('ERR_BENCHMARK', message, { cause: error });
  }
  try {
    Object.defineProperty(error, 'benchmark', { value: name, configurable: true, writable: true });
    const line = `
    in benchmark "${name}"`;
    if ('stack' in error && typeof error.stack === 'string' && !error.stack.endsWith(line)) error.stack += line;
  } catch {
    // Frozen, or a proxy that refuses: it is thrown without the name.
  }
  return error;
}

/** Facts of a run besides its samples. */
interface Run {
  before: number;
  callsPerBatch: number;
  /** Batches in a sample. Default 1. */
  perSample?: number;
  /** ms per call. */
  calibrationError?: number;
  /** Time from the first call to the last, ms, where calls overlapped. */
  elapsed?: number;
}

/** Sums up samples. */
export function resultOf(config: BenchmarkConfig, { batches, references }: Samples, run: Run): MeasuredBenchmark {
  const perSample = run.perSample ?? 1;
  const iterations = batches.length / perSample;
  const out = new Float64Array(FIGURES + 2 * ROUNDS);
  const rounds = guarded(() =>
    native.benchmarkSummarize(Float64Array.from(batches), Float64Array.from(references), perSample, out),
  );
  const after = heapUsed();
  const figure = (index: number): number => out[index] as number;
  const totalDuration = run.elapsed ?? figure(0);
  return {
    name: config.name,
    description: config.description,
    iterations,
    totalDuration,
    avgDuration: figure(1),
    minDuration: figure(2),
    maxDuration: figure(3),
    medianDuration: figure(4),
    p95Duration: figure(5),
    p99Duration: figure(6),
    stdDeviation: figure(7),
    throughput: (iterations / totalDuration) * 1000,
    memoryUsage: { before: run.before, after, delta: after - run.before },
    callsPerSample: run.callsPerBatch * perSample,
    ...(run.calibrationError !== undefined && { calibrationError: run.calibrationError }),
    rme: figure(8),
    confidenceInterval: [figure(9), figure(10)],
    outliers: figure(11),
    rounds: Array.from(out.subarray(FIGURES, FIGURES + rounds)),
    referenceRounds: Array.from(out.subarray(FIGURES + rounds, FIGURES + 2 * rounds)),
  };
}

/** The baseline's share by which `after` is more, percent; ±100 from 0. */
function percentMore(before: number, after: number): number {
  if (before === 0) return Math.sign(after) * 100;
  return ((after - before) / Math.abs(before)) * 100;
}

function finite(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function checkResult(name: string, result: BenchmarkResult): BenchmarkResult {
  if (typeof result !== 'object' || result === null) wrongType(name, 'a benchmark result', result);
  const { avgDuration, rounds, referenceRounds } = result;
  if (!Number.isFinite(avgDuration) || avgDuration < 0) wrongType(`${name}.avgDuration`, 'a duration', avgDuration);
  for (const [member, value] of Object.entries({ rounds, referenceRounds })) {
    if (value && !Array.isArray(value)) wrongType(`${name}.${member}`, 'an array of durations', value);
  }
  return result;
}

/** Systematic error of an average, ms; 0 for results without rounds, of which nothing is known. */
function systematicError({ rounds, callsPerSample, calibrationError: stated }: BenchmarkResult): number {
  if (rounds === undefined) return 0;
  return finite(stated ?? (finite(callsPerSample) > 1 ? 1e-6 : 0));
}

/** Compares two results; see {@link Benchmark.compare}. */
function compareResults(
  baseline: BenchmarkResult,
  current: BenchmarkResult,
  paired: boolean,
): Required<BenchmarkComparison> {
  const isDuration = (round: number | undefined): boolean => Number.isFinite(round) && (round as number) >= 0;
  const side = (result: BenchmarkResult): object => {
    const { rounds, referenceRounds } = result;
    // A round that is no duration goes together with its reading.
    const usable = (rounds ?? []).flatMap((round, i) => (isDuration(round) ? [i] : []));
    const readings = usable.map((i) => referenceRounds?.[i]);
    const isRead = rounds?.length === referenceRounds?.length && readings.every(isDuration);
    return {
      average: result.avgDuration,
      deviation: finite(result.stdDeviation),
      iterations: finite(result.iterations),
      rounds: usable.map((i) => rounds?.[i]),
      reference: isRead ? readings : [],
      total: finite(result.totalDuration) * Math.max(1, finite(result.callsPerSample)),
      systematic: systematicError(result),
    };
  };
  const change = JSON.stringify({ baseline: side(baseline), current: side(current), paired });
  const { durationPercent, ...found } = JSON.parse(guarded(() => native.benchmarkCompare(change))) as Omit<
    Required<BenchmarkComparison>,
    'baseline' | 'current' | 'improvement'
  > & { durationPercent: number };
  return {
    baseline,
    current,
    improvement: {
      durationPercent,
      throughputPercent: percentMore(finite(baseline.throughput), finite(current.throughput)),
      memoryPercent: 0 - percentMore(finite(baseline.memoryUsage?.delta), finite(current.memoryUsage?.delta)),
    },
    ...found,
  };
}

/** Runs benchmarks, keeps their results and compares them. Prints nothing unless asked to. */
export class Benchmark {
  readonly #history = new Map<string, MeasuredBenchmark[]>();

  #remember(result: MeasuredBenchmark): MeasuredBenchmark {
    const results = this.#history.get(result.name);
    if (results === undefined) this.#history.set(result.name, [result]);
    else results.push(result);
    return result;
  }

  /**
   * Measures `fn`; promises it returns are awaited, and the cost of awaiting is taken off. A call of 50 µs or more is
   * made exactly `warmupIterations + iterations` times; faster ones are batched (`callsPerSample` in the result).
   * @throws RangeError when `iterations` is below 1 (as a rejection)
   * @throws the error that `fn` threw or rejected with, its `benchmark` property being the benchmark's name (as a rejection)
   */
  async run<T>(config: BenchmarkConfig, fn: () => PromiseLike<T> | T): Promise<MeasuredBenchmark> {
    const plan = planOf(config, 100, 10);
    const concurrency = concurrencyOf(config);
    callable('fn', fn);
    try {
      if (concurrency !== undefined) {
        await runAtOnce(fn, plan.warmupIterations, concurrency, Number.POSITIVE_INFINITY);
        const before = heapUsed();
        const start = readClock();
        const samples = await runAtOnce(fn, plan.iterations, concurrency, plan.timeBudget);
        const elapsed = readClock() - start;
        return this.#remember(resultOf(config, samples, { before, callsPerBatch: 1, elapsed }));
      }
      const warm = await followAsync(fn, warmUp(plan));
      const before = heapUsed();
      const perSample = batchesPerSample(plan, warm);
      const samples = await followAsync(fn, takeSamples(plan, warm, perSample, new Samples()));
      const run = { before, callsPerBatch: warm.calls, perSample, calibrationError: calibrationError(fn) };
      return this.#remember(resultOf(config, samples, run));
    } catch (error) {
      throw failure(config.name, error);
    }
  }

  /**
   * Measures a synchronous `fn`, call included; the loop's own cost is taken off.
   * @throws RangeError when `iterations` is below 1
   * @throws the error that `fn` threw, its `benchmark` property being the benchmark's name
   */
  runSync<T>(config: BenchmarkConfig, fn: () => T): MeasuredBenchmark {
    const plan = planOf(config, 1000, 100);
    callable('fn', fn);
    try {
      const warm = followSync(fn, warmUp(plan));
      const before = heapUsed();
      const perSample = batchesPerSample(plan, warm);
      const samples = followSync(fn, takeSamples(plan, warm, perSample, new Samples()));
      const run = { before, callsPerBatch: warm.calls, perSample, calibrationError: calibrationError(fn) };
      return this.#remember(resultOf(config, samples, run));
    } catch (error) {
      throw failure(config.name, error);
    }
  }

  /**
   * Compares two results, also ones read back from JSON. The verdict is `similar` unless the average changed by more than
   * 5 % *and* the medians of rounds support it, beyond what a slower or quicker machine explains (`machinePercent`); see
   * docs/measuring.md. Two runs one after the other differ by some percent for no reason of yours, so about 10 % is the least
   * this can tell, and more when the machine was not equally quick. For less, use {@link compareInterleaved}.
   */
  compare(baseline: BenchmarkResult, current: BenchmarkResult): Required<BenchmarkComparison> {
    return compareResults(checkResult('baseline', baseline), checkResult('current', current), false);
  }

  /**
   * Measures two functions in turns (A B B A …, 20 rounds) and compares round with round, so that a machine that becomes
   * slower or faster meanwhile does so for both. Both take as many samples as `baseline.iterations` (default 100).
   */
  async compareInterleaved<A, B>(
    baseline: BenchmarkConfig,
    baselineFn: () => PromiseLike<A> | A,
    current: BenchmarkConfig,
    currentFn: () => PromiseLike<B> | B,
  ): Promise<Required<BenchmarkComparison>> {
    const plan = planOf(baseline, 100, 10);
    const before = await this.#prepare(baseline, callable('baselineFn', baselineFn), plan);
    const after = await this.#prepare(current, callable('currentFn', currentFn), planOf(current, 100, 10));
    const rounds = Math.min(ROUNDS, plan.iterations);
    const start = readClock();
    for (let round = 0; round < rounds; round += 1) {
      if (round > 0 && readClock() - start > plan.timeBudget) break;
      const until = (n: number): number => Math.floor((n * plan.iterations) / rounds);
      const samples = until(round + 1) - until(round);
      const [first, second] = round % 2 === 0 ? [before, after] : [after, before];
      await first.take(samples);
      await second.take(samples);
    }
    const [a, b] = [this.#remember(before.result()), this.#remember(after.result())];
    return compareResults(a, b, true);
  }

  async #prepare(config: BenchmarkConfig, fn: Measured, plan: Plan) {
    const guard = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw failure(config.name, error);
      }
    };
    const warm = { ...(await guard(followAsync(fn, warmUp(plan)))), first: undefined };
    const before = heapUsed();
    const samples = new Samples();
    return {
      take: async (iterations: number): Promise<void> => {
        const round = { ...plan, iterations, timeBudget: Number.POSITIVE_INFINITY };
        await guard(followAsync(fn, takeSamples(round, warm, 1, samples)));
      },
      result: (): MeasuredBenchmark =>
        resultOf(config, samples, { before, callsPerBatch: warm.calls, calibrationError: calibrationError(fn) }),
    };
  }

  /** Every result of that name, oldest first. */
  getHistory(name: string): MeasuredBenchmark[] {
    return [...(this.#history.get(name) ?? [])];
  }

  /** Forgets every result. */
  clear(): void {
    this.#history.clear();
  }

  /** A result as text: a boxed table, or Markdown or JSON. */
  static format(result: BenchmarkResult, style: TableStyle = 'table'): string {
    return formatResults(result.name, [result], style);
  }

  /** A comparison as text: a boxed table, or Markdown or JSON. */
  static formatComparison(comparison: BenchmarkComparison, style: TableStyle = 'table'): string {
    return formatComparison(comparison, style);
  }

  /** Writes {@link format} to stdout. */
  static print(result: BenchmarkResult, style: TableStyle = 'table'): void {
    console.log(Benchmark.format(result, style));
  }

  /** Writes {@link formatComparison} to stdout. */
  static printComparison(comparison: BenchmarkComparison, style: TableStyle = 'table'): void {
    console.log(Benchmark.formatComparison(comparison, style));
  }
}
