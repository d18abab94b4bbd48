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
  /** What calls do that do not say. Default: `'on'`. */
  mode?: CacheMode | undefined;
  /**
   * Whether a value is worth keeping. Where it says no, the value is not stored and what was stored stays. It is asked by
   * `set` and by `getOrCompute`. A promise is waited for: `getOrCompute` then gives the value when it is known, `set` stores
   * it later, unless its key is set, deleted or cleared before. Default: everything is. See {@link isCompleteAnswer}.
   */
  shouldCache?: ((value: V) => boolean | PromiseLike<boolean>) | undefined;
  /**
   * Milliseconds for which `getOrCompute` gives an expired value while it has a new one computed. It is kept that much
   * longer, unless room is needed. Default: 0.
   */
  staleWhileRevalidate?: number | undefined;
}

/** Options of the caches that can be held outside one thread's heap. */
// biome-ignore lint/suspicious/noExplicitAny: like the classes, which hold anything unless told otherwise
export interface TieredCacheOptions<V = any, K = any> extends CacheOptions<V, K> {
  /**
   * Name of one cache for all threads of the process. Values are held as bytes: a hit is a new copy, and what would not
   * come back exactly, such as a class instance, is refused by `set` with a `TypeError`; `getOrCompute` gives it to its
   * callers and does not store it. All who name it must give the same limits. No `onEvict`.
   */
  shared?: string | undefined;
  /**
   * Path of a file that holds the entries: for later processes, and for many at once. Values are held as with `shared`.
   * A file that fails is not written again until another cache is opened on it; this one goes on in memory, with one process
   * warning. A file of another program is refused with `ERR_STORAGE`.
   * Defaults are then 100,000 entries, 1 GiB and 14 days. No `onEvict`, no `policy`. See `docs/caches.md`.
   */
  persist?: string | undefined;
  /** With `shared` or `persist`: whose entries these are. Another namespace sees none of them. Default: `''`. */
  namespace?: string | undefined;
  /** Part of every key: after a change of prompts or code, another version never hits what the old one stored. */
  version?: string | number | undefined;
}

/**
 * - `'on'`: hits are answered, misses are computed and stored;
 * - `'replay'`: a miss is a {@link CacheMissError}: nothing is computed, nothing is spent;
 * - `'record'`: nothing is answered from the cache, everything is computed and stored anew, without waiting for other
 *   threads or processes: of several values the one whose computation began last is stored;
 * - `'off'`: nothing is answered from the cache and nothing is stored.
 */
export type CacheMode = 'on' | 'replay' | 'record' | 'off';

/** Options of one lookup. */
export interface LookupOptions {
  /** Instead of the cache's. */
  mode?: CacheMode | undefined;
}

/** Options of everything that names an entry of a `ResponseCache`. */
export interface RepeatOptions {
  /** Which of several samples of one input this is, from 0 (default): each is an entry of its own. */
  repeat?: number | undefined;
}

/** What `getOrCompute` hands to the function that computes a value. */
export interface ComputeContext {
  /** Aborted when every caller that waits for the value has given up. */
  signal: AbortSignal;
}

/** Options of one `getOrCompute`. */
// biome-ignore lint/suspicious/noExplicitAny: like the classes, which hold anything unless told otherwise
export interface ComputeOptions<V = any> extends SetOptions {
  /** Ends this caller's waiting, with the signal's reason; others that wait for the same value go on. */
  signal?: AbortSignal | undefined;
  /** Instead of the cache's. */
  shouldCache?: ((value: V) => boolean | PromiseLike<boolean>) | undefined;
  /** Instead of the cache's; longer than the cache's, it may find nothing any more. */
  staleWhileRevalidate?: number | undefined;
}

/** Options of one `set`. */
export interface SetOptions extends LookupOptions {
  /** Milliseconds this entry lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /** What a miss of this entry costs, instead of the cache's `missCost`. */
  missCost?: MissCost | undefined;
}

/** Figures of a cache since it was created or cleared. Reading them costs O(1); with `persist`, O(expired entries). */
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
  /** Bytes of memory held: keys, values, and what the cache itself takes. An estimate, within 25 %. */
  memoryUsage: number;
  /** With `persist`: bytes of the file, with its log. */
  diskUsage?: number;
  /** Milliseconds a `get` takes, on average over a sample of one in sixteen. */
  avgAccessTime: number;
}
