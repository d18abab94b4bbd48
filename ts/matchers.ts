/** Entry point `@aah/ai-evals/matchers`: matchers of scores for Jest and Vitest. Importing it registers them. */
export * from './matchers/index.js';
