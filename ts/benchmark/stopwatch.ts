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

/** What measuring itself costs, ms. */
interface Overhead {
  /** Smallest step of the clock seen. */
  resolution: number;
  /** Between two readings in a row. */
  reading: number;
  /** One turn of the loop. */
  turn: number;
}

const TRIES = 15;
const TURNS = 20_000;

function smallestStep(): number {
  const start = clock();
  let next = start;
  while (next === start) next = clock();
  return next - start;
}

let overhead: Overhead | undefined;
function calibrate(): Overhead {
  if (overhead !== undefined) return overhead;
  const measured = { resolution: smallestStep(), reading: Number.POSITIVE_INFINITY, turn: Number.POSITIVE_INFINITY };
  for (let i = 0; i < 2000; i += 1) {
    measured.resolution = Math.min(measured.resolution, smallestStep());
    const start = clock();
    measured.reading = Math.min(measured.reading, clock() - start);
  }
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
    let best = Number.POSITIVE_INFINITY;
    // Many tries: the loop must be as optimised as it will be when a function is measured.
    for (let i = 0; i < TRIES * 4; i += 1) {
      best = Math.min(best, Math.max(0, (await timeAwaiting(settled, TURNS / 5)) - reading) / (TURNS / 5));
    }
    return best;
  })();
  return awaiting;
}

/** A call never takes less than this, ms (0.05 ns): what the loop costs is itself only known within noise. */
const SMALLEST = 5e-8;

/** Milliseconds of one call of a synchronous function, from `calls` calls in a row. */
export function sampleSync(fn: Measured, calls: number): number {
  const { reading, turn } = calibrate();
  return Math.max((timeSync(fn, calls) - reading) / calls - turn, SMALLEST);
}

/** Milliseconds of one call, from `calls` calls in a row; promises are awaited, and what that costs is taken off. */
export async function sampleAsync(fn: Measured, calls: number): Promise<number> {
  const { reading, turn } = calibrate();
  const waiting = await calibrateAwaiting();
  const { elapsed, awaited } = await timeAsync(fn, calls);
  return Math.max((elapsed - reading - awaited * waiting) / calls - turn, SMALLEST);
}

/** How many calls a sample should cover when one takes `call` ms. */
export function callsPerSample(call: number): number {
  const { resolution, reading } = calibrate();
  return native.benchmarkCallsPerSample(call, resolution, reading);
}
