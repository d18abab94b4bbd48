/** Readings of the reference timing for monitors, off the path of their callers: by an unreferenced timer. */
import { setTimeout } from 'node:timers';
import { referenceTiming } from '../reference_timing.js';

/** Milliseconds between two readings. */
const GAP = 100;
/** Turns without a call after which a monitor is left alone: the timer must not wake an idle process for ever, nor outlive a test. */
const IDLE_TURNS = 100;

/** The calls of a monitor. */
export interface SampledCalls {
  /** True when calls have ended since the last reading. */
  readonly isReadingDue: boolean;
  /** Takes in a reading, ms, for these calls; 0 when it is not known. */
  readReference(reading: number): void;
}

/** Monitors with their turns since the last call. */
const watched = new Map<SampledCalls, number>();
let isWaiting = false;

/** Reads the reference timing for `calls` every 100 ms in which some ended, if the event loop turns, until ten idle seconds. */
export function watch(calls: SampledCalls): void {
  watched.set(calls, 0);
  if (!isWaiting) wait();
}

function wait(): void {
  isWaiting = true;
  setTimeout(turn, GAP).unref();
}

function turn(): void {
  let reading: number | undefined;
  for (const [calls, idleTurns] of watched) {
    if (calls.isReadingDue) {
      reading ??= referenceTiming();
      watched.set(calls, 0);
      calls.readReference(reading);
    } else if (idleTurns < IDLE_TURNS) {
      watched.set(calls, idleTurns + 1);
    } else {
      watched.delete(calls);
    }
  }
  isWaiting = false;
  if (watched.size > 0) wait();
}
