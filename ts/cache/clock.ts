/**
 * The clock of caches in memory: `performance.now()`, looked up at each reading, so that fake timers (Vitest, Jest) count.
 *
 * A reading takes longer than a look into a `Map`. Most hits need none: a deadline that is more than a minute later than a
 * reading of the last second has not passed. Only a program that blocks its event loop for a minute could tell.
 */
import { performance as nodePerformance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';

/** A reading may be this much (ms) below the sum of two others that it equals in exact arithmetic; as in the engine. */
const ROUNDING = 1e-6;
/** Milliseconds for which a reading is used again, and what it may lag behind. */
const REUSED = 1000;
const MARGIN = 60_000;

/** The clock where no fake timers have replaced it. */
const genuine: unknown = Object.getPrototypeOf(nodePerformance).now ?? nodePerformance.now;
const setTimer = setTimeout;

/** Deadlines later than this have not passed; infinite when there was no reading lately. */
let surelyAhead = Number.POSITIVE_INFINITY;

function forget(): void {
  surelyAhead = Number.POSITIVE_INFINITY;
}

/** Returns the time in milliseconds. */
export function now(): number {
  return performance.now();
}

/** Readings that {@link roughly} gives again. */
const MOST_REPEATED = 16;

let reading = 0;
let repeated = MOST_REPEATED;
let isTimed = false;

function forgetReading(): void {
  repeated = MOST_REPEATED;
  isTimed = false;
}

/**
 * Returns the time, or a reading of at most 1 ms ago that was given at most 15 times since; within one synchronous run it may
 * be older, never newer. For deadlines: an entry set then expires that much early, never late.
 */
export function roughly(): number {
  if (repeated < MOST_REPEATED && performance.now === genuine) {
    repeated += 1;
    return reading;
  }
  const at = performance.now();
  if (performance.now !== genuine) return at;
  // A single `set` now and then starts no timer.
  if (at - reading < 1) {
    repeated = 0;
    if (!isTimed) {
      isTimed = true;
      setTimer(forgetReading, 1).unref();
    }
  }
  reading = at;
  return at;
}

/** Returns true if the time `deadline` has come. */
export function hasPassed(deadline: number): boolean {
  const isGenuine = performance.now === genuine;
  if (deadline > surelyAhead && isGenuine) return false;
  const at = performance.now();
  if (isGenuine && surelyAhead === Number.POSITIVE_INFINITY) {
    surelyAhead = at + MARGIN;
    setTimer(forget, REUSED).unref();
  }
  return at + ROUNDING >= deadline;
}
