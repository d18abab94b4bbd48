/** How quick the machine is at the moment: what a fixed piece of work takes. What computes takes about as many times as long. */
import { native } from './native.js';

/** Who was on a processor for less than this share of the time has waited for others: the machine's pace says nothing of that. */
const BUSY = 0.1;

// Both held from the start: a faked clock is of no machine.
const clock = performance.now.bind(performance);
const cpuUsage = process.cpuUsage.bind(process);

/** What this process took of its processors so far, ms. Windows tells it in steps of 16 ms, which is no use. */
function processorTime(): number {
  if (process.platform === 'win32') return clock();
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** A thread that was on a processor, or waited for one, for this share of the time was never idle. */
const NEVER_IDLE = 0.9;

/** Readings of the machine's pace. Each takes about 10 µs, two to five times that where they are rare. */
export class MachinePace {
  /** The end of the last reading, and the processor time until then. */
  #since = clock();
  #processorTime = processorTime();
  /** The wait for a processor until before that reading, and when that was: a thread often loses its processor in one. */
  #delaySince = clock();
  #runDelay = native.runDelay();
  /**
   * How long of the `duration` ms before the last reading this thread surely waited for a processor, ms. 0 when it was idle
   * meanwhile: what waits for others is not longer by what its thread did or did not do besides.
   */
  delay = 0;

  /**
   * What the work takes, ms; 0 when this process has hardly computed since the last reading, or during the `duration` ms before
   * this one if that is less.
   */
  read(duration: number): number {
    const start = clock();
    const runDelay = native.runDelay();
    const computed = processorTime() - this.#processorTime;
    const now = clock();
    const delayed = runDelay - this.#runDelay;
    const elapsed = now - this.#since;
    const beside = Math.max(0, now - this.#delaySince - duration);
    const isIdle = computed + delayed < NEVER_IDLE * elapsed;
    this.delay = isIdle ? 0 : Math.min(Math.max(0, delayed - beside), duration);
    this.#delaySince = start;
    this.#runDelay = runDelay;
    const waited = computed + delayed < BUSY * Math.min(duration, elapsed);
    const reading = native.machinePace();
    this.#since = clock();
    this.#processorTime += computed + this.#since - now;
    return waited ? 0 : reading;
  }
}
