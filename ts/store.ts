/** Entry point `@aah/ai-evals/store`: runs, results, metrics and baselines in SQLite or PostgreSQL. */
export * from './errors.js';
export * from './store/index.js';
