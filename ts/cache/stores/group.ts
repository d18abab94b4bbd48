/** Items that come one by one and are handed over together, each with an outcome of its own. */
export class Group<Item, Outcome> {
  readonly #handOver: (items: readonly Item[]) => readonly Outcome[];
  #items: Item[] = [];
  #waiting: { resolve: (outcome: Outcome) => void; reject: (error: unknown) => void }[] = [];

  /** `handOver` returns an outcome for each of the items, in order; its error is that of all. */
  constructor(handOver: (items: readonly Item[]) => readonly Outcome[]) {
    this.#handOver = handOver;
  }

  /** Number of items that are not handed over yet. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item. Resolves to its outcome. */
  add(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#items.push(item);
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Hands over what there is. */
  flush(): void {
    if (this.#items.length === 0) return;
    const [items, waiting] = [this.#items, this.#waiting];
    this.#items = [];
    this.#waiting = [];
    try {
      const outcomes = this.#handOver(items);
      for (const [nth, { resolve }] of waiting.entries()) resolve(outcomes[nth] as Outcome);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
