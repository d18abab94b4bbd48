import { BaseCache } from './base_cache.js';
import { textForm } from './key/key_form.js';
import type { KeyedStore } from './keyed_store.js';
import type {
  CacheOptions,
  ComputeContext,
  ComputeOptions,
  DumpedEntry,
  LookupOptions,
  SetOptions,
} from './options.js';
import { memoryStore } from './stores/memory_store.js';
import type { MemoryTier } from './stores/memory_tier.js';

const DEFAULTS = { maxSize: 100, ttl: 3_600_000 };
const KEY = textForm('key');

/**
 * A cache by string key with exact least-recently-used eviction. Values stay what they are: a hit returns the very value
 * that was set. Every operation is O(1) but for `keys` and `removeExpired`.
 *
 * Defaults: 100 entries, 1 hour.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class LRUCache<T = any> extends BaseCache {
  readonly #store: KeyedStore<T, string, MemoryTier<T, string>>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<T, string>) {
    const store = memoryStore<T, string>(options, DEFAULTS, KEY);
    super(store);
    this.#store = store;
  }

  /** Returns the value, or `undefined` when there is none or it has expired. */
  get(key: string, options?: LookupOptions): T | undefined {
    return this.#store.getText(key, options);
  }

  /** Stores `value`, in place of what was there. */
  set(key: string, value: T, options?: SetOptions): void {
    this.#store.setText(key, value, options);
  }

  /**
   * The value of `key`; where there is none, what `fn` computes, which is then stored. Callers that ask at the same time
   * share one computation; when it fails, all of them get its error and nothing is stored.
   */
  getOrCompute<R extends T = T>(
    key: string,
    fn: (context: ComputeContext) => R | PromiseLike<R>,
    options?: ComputeOptions<R>,
  ): Promise<R> {
    return this.#store.getOrCompute(key, undefined, fn, options as ComputeOptions<T>) as Promise<R>;
  }

  /** Returns true if there is a live entry: no hit, no miss, and no use. */
  has(key: string, options?: LookupOptions): boolean {
    return this.#store.has(key, undefined, options);
  }

  /** Returns the value of a live entry, or `undefined`: no hit, no miss, and no use. */
  peek(key: string): T | undefined {
    return this.#store.peek(key, undefined, undefined);
  }

  /**
   * Returns the milliseconds that an entry has left; 0 without one, `Infinity` for one that never expires.
   */
  getRemainingTTL(key: string): number {
    return this.#store.remainingTtl(key, undefined, undefined);
  }

  /** Iterates over keys and values of the live entries, the least recently used first. O(n). */
  *entries(): IterableIterator<[string, T]> {
    yield* this.#store.entries();
  }

  /** Returns the live entries for {@link load}, the least recently used first. O(n). */
  dump(): [string, DumpedEntry<T>][] {
    return this.#store.dump();
  }

  /** Stores the entries of a {@link dump}, be it of another process. An entry that has expired since is left out. O(n). */
  load(entries: Iterable<readonly [string, DumpedEntry<T>]>): void {
    this.#store.load(entries);
  }

  /** Removes an entry. Returns whether it was there. */
  delete(key: string): boolean {
    return this.#store.delete(key, undefined, undefined);
  }

  /** Returns the keys of the live entries, the least recently used first. O(n). */
  keys(): string[] {
    const { keys } = this.#store.tier;
    return Array.from(this.#store.tier.liveSlots(), (slot) => keys[slot] as string);
  }
}
