/** Entry point `@aah/ai-evals`: everything of all subpaths. */

export * from './ai-sdk.js';
export * from './config/index.js';
export * from './datasets.js';
export * from './orchestrator.js';
export * from './performance.js';
export * from './scorers.js';
export * from './store.js';
