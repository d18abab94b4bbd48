/** The course of a benchmark: warm up, find out how many calls make a sample, take samples. */
import { native } from '../native.js';
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

/** Longest warm-up of a batched function beyond the calls asked for, ms. */
const LONGEST_WARMUP = 300;
const SAMPLES_PER_ROUND = 5;

/** Asks for a sample of so many calls; is answered with milliseconds per call. */
type Course<T> = Generator<number, T, number>;

function median(values: number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[ordered.length >> 1] as number;
}

/** What warming up found: how many calls make a sample, and the first sample if it counts already. */
interface Warm {
  calls: number;
  first: number | undefined;
}

/**
 * Calls exactly as often as asked for anything that takes long enough to be timed alone. What is faster is called as often
 * as it takes to size a batch and, if there is to be a warm-up, until rounds of samples agree.
 */
export function* warmUp(plan: Plan): Course<Warm> {
  const singles: number[] = [];
  for (let i = 0; i < plan.warmupIterations; i += 1) singles.push(yield 1);
  if (plan.callsPerSample !== undefined) return { calls: plan.callsPerSample, first: undefined };
  // The last calls are the warm ones. Without a warm-up the first call is a sample, if it is one that can be.
  const last = singles.length > 0 ? median(singles.slice(-SAMPLES_PER_ROUND)) : yield 1;
  let calls = callsPerSample(last);
  if (calls === 1) return { calls, first: singles.length > 0 ? undefined : last };
  const start = readClock();
  const rounds: number[] = [];
  do {
    const round: number[] = [];
    for (let i = 0; i < SAMPLES_PER_ROUND; i += 1) round.push(yield calls);
    rounds.push(median(round));
    calls = callsPerSample(median(round));
    if (plan.warmupIterations === 0 && rounds.length > 1) break;
  } while (!native.benchmarkIsSettled(Float64Array.from(rounds)) && readClock() - start < LONGEST_WARMUP);
  return { calls, first: undefined };
}

/** Takes the samples: `iterations` of them, or what fits the time budget, at least one. */
export function* takeSamples(plan: Plan, { calls, first }: Warm): Course<number[]> {
  const samples = first === undefined ? [] : [first];
  // A first sample that warming up took has used some of the budget.
  const start = readClock() - (first ?? 0);
  while (samples.length < plan.iterations && (samples.length === 0 || readClock() - start < plan.timeBudget)) {
    samples.push(yield calls);
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
 * Stops at the first failure, or when the time budget is used up. Returns the duration of each call, ms, as they ended.
 */
export async function runAtOnce(
  fn: Measured,
  count: number,
  concurrency: number,
  timeBudget: number,
): Promise<number[]> {
  const samples: number[] = [];
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
      samples.push(readClock() - called);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
  return samples;
}
