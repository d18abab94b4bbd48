/** Room: caches. See `docs/caches.md`. */
export { CacheInvalidator, type ManagedCache } from './cache_invalidator.js';
export { CacheManager, cacheManager } from './cache_manager.js';
export { isCompleteAnswer } from './complete_answer.js';
export { type Embedding, EmbeddingCache, type Neighbour } from './embedding_cache.js';
export { LRUCache } from './lru_cache.js';
export { CacheMissError, type KeyDifference, type MissExplanation } from './miss.js';
export type {
  CacheMode,
  CacheOptions,
  CacheStats,
  ComputeContext,
  ComputeOptions,
  Eviction,
  EvictionReason,
  LookupOptions,
  MissCost,
  RepeatOptions,
  Savings,
  SetOptions,
  TieredCacheOptions,
} from './options.js';
export { QueryCache } from './query_cache.js';
export type { CachedQuery } from './query_text.js';
export { ResponseCache } from './response_cache.js';
