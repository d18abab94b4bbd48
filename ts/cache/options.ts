/** Options and figures that all caches share. */

/** What one miss costs, for {@link Savings}. */
export interface MissCost {
  /** Tokens of the call a hit avoids. Default: 0. */
  tokens?: number | undefined;
  /** US dollars of the call a hit avoids. Default: 0. */
  usd?: number | undefined;
}

/** What hits have avoided since the cache was created or cleared. */
export interface Savings {
  /** Calls: the number of hits. */
  calls: number;
  tokens: number;
  /** US dollars. */
  usd: number;
}

/**
 * Why an entry left without being asked to: there were `maxSize` others (`'entries'`), there were `maxBytes` of others or
 * it is larger than that alone (`'bytes'`), or its time to live was over (`'expired'`).
 */
export type EvictionReason = 'entries' | 'bytes' | 'expired';

/** An entry that left, as `onEvict` is told. */
export interface Eviction<V, K> {
  /** What the cache knows of the key; `undefined` in a `ResponseCache`, which keeps no more than a digest. */
  key: K;
  value: V;
  reason: EvictionReason;
}

/** Options of every cache. */
// biome-ignore lint/suspicious/noExplicitAny: like the classes, which hold anything unless told otherwise
export interface CacheOptions<V = any, K = any> {
  /** Most entries held; a whole number of at least 1. */
  maxSize?: number | undefined;
  /** Milliseconds an entry lives from its last `set`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /**
   * Most bytes held, keys and values, as `memoryUsage` estimates them (without the fixed overhead per entry). Default:
   * no limit. An entry larger than that alone is not stored, and what was stored under its key is dropped.
   */
  maxBytes?: number | undefined;
  /**
   * Who leaves when the cache is full. `'lru'` (default): exactly the least recently used. `'tinylfu'`: whoever was asked
   * for least often of late; for repeated runs over more cases than fit, where LRU never hits. See `docs/caches.md`.
   */
  policy?: 'lru' | 'tinylfu' | undefined;
  /**
   * Told of every entry that is evicted or found expired (not of those deleted, replaced or cleared). May use the cache.
   * What it throws becomes a process warning.
   */
  onEvict?: ((eviction: Eviction<V, K>) => void) | undefined;
  /** What a miss costs, for `savings()`. */
  missCost?: MissCost | undefined;
}

/** Options of one `set`. */
export interface SetOptions {
  /** Milliseconds this entry lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /** What a miss of this entry costs, instead of the cache's `missCost`. */
  missCost?: MissCost | undefined;
}

/** Figures of a cache since it was created or cleared. Reading them costs O(1). */
export interface CacheStats {
  hits: number;
  misses: number;
  /** Hits by `get`s, 0–1; 0 when there was no `get`. */
  hitRate: number;
  /** Live entries. */
  size: number;
  /** Live entries: the same as `size`. */
  entries: number;
  maxSize: number;
  /** Live entries given up for want of room. */
  evictions: number;
  /** Bytes held: keys, values, and what the cache itself takes. An estimate, within 25 %. */
  memoryUsage: number;
  /** Milliseconds a `get` takes, on average over a sample of one in sixteen. */
  avgAccessTime: number;
}
