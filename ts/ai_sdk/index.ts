/** Module ai_sdk: middleware for the Vercel AI SDK (package `ai`), which is not needed to load this. See `docs/ai-sdk.md`. */
export { type CacheMiddleware, type CacheMiddlewareOptions, cacheMiddleware } from './cache_middleware.js';
export {
  type EmbeddingCacheMiddleware,
  type EmbeddingCacheMiddlewareOptions,
  type EmbedParameters,
  embeddingCacheMiddleware,
} from './embedding_cache_middleware.js';
export type { ModelAnswer } from './model_answer.js';
export type { ModelCallParameters, ModelIdentity } from './model_call.js';
export type { ReplayPace } from './replayed_stream.js';
