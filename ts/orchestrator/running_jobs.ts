/** The jobs that run, and those that wait for their turn: first come, first served. */

/** Lets at most a fixed number of jobs run at once. */
export class RunningJobs {
  readonly #most: number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves to `true` when a job may run, or to `false` when `signal` is aborted before. */
  async turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#running < this.#most) {
      this.#running += 1;
      return true;
    }
    return new Promise((resolve) => {
      const start = () => {
        signal.removeEventListener('abort', abandon);
        resolve(true);
      };
      const abandon = () => {
        this.#waiting.delete(start);
        resolve(false);
      };
      this.#waiting.add(start);
      signal.addEventListener('abort', abandon, { once: true });
    });
  }

  /** Gives the turn to the job that waits longest. */
  end(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#running -= 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}
