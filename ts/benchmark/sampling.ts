/** The course of a benchmark: warm up, find out how many calls make a sample, take samples. */
import { native } from '../native.js';
import { referenceTiming } from '../reference_timing.js';
import { callsPerSample, type Measured, readClock, sampleAsync, sampleSync } from './stopwatch.js';

/** A checked {@link BenchmarkConfig}. */
export interface Plan {
  iterations: number;
  warmupIterations: number;
  /** ms; may be infinite. */
  timeBudget: number;
  /** Given, or found by calibration. */
  callsPerSample: number | undefined;
}

/**
 * Duration of all samples of a batched function, ms, if they are taken in one go. A disturbance of the machine or the engine
 * lasts for some ms, and must not last for a whole run. Samples are made of as many batches as that takes.
 */
const LONG_ENOUGH = 50;
/** About what a batch takes, ms, and how many a sample has at most. */
const BATCH = 0.05;
const MOST_BATCHES = 100;
/** Longest warm-up of a batched function beyond the calls asked for, ms. */
const LONGEST_WARMUP = 300;
/** A round of warm-up of a batched function: what compiles it is not done sooner. */
const BATCHES_PER_ROUND = 50;
/** The first rounds only find out how many calls make a batch. */
const SIZING_ROUNDS = 2;
const SIZING_BATCHES = 5;

/** Asks for a batch of so many calls; is answered with milliseconds per call. */
type Course<T> = Generator<number, T, number>;

function median(values: number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[ordered.length >> 1] as number;
}

/** Results of a warm-up: how many calls make a batch, and the first sample if it counts already. */
interface Warm {
  calls: number;
  /** True when calls are batched because they are fast. */
  batched: boolean;
  first: number | undefined;
}

/** A round of batches: the median of what a call takes, and of what passes meanwhile, overhead included; ms. */
function* batchesOf(calls: number, batches: number): Course<{ taken: number; elapsed: number }> {
  const taken: number[] = [];
  const elapsed: number[] = [];
  for (let i = 0; i < batches; i += 1) {
    const start = readClock();
    taken.push(yield calls);
    elapsed.push((readClock() - start) / calls);
  }
  return { taken: median(taken), elapsed: median(elapsed) };
}

/**
 * Calls exactly as often as asked for anything that takes long enough to be timed alone. What is faster is called as often
 * as it takes to size a batch and, if there is to be a warm-up, until rounds of samples agree.
 */
export function* warmUp(plan: Plan): Course<Warm> {
  const singles: number[] = [];
  for (let i = 0; i < plan.warmupIterations; i += 1) singles.push(yield 1);
  if (plan.callsPerSample !== undefined) return { calls: plan.callsPerSample, batched: false, first: undefined };
  // The last calls are the warm ones. Without a warm-up the first call is a sample, if it is one that can be.
  const last = singles.length > 0 ? median(singles.slice(-SIZING_BATCHES)) : yield 1;
  let calls = callsPerSample(last);
  if (calls === 1) return { calls, batched: false, first: singles.length > 0 ? undefined : last };
  for (let i = 0; i < SIZING_ROUNDS; i += 1) calls = callsPerSample((yield* batchesOf(calls, SIZING_BATCHES)).elapsed);
  const start = readClock();
  const rounds: number[] = [];
  while (plan.warmupIterations > 0 && readClock() - start < LONGEST_WARMUP) {
    const { taken, elapsed } = yield* batchesOf(calls, BATCHES_PER_ROUND);
    calls = callsPerSample(elapsed);
    rounds.push(taken);
    if (native.benchmarkIsSettled(Float64Array.from(rounds))) break;
  }
  return { calls, batched: true, first: undefined };
}

/** Number of batches in a sample, if the samples are to take long enough. */
export function batchesPerSample(plan: Plan, { batched }: Warm): number {
  if (!batched) return 1;
  const each = Math.min(LONG_ENOUGH, plan.timeBudget) / plan.iterations;
  return Math.min(Math.max(1, Math.round(each / BATCH)), MOST_BATCHES);
}

/** Milliseconds between two readings of the reference timing, which take about 2 % of that. */
const READING_GAP = 1;

/** Measurements, in the order they were made. */
export class Samples {
  /** Durations of batches, ms per call. */
  readonly batches: number[] = [];
  /** The reference timing, ms, as it was read last when each of them ended. */
  readonly references: number[] = [];
  #reading = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  /** Adds a batch, and now and then a reading between this one and the next, where it costs nobody anything. */
  add(batch: number): void {
    if (readClock() - this.#readAt >= READING_GAP) {
      this.#reading = referenceTiming();
      this.#readAt = readClock();
    }
    this.batches.push(batch);
    this.references.push(this.#reading);
  }
}

/** Takes samples of `perSample` batches: `iterations` of them, or what fits the time budget, at least one. */
export function* takeSamples(plan: Plan, { calls, first }: Warm, perSample: number, samples: Samples): Course<Samples> {
  const before = samples.batches.length;
  const taken = (): number => samples.batches.length - before;
  if (first !== undefined) samples.add(first);
  // A first sample that warming up took has used some of the budget.
  const start = readClock() - (first ?? 0);
  const all = plan.iterations * perSample;
  while (taken() < all && (taken() === 0 || readClock() - start < plan.timeBudget)) {
    for (let i = 0; i < perSample; i += 1) samples.add(yield calls);
  }
  return samples;
}

/** Runs a course on a synchronous function. */
export function followSync<T>(fn: Measured, course: Course<T>): T {
  let step = course.next();
  while (!step.done) step = course.next(sampleSync(fn, step.value));
  return step.value;
}

/** Runs a course on a function that may return promises. */
export async function followAsync<T>(fn: Measured, course: Course<T>): Promise<T> {
  let step = course.next();
  while (!step.done) step = course.next(await sampleAsync(fn, step.value));
  return step.value;
}

/**
 * Calls `fn` `count` times with exactly `concurrency` calls in flight (as long as so many are left), each timed alone.
 * Stops at the first failure, or when the time budget is used up. Returns the durations as they ended.
 */
export async function runAtOnce(
  fn: Measured,
  count: number,
  concurrency: number,
  timeBudget: number,
): Promise<Samples> {
  const samples = new Samples();
  const start = readClock();
  let begun = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (begun < count && !failed && (begun === 0 || readClock() - start < timeBudget)) {
      begun += 1;
      const called = readClock();
      try {
        await fn();
      } catch (error) {
        failed = true;
        throw error;
      }
      samples.add(readClock() - called);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  return samples;
}
