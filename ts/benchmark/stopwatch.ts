/** Reading the clock around many calls of a function, with the cost of the clock and of the loop taken off. */
import { performance } from 'node:perf_hooks';
import { native } from '../native.js';

// Held from the start: a benchmark must not hang on a fake timer's clock.
const clock = performance.now.bind(performance);

/** The clock samples are taken with, ms. */
export function readClock(): number {
  return clock();
}

/** A function to measure. */
export type Measured = () => unknown;

/** The last value a function returned: a store that can be seen, so that no call can be optimised away. */
export const kept: { value: unknown } = { value: undefined };

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function timeSync(fn: Measured, calls: number): number {
  const start = clock();
  for (let i = 0; i < calls; i += 1) kept.value = fn();
  return clock() - start;
}

/** Milliseconds of `calls` calls, of which `awaited` returned a promise. */
async function timeAsync(fn: Measured, calls: number): Promise<{ elapsed: number; awaited: number }> {
  let awaited = 0;
  const start = clock();
  for (let i = 0; i < calls; i += 1) {
    const returned = fn();
    if (isThenable(returned)) {
      awaited += 1;
      kept.value = await returned;
    } else {
      kept.value = returned;
    }
  }
  return { elapsed: clock() - start, awaited };
}

/** The loop of {@link timeSync} without the call. */
function timeTurns(turns: number): number {
  const start = clock();
  for (let i = 0; i < turns; i += 1) kept.value = i;
  return clock() - start;
}

/** The loop of {@link timeAsync} without the call. */
async function timeAwaiting(settled: Promise<void>, turns: number): Promise<number> {
  let awaited = 0;
  const start = clock();
  for (let i = 0; i < turns; i += 1) {
    const returned: unknown = settled;
    if (isThenable(returned)) {
      awaited += 1;
      kept.value = await returned;
    }
  }
  const elapsed = clock() - start;
  kept.value = awaited;
  return elapsed;
}

/** Cost of measuring itself, ms. */
interface Overhead {
  /** Smallest step of the clock seen. */
  resolution: number;
  /** Between two readings in a row. */
  reading: number;
  /** One turn of the loop. */
  turn: number;
}

/** Long enough for the loop to be as optimised as around a batch of calls; the first pass only warms it up. */
const TURNS = 1_000_000;
const TRIES = 6;
const WAITING_TURNS = 4000;
const WAITING_TRIES = 60;
/** Readings after which a clock that has not moved counts as standing still (a faked one). */
const MOST_READINGS = 1_000_000;

/** The step to the next reading that differs; 0 when the clock stands still. */
function smallestStep(): number {
  const start = clock();
  let next = start;
  for (let i = 0; i < MOST_READINGS && next === start; i += 1) next = clock();
  return Math.max(0, next - start);
}

/**
 * Functions that the loops run on before anything is measured. A loop that has seen one function only is compiled with that function
 * inlined, until it meets another one; one that has seen several makes a real call of each. So all are measured alike,
 * whichever comes first.
 */
const SEVERAL: Measured[] = [() => 1, () => 'text', () => kept, (): object => [], () => undefined];
const SEVERAL_CALLS = 20_000;

let overhead: Overhead | undefined;
function calibrate(): Overhead {
  if (overhead !== undefined) return overhead;
  const measured = { resolution: smallestStep(), reading: Number.POSITIVE_INFINITY, turn: Number.POSITIVE_INFINITY };
  for (let i = 0; i < 2000 && measured.resolution > 0; i += 1) {
    measured.resolution = Math.min(measured.resolution, smallestStep());
    const start = clock();
    measured.reading = Math.min(measured.reading, clock() - start);
  }
  if (measured.resolution === 0) measured.reading = 0;
  for (const fn of SEVERAL) timeSync(fn, SEVERAL_CALLS);
  timeTurns(TURNS);
  for (let i = 0; i < TRIES; i += 1) {
    measured.turn = Math.min(measured.turn, Math.max(0, timeTurns(TURNS) - measured.reading) / TURNS);
  }
  overhead = measured;
  return measured;
}

let awaiting: Promise<number> | undefined;
/** Awaiting a settled promise, ms. */
function calibrateAwaiting(): Promise<number> {
  awaiting ??= (async () => {
    const { reading } = calibrate();
    const settled = Promise.resolve();
    for (const fn of SEVERAL) {
      await timeAsync(fn, SEVERAL_CALLS);
      await timeAsync(() => settled, WAITING_TURNS);
      await timeAsync(async () => fn(), WAITING_TURNS);
    }
    let best = Number.POSITIVE_INFINITY;
    // Many tries: the loop must be as optimised as it will be when a function is measured.
    for (let i = 0; i < WAITING_TRIES; i += 1) {
      best = Math.min(best, Math.max(0, (await timeAwaiting(settled, WAITING_TURNS)) - reading) / WAITING_TURNS);
    }
    return best;
  })();
  return awaiting;
}

/** A call never takes less than this, ms (0.05 ns): what the loop costs is itself only known within noise. */
const SMALLEST = 5e-8;

/** `raw` less the overhead, ms, of which at most three quarters are taken off: most of what was measured stays. */
function without(overheads: number, raw: number): number {
  return Math.max(raw - overheads, raw / 4, SMALLEST);
}

/** Functions that returned promises. */
const promising = new WeakSet<Measured>();

/** By how much, ms per call, what calibration takes off may be wrong: 1 ns, or 20 ns where promises were awaited. */
export function calibrationError(fn: Measured): number {
  return promising.has(fn) ? 2e-5 : 1e-6;
}

/** Milliseconds of one call of a synchronous function, from `calls` calls in a row. */
export function sampleSync(fn: Measured, calls: number): number {
  const { reading, turn } = calibrate();
  return without(turn, (timeSync(fn, calls) - reading) / calls);
}

/** Milliseconds of one call, from `calls` calls in a row; promises are awaited, and what that costs is taken off. */
export async function sampleAsync(fn: Measured, calls: number): Promise<number> {
  const { reading, turn } = calibrate();
  const waiting = await calibrateAwaiting();
  const { elapsed, awaited } = await timeAsync(fn, calls);
  if (awaited > 0) promising.add(fn);
  return without((awaited * waiting) / calls + turn, (elapsed - reading) / calls);
}

/** Number of calls that a sample should cover when one takes `call` ms. */
export function callsPerSample(call: number): number {
  const { resolution, reading } = calibrate();
  // A clock that stands still would ask for the largest batches, and never say that they are enough.
  if (resolution === 0) return 1;
  return native.benchmarkCallsPerSample(call, resolution, reading);
}
