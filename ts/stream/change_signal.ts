/** Wakes whoever waits for something to change. One `notify` wakes all that wait at that moment. */
export class ChangeSignal {
  #waiting: (() => void)[] = [];

  /** Resolves at the next {@link notify}. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** O(1) when nobody waits. */
  notify(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
