import type { KeyedStore } from './keyed_store.js';
import type { CacheStats, Savings } from './options.js';

/** What all caches have in common. */
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

  /** Removes what has expired: how many. O(that number). */
  removeExpired(): number {
    return this.#store.tier.removeExpired();
  }

  /** Figures since the cache was created or cleared. O(1); with `persist`, O(expired entries). */
  getStats(): CacheStats {
    return this.#store.stats();
  }

  /** What hits have avoided, given `missCost`. */
  savings(): Savings {
    return this.#store.tier.savings();
  }
}
