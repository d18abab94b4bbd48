/** Entry point `@aah/ai-evals/orchestrator`: jobs and reports, parallel execution under rate limits, scoring pool, types. */
export * from './errors.js';
export * from './executor/index.js';
export * from './limiter/index.js';
export * from './orchestrator/index.js';
export * from './scoring/index.js';
export * from './types.js';
