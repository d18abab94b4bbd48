import * as check from '../arguments.js';
import { native } from '../native.js';
import type { CacheOptions, CacheStats, Savings, SetOptions } from './options.js';
import { calls, now, Slots } from './slots.js';
import { textSize } from './value_size.js';

const DEFAULTS = { maxSize: 100, ttl: 3_600_000 };

/**
 * A cache by string key with exact least-recently-used eviction. Values stay what they are: a hit returns the very value
 * that was set. Every operation is O(1) but for `keys` and `removeExpired`.
 *
 * Defaults: 100 entries, 1 hour.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class LRUCache<T = any> {
  readonly #slots: Slots<T, string>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<T, string>) {
    this.#slots = new Slots<T, string>(options, DEFAULTS, textSize);
  }

  /** The value, or `undefined` when there is none or it has expired. */
  get(key: string): T | undefined {
    const text = check.string('key', key);
    const slots = this.#slots;
    const start = slots.timed();
    const slot = slots.found(calls.get(slots.id, 0, now(), text));
    const value = slot < 0 ? undefined : slots.values[slot];
    if (start !== 0) slots.timedSince(start);
    return value;
  }

  /** Stores `value`, in place of what was there. */
  set(key: string, value: T, options?: SetOptions): void {
    const text = check.string('key', key);
    const slots = this.#slots;
    slots.set(value, text, options, (bytes, ttl, at) => calls.set(slots.id, 0, at, text, bytes, ttl));
  }

  /** Whether there is a live entry. No hit, no miss, and no use. */
  has(key: string): boolean {
    return calls.peek(this.#slots.id, 0, now(), check.string('key', key)) >= 0;
  }

  /** Removes an entry: was it there? */
  delete(key: string): boolean {
    return this.#slots.removed(native.cacheRemove(this.#slots.id, 0, check.string('key', key), now()));
  }

  /** The keys of the live entries, the least recently used first. O(n). */
  keys(): string[] {
    return Array.from(this.#slots.liveSlots(), (slot) => this.#slots.keys[slot] as string);
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
