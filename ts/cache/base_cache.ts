import type { KeyedStore } from './keyed_store.js';
import type { CacheStats, Savings } from './options.js';

/** Methods that all caches have. */
export abstract class BaseCache {
  // biome-ignore lint/suspicious/noExplicitAny: nothing here depends on what is stored
  readonly #store: KeyedStore<any, any>;

  /** @internal */
  // biome-ignore lint/suspicious/noExplicitAny: nothing here depends on what is stored
  constructor(store: KeyedStore<any, any>) {
    this.#store = store;
  }

  /** Removes everything and zeroes the counters. What is being computed is not stored afterwards. */
  clear(): void {
    this.#store.clear();
  }

  /** Removes expired entries and returns their number. O(that number). */
  removeExpired(): number {
    return this.#store.tier.removeExpired();
  }

  /** Returns figures since the cache was created or cleared. O(1); with `persist`, O(expired entries). */
  getStats(): CacheStats {
    return this.#store.stats();
  }

  /** Returns the calls, tokens and dollars that hits have avoided, given `missCost`. */
  savings(): Savings {
    return this.#store.tier.savings();
  }
}
