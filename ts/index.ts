/** Entry point `@aah/ai-evals`: everything of both subpaths. */
export * from './orchestrator.js';
export * from './performance.js';
