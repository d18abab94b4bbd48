/** Entry point `@aah/ai-evals/datasets`: datasets, runners of models, comparisons of models, prices. */
export * from './datasets/index.js';
export * from './errors.js';
