/** The rate limiter. */
export { type AcquireOptions, type CallWeights, type Permit, RateLimit, type SpentTokens } from './rate_limit.js';
