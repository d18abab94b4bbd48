/** Entry point `@aah/ai-evals/ai-sdk`: the caches as middleware of the Vercel AI SDK. */
export * from './ai_sdk/index.js';
