import { types } from 'node:util';
import * as check from '../arguments.js';
import { BaseCache } from './base_cache.js';
import { QUERY } from './key/key_form.js';
import type { KeyedStore } from './keyed_store.js';
import type { CacheOptions, ComputeContext, ComputeOptions, LookupOptions, SetOptions } from './options.js';
import { type CachedQuery, matches, patternOf } from './query_text.js';
import { memoryStore } from './stores/memory_store.js';
import type { MemoryTier } from './stores/memory_tier.js';

const DEFAULTS = { maxSize: 200, ttl: 300_000 };

/**
 * Results of database reads by the query's name or text and the content of its parameters. Rows come back as they were
 * set: a `Date` is a `Date`.
 *
 * Defaults: 200 entries, 5 minutes.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class QueryCache<T = any> extends BaseCache {
  readonly #store: KeyedStore<T, CachedQuery, MemoryTier<T, CachedQuery>>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<T, CachedQuery>) {
    const store = memoryStore<T, CachedQuery>(options, DEFAULTS, QUERY);
    super(store);
    this.#store = store;
  }

  /**
   * The result, or `undefined` when there is none or it has expired.
   *
   * @throws TypeError when `query` is no string or a part of `params` has no content, naming its path.
   */
  get<R = T>(query: string, params?: unknown, options?: LookupOptions): R | undefined {
    return this.#store.get(query, params, options) as R | undefined;
  }

  /**
   * Stores `result`, in place of what was there.
   *
   * @throws TypeError as {@link get} does; then nothing is stored.
   */
  set(query: string, params: unknown, result: T, options?: SetOptions): void {
    this.#store.set(query, params, result, options);
  }

  /**
   * The result of a query; where there is none, what `fn` computes, which is then stored. Callers that ask at the same
   * time share one computation; when it fails, all of them get its error and nothing is stored.
   */
  getOrCompute<R extends T = T>(
    query: string,
    params: unknown,
    fn: (context: ComputeContext) => R | PromiseLike<R>,
    options?: ComputeOptions<R>,
  ): Promise<R> {
    return this.#store.getOrCompute(query, params, fn, options as ComputeOptions<T>) as Promise<R>;
  }

  /** Returns true if there is a live entry: no hit, no miss, and no use. */
  has(query: string, params?: unknown, options?: LookupOptions): boolean {
    return this.#store.has(query, params, options);
  }

  /** Returns the value of a live entry, or `undefined`: no hit, no miss, and no use. */
  peek(query: string, params?: unknown): T | undefined {
    return this.#store.peek(query, params, undefined);
  }

  /**
   * Returns the milliseconds that an entry has left; 0 without one, `Infinity` for one that never expires.
   */
  getRemainingTTL(query: string, params?: unknown): number {
    return this.#store.remainingTtl(query, params, undefined);
  }

  /** Iterates over queries and results of the live entries, the least recently used first. O(n). */
  *entries(): IterableIterator<[CachedQuery, T]> {
    yield* this.#store.entries();
  }

  /** Removes an entry. Returns whether it was there. */
  delete(query: string, params?: unknown): boolean {
    return this.#store.delete(query, params, undefined);
  }

  /**
   * Removes every entry whose query text or parameters match: how many. `pattern` is tried on the query text, on the
   * parameters as JSON, on both in one line (`QUERY:{"name":"value"}`), and on every name and value in the parameters on
   * its own. A string is the source of a regular expression. `g` and `y` are ignored, `lastIndex` is neither read nor
   * written. A matching result that is being computed is not stored. O(n) in the size of all texts.
   *
   * @throws TypeError when `pattern` is neither, SyntaxError when a string is no regular expression.
   */
  invalidate(pattern: RegExp | string): number {
    if (typeof pattern !== 'string' && !types.isRegExp(pattern)) {
      check.wrongType('pattern', 'a RegExp or a string', pattern);
    }
    const tested = patternOf(pattern);
    const { tier } = this.#store;
    this.#store.detachThose((key) => matches(key, tested));
    let removed = 0;
    for (const slot of tier.liveSlots()) {
      const key = tier.keys[slot];
      // A listener may have removed it meanwhile.
      if (key === undefined || !matches(key, tested)) continue;
      tier.deleteSlot(slot);
      removed += 1;
    }
    return removed;
  }
}
