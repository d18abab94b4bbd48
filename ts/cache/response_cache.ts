import { BaseCache } from './base_cache.js';
import type { MissExplanation } from './explain_miss.js';
import { REQUEST } from './key/key_form.js';
import type { KeyedStore } from './keyed_store.js';
import type {
  CacheMode,
  ComputeContext,
  ComputeOptions,
  LookupOptions,
  RepeatOptions,
  ResponseCacheOptions,
  SetOptions,
} from './options.js';
import type { Found } from './stores/tier.js';
import { tieredStore } from './stores/tiered_store.js';

const DEFAULTS = { maxSize: 500, ttl: 7_200_000 };

/**
 * Model responses by the content of input and model configuration, whatever they are: two equal prompts with equal
 * configurations are one entry, in whatever order the members were written. See `docs/caches.md` for what is equal.
 *
 * Defaults: 500 entries, 2 hours. A hit returns the very value that was set; with `shared` or `persist`, a copy of it.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class ResponseCache<T = any> extends BaseCache {
  readonly #store: KeyedStore<T, undefined>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: ResponseCacheOptions<T>) {
    const store = tieredStore<T, undefined>('ResponseCache', options, DEFAULTS, REQUEST);
    super(store);
    this.#store = store;
  }

  /**
   * Returns the response, or `undefined` when there is none or it has expired.
   *
   * @throws TypeError naming the path of a part without content (a function, a symbol); {@link CacheMissError} for a miss in
   * mode `'replay'`.
   */
  get(input: unknown, modelConfig?: unknown, options?: LookupOptions & RepeatOptions): T | undefined {
    return this.#store.get(input, modelConfig, options);
  }

  /**
   * Finds what `get` does, and also what has expired within `staleWhileRevalidate`.
   *
   * @internal
   */
  find(input: unknown, modelConfig: unknown, options: LookupOptions & RepeatOptions): Found<T> | undefined {
    return this.#store.find(input, modelConfig, options);
  }

  /**
   * Returns the mode of a call with `options`.
   *
   * @internal
   */
  modeOf(options: LookupOptions): CacheMode {
    return this.#store.modeOf(options);
  }

  /**
   * Stores `response`, in place of what was there.
   *
   * @throws TypeError with `shared` or `persist`, when `response` would not come back exactly; what was there stays.
   */
  set(input: unknown, modelConfig: unknown, response: T, options?: SetOptions & RepeatOptions): void {
    this.#store.set(input, modelConfig, response, options);
  }

  /**
   * The response to a request; where there is none, what `fn` computes, which is then stored.
   *
   * Callers that ask for the same request at the same time share one computation (with `shared` or `persist`, those of
   * other threads and processes too); when it fails, all who wait for it get its error and nothing is stored (who waits
   * in another thread or process then computes it itself). What was set, deleted or cleared meanwhile, by whomsoever, is not
   * overwritten. What cannot be stored goes to all who wait, with one process warning (`AI_EVALS_CACHE_NOT_STORED`).
   */
  getOrCompute<R extends T = T>(
    input: unknown,
    modelConfig: unknown,
    fn: (context: ComputeContext) => R | PromiseLike<R>,
    options?: ComputeOptions<R> & RepeatOptions,
  ): Promise<R> {
    return this.#store.getOrCompute(input, modelConfig, fn, options as ComputeOptions<T>) as Promise<R>;
  }

  /**
   * Does what `getOrCompute` does for a request that was looked up a moment ago and missed, without another look-up. With
   * `persist`, what was stored meanwhile is found when the key is claimed.
   *
   * @internal
   */
  computeMissed<R extends T = T>(
    input: unknown,
    modelConfig: unknown,
    fn: (context: ComputeContext) => R | PromiseLike<R>,
    options: ComputeOptions<R> & RepeatOptions,
  ): Promise<R> {
    return this.#store.computeMissed(input, modelConfig, fn, options as ComputeOptions<T>) as Promise<R>;
  }

  /** Returns true if there is a live entry: no hit, no miss, and no use. */
  has(input: unknown, modelConfig?: unknown, options?: LookupOptions & RepeatOptions): boolean {
    return this.#store.has(input, modelConfig, options);
  }

  /** Returns the value of a live entry, or `undefined`: no hit, no miss, and no use. */
  peek(input: unknown, modelConfig?: unknown, options?: RepeatOptions): T | undefined {
    return this.#store.peek(input, modelConfig, options);
  }

  /**
   * Returns the milliseconds that an entry has left; 0 without one, `Infinity` for one that never expires.
   *
   * @throws AiEvalsError `ERR_UNSUPPORTED` with `shared` or `persist`.
   */
  getRemainingTTL(input: unknown, modelConfig?: unknown, options?: RepeatOptions): number {
    return this.#store.remainingTtl(input, modelConfig, options);
  }

  /** Removes an entry. Returns whether it was there. */
  delete(input: unknown, modelConfig?: unknown, options?: RepeatOptions): boolean {
    return this.#store.delete(input, modelConfig, options);
  }

  /**
   * Explains why there is no live entry for a request: which parts of it differ from the nearest stored one. `undefined`
   * when there is an entry. Needs the option `explain`; without it the reason is `'unexplained'`. Looks at no more than
   * 2000 entries, with `persist` those used last, in some 20 ms; no hit, no miss, no use.
   */
  explainMiss(input: unknown, modelConfig?: unknown, options?: RepeatOptions): MissExplanation | undefined {
    return this.#store.explain(input, modelConfig, options);
  }

  /** With `shared` or `persist`: lets go of the memory or file. The cache must not be used afterwards. */
  close(): void {
    this.#store.tier.close();
  }
}
