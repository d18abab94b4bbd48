/** Entry point `@aah/ai-evals/scorers`: scores of answers, equal to their references. */
export * from './errors.js';
export * from './scorers/index.js';
