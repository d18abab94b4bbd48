/**
 * Gives the event loop a turn now and then, in loops that may never have to wait for anything. One clock for the whole
 * thread: a hundred streams that are read at a time do not each run on for as long as one may.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

/** Longest time, in milliseconds, that such loops run on. */
const LONGEST = 4;

/** Node's own, also where a test replaces the timers later. */
const afterInput = setImmediate;

let last = performance.now();
let coming: Promise<void> | undefined;

/** Returns a promise to await before going on, when it is time; else nothing. */
export function turnDue(): Promise<void> | undefined {
  if (performance.now() - last < LONGEST) return undefined;
  coming ??= new Promise((resolve) => {
    afterInput(() => {
      last = performance.now();
      coming = undefined;
      resolve();
    });
  });
  return coming;
}
