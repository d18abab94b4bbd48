/** Entry point `@aah/ai-evals/orchestrator`: parallel execution under rate limits, scoring pool, evaluation types. */
export * from './errors.js';
export * from './executor/index.js';
export * from './limiter/index.js';
export * from './scoring/index.js';
export * from './types.js';
