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

/** Waits for a processor are looked for in calls of this many ms and more. */
const WAITS = 0.02;

/** Readings of the machine's pace. Each takes 10 µs, two to five times that where they are rare. */
export class MachinePace {
  /** The end of the last reading, and the processor time until then. */
  #since = clock();
  #processorTime = processorTime();
  /** The same of the wait for a processor, but from before that reading: a thread often loses its processor in one. */
  #delaySince = clock();
  #runDelay = native.runDelay();
  /** How long of the `duration` ms before the last reading this thread surely waited for a processor, ms. */
  delay = 0;

  /**
   * What the work takes, ms; 0 when this process has hardly computed since the last reading, or during the `duration` ms before
   * this one if that is less.
   */
  read(duration: number): number {
    const start = clock();
    this.delay = 0;
    const delayed = duration < WAITS ? 0 : this.#delayed(start, duration);
    const computed = processorTime() - this.#processorTime;
    const waited = computed + delayed < BUSY * Math.min(duration, start - this.#since);
    const reading = native.machinePace();
    this.#since = clock();
    this.#processorTime += computed + this.#since - start;
    return waited ? 0 : reading;
  }

  /** What this thread waited for a processor since this was last asked, and {@link delay} of a call that lasted `duration`. */
  #delayed(time: number, duration: number): number {
    const runDelay = native.runDelay();
    const delayed = runDelay - this.#runDelay;
    const beside = Math.max(0, time - this.#delaySince - duration);
    this.delay = Math.min(Math.max(0, delayed - beside), duration);
    this.#delaySince = time;
    this.#runDelay = runDelay;
    return delayed;
  }
}
