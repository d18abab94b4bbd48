/** Module cache. See `docs/caches.md`. */
export { CacheInvalidator, type ManagedCache } from './cache_invalidator.js';
export { CacheManager, cacheManager } from './cache_manager.js';
export { isCompleteAnswer } from './complete_answer.js';
export type { CacheEvent } from './diagnostics.js';
export { type Embedding, EmbeddingCache, type Neighbour } from './embedding_cache.js';
export { CacheMissError, type KeyDifference, type MissExplanation } from './explain_miss.js';
export { LRUCache } from './lru_cache.js';
export type {
  CacheMode,
  CacheOptions,
  CacheRequest,
  CacheStats,
  ComputeContext,
  ComputeOptions,
  DumpedEntry,
  Eviction,
  EvictionReason,
  LookupOptions,
  MissCost,
  RepeatOptions,
  ResponseCacheOptions,
  Savings,
  SetOptions,
  ShouldCache,
  TieredCacheOptions,
} from './options.js';
export { QueryCache } from './query_cache.js';
export type { CachedQuery } from './query_text.js';
export { ResponseCache } from './response_cache.js';
