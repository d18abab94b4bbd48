import { every, managedCache } from './cache_invalidator.js';
import { EmbeddingCache } from './embedding_cache.js';
import type { CacheStats } from './options.js';
import { QueryCache } from './query_cache.js';
import { ResponseCache } from './response_cache.js';

/** The three caches of an evaluation in one place. Whichever caches are set now are the ones that are managed. */
export class CacheManager {
  static #shared: CacheManager | undefined;

  #response: ResponseCache = new ResponseCache();
  // biome-ignore lint/suspicious/noExplicitAny: a cache of any kind of vector may be set
  #embedding: EmbeddingCache<any> = new EmbeddingCache();
  #query: QueryCache = new QueryCache();
  #cleanup: NodeJS.Timeout | undefined;

  /** The instance that everyone shares: the same as `cacheManager`. */
  static getInstance(): CacheManager {
    CacheManager.#shared ??= new CacheManager();
    return CacheManager.#shared;
  }

  get responseCache(): ResponseCache {
    return this.#response;
  }

  set responseCache(cache: ResponseCache) {
    this.#response = managedCache('responseCache', cache, ['get', 'set', 'has']);
  }

  get embeddingCache(): EmbeddingCache {
    return this.#embedding;
  }

  // biome-ignore lint/suspicious/noExplicitAny: a cache of any kind of vector may be set
  set embeddingCache(cache: EmbeddingCache<any>) {
    this.#embedding = managedCache('embeddingCache', cache, ['get', 'set', 'has', 'batchGet', 'batchSet']);
  }

  get queryCache(): QueryCache {
    return this.#query;
  }

  set queryCache(cache: QueryCache) {
    this.#query = managedCache('queryCache', cache, ['get', 'set', 'has', 'invalidate']);
  }

  /** Removes everything from all three and zeroes their counters. */
  clearAll(): void {
    this.#response.clear();
    this.#embedding.clear();
    this.#query.clear();
  }

  /** The figures of all three. O(1). */
  getAllStats(): { response: CacheStats; embedding: CacheStats; query: CacheStats } {
    return {
      response: this.#response.getStats(),
      embedding: this.#embedding.getStats(),
      query: this.#query.getStats(),
    };
  }

  /**
   * Removes what has expired every `intervalMs` (default: 5 minutes; at most 2^31 − 1), in place of an earlier schedule.
   * Does not keep the process alive.
   *
   * @throws RangeError or TypeError for an interval that cannot be used; an earlier schedule goes on.
   */
  startCleanup(intervalMs = 300_000): void {
    const timer = every(intervalMs, () => {
      this.#response.removeExpired();
      this.#embedding.removeExpired();
      this.#query.removeExpired();
    });
    this.stopCleanup();
    this.#cleanup = timer;
  }

  /** Ends the schedule, if there is one. */
  stopCleanup(): void {
    if (this.#cleanup !== undefined) clearInterval(this.#cleanup);
    this.#cleanup = undefined;
  }
}

/** The shared instance. */
export const cacheManager: CacheManager = CacheManager.getInstance();
