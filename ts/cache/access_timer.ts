/** Measures how long `get`s take, by a sample of one in sixteen: reading the clock for each would cost more than many a `get`. */

/** Read through a name captured at load: a test that fakes `performance` still gets true access times. */
const realNow = performance.now.bind(performance);

/** Between two timed `get`s are 0 to 30 untimed ones: one in sixteen is timed, whatever the rhythm of the caller. */
const PAUSES = 31;

export class AccessTimer {
  /** `get`s before the next that is timed. */
  #untimed = 0;
  #random = 1;
  #timed = 0;
  #time = 0;

  /** When this `get` (or the first of `gets`) starts, if it is one to be timed; else 0. */
  start(gets = 1): number {
    this.#untimed -= gets;
    if (this.#untimed >= 0) return 0;
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) | 0;
    this.#untimed = (this.#random >>> 16) % PAUSES;
    return realNow();
  }

  /** Ends the timing of `gets` that started at `start`. */
  end(start: number, gets = 1): void {
    // The clock's resolution may be coarser than a `get`: never 0.
    this.#time += Math.max(realNow() - start, 1e-6);
    this.#timed += gets;
  }

  /** Milliseconds per `get`; 0 when none was timed. */
  get average(): number {
    return this.#timed === 0 ? 0 : this.#time / this.#timed;
  }

  clear(): void {
    this.#untimed = 0;
    this.#timed = 0;
    this.#time = 0;
  }
}
