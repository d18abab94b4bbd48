/** Room: caches. See `docs/caches.md`. */
export { CacheInvalidator, type ManagedCache } from './cache_invalidator.js';
export { CacheManager, cacheManager } from './cache_manager.js';
export { type Embedding, EmbeddingCache, type Neighbour } from './embedding_cache.js';
export { LRUCache } from './lru_cache.js';
export type { CacheOptions, CacheStats, Eviction, EvictionReason, MissCost, Savings, SetOptions } from './options.js';
export { QueryCache } from './query_cache.js';
export type { CachedQuery } from './query_text.js';
export { ResponseCache } from './response_cache.js';
