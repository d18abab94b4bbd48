/** Repeated work that never keeps the process alive. */
import * as check from '../arguments.js';

/** The longest interval a timer can have; Node makes a longer one 1 ms. */
const LONGEST = 2 ** 31 - 1;

/** Calls `work` every `intervalMs`; what it throws becomes a process warning. */
export function every(intervalMs: number, work: () => void): NodeJS.Timeout {
  const interval = check.positiveNumber('intervalMs', intervalMs);
  if (interval > LONGEST) check.outOfRange('intervalMs', `at most ${LONGEST} ms (about 24 days)`, intervalMs);
  const timer = setInterval(() => {
    try {
      work();
    } catch (error) {
      process.emitWarning(`A cache could not be cleaned up; trying again later. ${error}`, { type: 'CleanupWarning' });
    }
  }, interval);
  // Fake timers may return a number.
  timer.unref?.();
  return timer;
}
