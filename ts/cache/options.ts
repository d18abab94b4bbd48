/** Options and figures that all caches share. */
import * as check from '../arguments.js';

/** Cost of one miss, for {@link Savings}. */
export interface MissCost {
  /** Tokens of the call a hit avoids. Default: 0. */
  tokens?: number | undefined;
  /** US dollars of the call a hit avoids. Default: 0. */
  usd?: number | undefined;
}

/** Calls, tokens and dollars that hits have avoided since the cache was created or cleared. */
export interface Savings {
  /** Calls: the number of hits. */
  calls: number;
  tokens: number;
  /** US dollars. */
  usd: number;
}

/**
 * Reason for which an entry left:
 * - `'entries'`: there were `maxSize` others;
 * - `'bytes'`: there were `maxBytes` of others, or it is larger than that alone;
 * - `'expired'`: its time to live was over;
 * - `'replaced'`: `set` stored another value in its place;
 * - `'deleted'`: `delete` or `invalidate` removed it;
 * - `'cleared'`: `clear` removed it.
 */
export type EvictionReason = 'entries' | 'bytes' | 'expired' | 'replaced' | 'deleted' | 'cleared';

/** An entry that left, as `onEvict` is told. */
export interface Eviction<V, K> {
  /** The key as the cache keeps it; `undefined` in a `ResponseCache`, which keeps no more than a digest. */
  key: K;
  value: V;
  reason: EvictionReason;
}

/** Options of every cache. */
// biome-ignore lint/suspicious/noExplicitAny: like the classes, which hold anything unless told otherwise
export interface CacheOptions<V = any, K = any> {
  /** Most entries held: a whole number of at least 1, or `Infinity` where `maxBytes` is the limit. */
  maxSize?: number | undefined;
  /** Milliseconds an entry lives from its last `set`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /**
   * Most bytes held, keys and values, as `memoryUsage` estimates them (without the fixed overhead per entry). Default:
   * no limit. An entry larger than that alone is not stored, and what was stored under its key is dropped.
   */
  maxBytes?: number | undefined;
  /**
   * Choice of the entry to evict when the cache is full. `'lru'` (default): exactly the least recently used. `'tinylfu'`: the one asked
   * for least often of late; for repeated runs over more cases than fit, where LRU never hits. See `docs/caches.md`.
   */
  policy?: 'lru' | 'tinylfu' | undefined;
  /**
   * Called for every entry that leaves, with the reason. May use the cache. What it throws becomes a process warning. With
   * it, `clear` costs O(n).
   */
  onEvict?: ((eviction: Eviction<V, K>) => void) | undefined;
  /** Cost of a miss, for `savings()`. */
  missCost?: MissCost | undefined;
  /** Mode of calls that give none. Default: `'on'`. */
  mode?: CacheMode | undefined;
  /**
   * Returns the time to live of a value in milliseconds, such as one that its response states; `undefined` for the
   * cache's `ttl`. A `ttl` of the call goes first.
   */
  ttlOf?: ((value: V) => number | undefined) | undefined;
  /**
   * Decides whether a value is worth keeping; its second argument is what was asked for. Where it says no, the value is
   * not stored and the stored one stays. It is asked by `set` and by `getOrCompute`. A promise is waited for:
   * `getOrCompute` then gives the value when it is known, and `set` stores it later, unless its key is set, deleted or
   * cleared before. Default: everything is kept. See {@link isCompleteAnswer}.
   */
  shouldCache?: ShouldCache<V> | undefined;
  /**
   * Milliseconds for which `getOrCompute` gives an expired value while it has a new one computed; `Infinity` for as long
   * as there is room. The value is kept that much longer. Default: 0.
   */
  staleWhileRevalidate?: number | undefined;
  /**
   * Called when computing a new value for an expired one has failed in the background. Default: nothing happens, and the
   * next caller tries again. What it throws becomes a process warning.
   */
  onRefreshError?: ((error: unknown, request: CacheRequest) => void) | undefined;
}

/** The arguments that name an entry: `input` and `modelConfig`, `query` and `params`, `text` or `key`. */
export interface CacheRequest {
  input?: unknown;
  modelConfig?: unknown;
  query?: unknown;
  params?: unknown;
  text?: unknown;
  key?: unknown;
}

/** Decides whether a value is worth keeping. */
export type ShouldCache<V> = (value: V, request: CacheRequest) => boolean | PromiseLike<boolean>;

/** An entry that `dump` returned. */
export interface DumpedEntry<V> {
  value: V;
  /** Milliseconds since 1970 at which it expires; `undefined`: never. */
  expiresAt?: number | undefined;
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

/** Options of a `ResponseCache`. */
// biome-ignore lint/suspicious/noExplicitAny: like the classes, which hold anything unless told otherwise
export interface ResponseCacheOptions<V = any> extends TieredCacheOptions<V, undefined> {
  /**
   * Keep a note of each request, so that a later miss can be explained by the stored request that is nearest. Costs some 5
   * to 20 µs for each `set`, and up to 200 lines of text for each entry. Default: false.
   */
  explain?: boolean | undefined;
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
  /** Number of the sample among several of one input, from 0 (default). Each is an entry of its own. */
  repeat?: number | undefined;
}

/** Argument of the function that computes a value for `getOrCompute`. */
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
  shouldCache?: ShouldCache<V> | undefined;
  /** Instead of the cache's; longer than the cache's, it may find nothing any more. */
  staleWhileRevalidate?: number | undefined;
}

/** Options of one `set`. */
export interface SetOptions extends LookupOptions {
  /** Milliseconds this entry lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /** Cost of a miss of this entry, instead of the cache's `missCost`. */
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

const MODES: readonly unknown[] = ['on', 'replay', 'record', 'off'];

/** Checks the option `mode`. */
export function checkedMode(mode: unknown): CacheMode {
  const expected = "'on', 'replay', 'record' or 'off'";
  if (typeof mode !== 'string') check.wrongType('mode', expected, mode);
  return MODES.includes(mode) ? (mode as CacheMode) : check.outOfRange('mode', expected, mode);
}

/** Longest window for which an expired value is kept: 30,000 years, which the file's clock can still add. */
const LONGEST_WINDOW = 1e15;

/** Checks the option `staleWhileRevalidate`. */
export function checkedWindow(value: number): number {
  if (value === Number.POSITIVE_INFINITY) return LONGEST_WINDOW;
  return Math.min(check.nonNegativeNumber('staleWhileRevalidate', value), LONGEST_WINDOW);
}
