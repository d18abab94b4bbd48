/** The executor: parallel calls under rate limits. */
export { type OutputOf, ParallelExecutor, type TaskSource } from './parallel_executor.js';
export { type ConcurrencyPlan, estimateDuration, recommendConcurrency, type SuitePlan } from './planning.js';
export { PROVIDER_LIMITS, type ProviderTier } from './provider_limits.js';
export type {
  AddOptions,
  ExecutionMetrics,
  ExecutionOptions,
  ExecutionProgress,
  ExecutionResult,
  ExecutionTask,
  ExecutorEvents,
  HeadersLike,
  RateLimitConfig,
  RateLimiter,
  RetryConfig,
  RunStore,
  StoredExecutionOptions,
  StoredStreamingOptions,
  StoredTask,
  StreamingOptions,
  TaskContext,
  TaskRow,
  TaskStream,
  ThrottleEvent,
  TokenEstimate,
  WorkerConfig,
} from './types.js';
