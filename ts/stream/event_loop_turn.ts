/** Gives the event loop a turn now and then, in loops that may never have to wait for anything. */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

/** Longest time, in milliseconds, that such a loop runs on. */
const LONGEST = 4;

export class EventLoopTurn {
  #last = performance.now();

  /** What to await before going on, when it is time; else nothing. */
  due(): Promise<void> | undefined {
    if (performance.now() - this.#last < LONGEST) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#last = performance.now();
        resolve();
      });
    });
  }
}
