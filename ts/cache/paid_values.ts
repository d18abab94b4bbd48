/**
 * What was computed, and so paid for, goes to its callers whether it can be stored or not. It is stored where `shouldCache`
 * says that it is worth keeping, and it is still wanted then.
 */
import { AiEvalsError } from '../errors.js';
import { type KeyCopy, keyRead, keyText, writeCopy } from './content_key.js';
import type { Extras, Tier } from './tier.js';
import { ifWorthKeeping, isLater, type ShouldCache, type Verdict } from './worth_keeping.js';

export class PaidValues<V, K> {
  readonly #cache: string;
  readonly #tier: Tier<V, K>;
  readonly #shouldCache: ShouldCache<V> | undefined;
  #hasWarned = false;

  /** `cache` is its name in a warning. */
  constructor(cache: string, tier: Tier<V, K>, shouldCache: ShouldCache<V> | undefined) {
    this.#cache = cache;
    this.#tier = tier;
    this.#shouldCache = shouldCache;
  }

  /** What `shouldCache`, the call's or the cache's, says of a value. */
  verdictOn(value: V, shouldCache = this.#shouldCache): Verdict {
    if (shouldCache === undefined) return true;
    const verdict = shouldCache(value);
    return isLater(verdict) ? verdict : Boolean(verdict);
  }

  /** Stores a value; with a promise where the verdict takes its time. */
  store(
    copy: KeyCopy,
    value: V,
    extras: Extras<K>,
    verdict: () => Verdict,
    isWanted: () => boolean,
  ): Promise<void> | undefined {
    const store = () => {
      if (!isWanted()) return;
      const structure = writeCopy(copy);
      try {
        this.#tier.set(structure, keyText(), value, extras);
      } finally {
        keyRead();
      }
    };
    return this.#ifPossible(() => ifWorthKeeping(verdict(), store));
  }

  /** The same for several. */
  storeMany(
    pairs: readonly (readonly [string, V])[],
    extras: Extras<K>,
    shouldCache: ShouldCache<V> | undefined,
    isWanted: (nth: number) => boolean,
  ): Promise<void> | undefined {
    const worth = new Set<number>();
    const judge = (value: V, nth: number) =>
      this.#ifPossible(() => ifWorthKeeping(this.verdictOn(value, shouldCache), () => worth.add(nth)));
    const judged = pairs.map(([, value], nth) => (isWanted(nth) ? judge(value, nth) : undefined));
    const store = () => {
      const kept = pairs.filter((_, nth) => worth.has(nth) && isWanted(nth));
      try {
        if (kept.length > 0) this.#tier.setMany(kept, extras);
      } catch {
        // One of them may be in the way of the others.
        for (const pair of kept) this.#ifPossible(() => void this.#tier.setMany([pair], extras));
      }
    };
    if (judged.some((later) => later !== undefined)) return Promise.all(judged).then(store);
    store();
    return undefined;
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
