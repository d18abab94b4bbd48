/**
 * Gives the event loop a turn now and then, in loops that may never have to wait for anything. One clock for the whole
 * thread: a hundred streams that are read at a time do not each run on for as long as one may.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

/** Longest time, in milliseconds, that such loops run on. Within 5 ms that leaves room for a garbage collection. */
const LONGEST = 3;

/** Node's own, also where a test replaces the timers later. */
const afterInput = setImmediate;

let last = performance.now();
let coming: Promise<void> | undefined;

/**
 * Returns a promise to await before going on, when it is time; else nothing. `next` is how long the next step may take, in
 * milliseconds, where that is long.
 */
export function turnDue(next = 0): Promise<void> | undefined {
  if (performance.now() - last < LONGEST - next) return undefined;
  coming ??= new Promise((resolve) => {
    afterInput(() => {
      last = performance.now();
      coming = undefined;
      resolve();
    });
  });
  return coming;
}
