/** Figures of the calls of a job: how long they took, and how long they waited. */
import type { ExecutionMetrics } from '../executor/types.js';

/** Measures calls. Times are milliseconds of one clock. */
export class CallMeter {
  readonly #begun: number;
  #calls = 0;
  #busy = 0;
  #waiting = 0;
  #since = 0;
  #waited = 0;

  constructor(now: number) {
    this.#begun = now;
  }

  /** A call begins to wait for its start. */
  queued(now: number): void {
    if (this.#waiting === 0) this.#since = now;
    this.#waiting += 1;
  }

  /** A call waits no longer: it started, or was given up. */
  started(now: number): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#waited += now - this.#since;
  }

  /** A call ended after `duration`. */
  ended(duration: number): void {
    this.#calls += 1;
    this.#busy += duration;
  }

  /** Returns the figures of calls on so many slots. */
  metrics(now: number, slots: number): ExecutionMetrics {
    const totalExecutionTime = now - this.#begun;
    const usable = totalExecutionTime * Math.min(slots, Math.max(this.#calls, 1));
    const share = (of: number) => (of > 0 ? Math.min(1, this.#busy / of) : 0);
    return {
      totalExecutionTime,
      avgExecutionTime: this.#calls === 0 ? 0 : this.#busy / this.#calls,
      parallelEfficiency: share(usable),
      throttleTime: this.#waited,
      workerUtilization: share(totalExecutionTime * slots),
    };
  }
}
