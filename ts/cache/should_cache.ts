/**
 * The option `shouldCache`: which values are worth keeping, at once or, where it answers with a promise, later.
 *
 * A value that was computed, and so paid for, goes to its callers whether it can be stored or not.
 */
import * as check from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { type KeyCopy, withKey, writeCopy } from './key/content_key.js';
import type { CacheRequest, ShouldCache } from './options.js';
import type { Extras, Tier } from './stores/tier.js';

/** An answer of `shouldCache`. */
export type Verdict = boolean | PromiseLike<boolean>;

export function isLater(verdict: Verdict): verdict is PromiseLike<boolean> {
  return typeof verdict === 'object' && verdict !== null && typeof verdict.then === 'function';
}

/** Calls `keep` where the verdict is yes, at once or later. Returns a promise where the verdict or `keep` takes its time. */
export function ifWorthKeeping(verdict: Verdict, keep: () => Promise<void> | void): Promise<void> | undefined {
  if (isLater(verdict)) return Promise.resolve(verdict).then((isWorth) => (isWorth ? keep() : undefined));
  return (verdict && keep()) || undefined;
}

/** Stores values that were computed, where they are worth it and still wanted. */
export class PaidValues<V, K> {
  readonly #cache: string;
  readonly #tier: Tier<V, K>;
  readonly #shouldCache: ShouldCache<V> | undefined;
  readonly #ttlOf: ((value: V) => number | undefined) | undefined;
  #hasWarned = false;

  /** `cache` is its name in a warning. */
  constructor(
    cache: string,
    tier: Tier<V, K>,
    shouldCache: ShouldCache<V> | undefined,
    ttlOf: ((value: V) => number | undefined) | undefined,
  ) {
    this.#cache = cache;
    this.#tier = tier;
    this.#shouldCache = shouldCache;
    this.#ttlOf = ttlOf;
  }

  /** Returns the answer of `shouldCache`, the call's or the cache's, to a value. `request` is made only when it is asked. */
  verdictOn(value: V, request: () => CacheRequest, shouldCache = this.#shouldCache): Verdict {
    if (shouldCache === undefined) return true;
    const verdict = shouldCache(value, request());
    return isLater(verdict) ? verdict : Boolean(verdict);
  }

  /** Returns `extras` with the time to live that the value itself states, unless the call has given one. */
  withTtlOf(value: V, extras: Extras<K>): Extras<K> {
    if (this.#ttlOf === undefined || extras.ttl !== 0) return extras;
    const ttl = this.#ttlOf(value);
    return ttl === undefined ? extras : { ...extras, ttl: check.positiveNumber('what ttlOf returns', ttl) };
  }

  /** Stores a value; with a promise where that, or the verdict, takes its time. */
  store(
    copy: KeyCopy,
    value: V,
    extras: Extras<K>,
    verdict: () => Verdict,
    isWanted: () => boolean,
  ): Promise<void> | undefined {
    const store = () => {
      if (!isWanted()) return undefined;
      const own = this.withTtlOf(value, extras);
      if (this.#tier.store !== undefined) return this.#tier.store(copy, value, own, isWanted);
      return withKey(writeCopy(copy), (structure, text) => this.#tier.set(structure, text, value, own));
    };
    return this.#ifPossible(() => ifWorthKeeping(verdict(), store));
  }

  /** Stores several values, as {@link store} does. */
  storeMany(
    pairs: readonly (readonly [string, V])[],
    extras: Extras<K>,
    shouldCache: ShouldCache<V> | undefined,
    isWanted: (nth: number) => boolean,
  ): Promise<void> | undefined {
    const worth = new Set<number>();
    const judge = (value: V, nth: number) =>
      this.#ifPossible(() =>
        ifWorthKeeping(
          this.verdictOn(value, () => ({ text: pairs[nth]?.[0] }), shouldCache),
          () => void worth.add(nth),
        ),
      );
    const judged = pairs.map(([, value], nth) => (isWanted(nth) ? judge(value, nth) : undefined));
    const store = () => {
      const kept = pairs.filter((_, nth) => worth.has(nth) && isWanted(nth));
      try {
        this.setMany(kept, extras);
      } catch {
        // One of them may be in the way of the others.
        for (const pair of kept) this.#ifPossible(() => void this.setMany([pair], extras));
      }
    };
    if (judged.some((later) => later !== undefined)) return Promise.all(judged).then(store);
    store();
    return undefined;
  }

  /** Stores pairs, each with its own time to live where values state one. */
  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    if (this.#ttlOf === undefined) {
      if (pairs.length > 0) this.#tier.setMany(pairs, extras);
      return;
    }
    const own = pairs.map(([, value]) => this.withTtlOf(value, extras));
    for (const [nth, pair] of pairs.entries()) this.#tier.setMany([pair], own[nth] as Extras<K>);
  }

  /**
   * Runs `store`, which may return a promise: then so does this. That it fails is a process warning, once; nothing where the
   * cache was closed meanwhile.
   */
  #ifPossible(store: () => Promise<void> | undefined): Promise<void> | undefined {
    try {
      return store()?.catch((error: unknown) => this.#tell(error));
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    const isClosed = error instanceof AiEvalsError && error.code === 'ERR_CLOSED';
    if (isClosed || this.#hasWarned) return;
    this.#hasWarned = true;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${this.#cache} cannot store what was computed: ${reason}. Callers get it, and it will be computed again.`;
    process.emitWarning(message, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_NOT_STORED' });
  }
}
