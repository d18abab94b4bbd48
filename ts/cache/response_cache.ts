import { native } from '../native.js';
import { keyRead, keyText, writeKey } from './content_key.js';
import type { CacheOptions, CacheStats, Savings, SetOptions } from './options.js';
import { calls, now, Slots } from './slots.js';

const DEFAULTS = { maxSize: 500, ttl: 7_200_000 };
const INPUT = 'input';
const CONFIG = 'modelConfig';

/**
 * Model responses by the content of input and model configuration, whatever they are: two equal prompts with equal
 * configurations are one entry, in whatever order the members were written. See `docs/caches.md` for what is equal.
 *
 * Defaults: 500 entries, 2 hours.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class ResponseCache<T = any> {
  readonly #slots: Slots<T, undefined>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<T, undefined>) {
    this.#slots = new Slots<T, undefined>(options, DEFAULTS);
  }

  /**
   * The response, or `undefined` when there is none or it has expired.
   *
   * @throws TypeError naming the path of a part without content (a function, a symbol).
   */
  get(input: unknown, modelConfig?: unknown): T | undefined {
    const slots = this.#slots;
    const start = slots.timed();
    const structure = writeKey(INPUT, input, CONFIG, modelConfig);
    const answer = calls.get(slots.id, structure, now(), keyText());
    keyRead();
    const slot = slots.found(answer);
    const value = slot < 0 ? undefined : slots.values[slot];
    if (start !== 0) slots.timedSince(start);
    return value;
  }

  /** Stores `response`, in place of what was there. */
  set(input: unknown, modelConfig: unknown, response: T, options?: SetOptions): void {
    const slots = this.#slots;
    slots.set(response, undefined, options, (bytes, ttl, at) => {
      const structure = writeKey(INPUT, input, CONFIG, modelConfig);
      const answer = calls.set(slots.id, structure, at, keyText(), bytes, ttl);
      keyRead();
      return answer;
    });
  }

  /** Whether there is a live entry. No hit, no miss, and no use. */
  has(input: unknown, modelConfig?: unknown): boolean {
    const structure = writeKey(INPUT, input, CONFIG, modelConfig);
    const slot = calls.peek(this.#slots.id, structure, now(), keyText());
    keyRead();
    return slot >= 0;
  }

  /** Removes an entry: was it there? */
  delete(input: unknown, modelConfig?: unknown): boolean {
    const structure = writeKey(INPUT, input, CONFIG, modelConfig);
    const answer = native.cacheRemove(this.#slots.id, structure, keyText(), now());
    keyRead();
    return this.#slots.removed(answer);
  }

  /** Removes everything and zeroes the counters. */
  clear(): void {
    this.#slots.clear();
  }

  /** Removes what has expired: how many. O(that number). */
  removeExpired(): number {
    return this.#slots.removeExpired();
  }

  /** Figures since the cache was created or cleared. O(1). */
  getStats(): CacheStats {
    return this.#slots.stats();
  }

  /** What hits have avoided, given `missCost`. */
  savings(): Savings {
    return this.#slots.savings();
  }
}
