/** Entry point `@aah/ai-evals/performance`: caches, dataset streams, performance monitor, benchmarks. */
export * from './benchmark/index.js';
export * from './cache/index.js';
export * from './errors.js';
export * from './monitor/index.js';
export * from './stream/index.js';
export type { RunResult, TestCase } from './types.js';
