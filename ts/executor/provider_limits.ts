/** Limits of well-known provider tiers. */

/** A tier as a configuration for `new ParallelExecutor(…)`. */
export interface ProviderTier {
  readonly concurrency: number;
  readonly rateLimit: { readonly requestsPerMinute: number; readonly tokensPerMinute: number };
}

function tier(requestsPerMinute: number, tokensPerMinute: number, concurrency: number): ProviderTier {
  return Object.freeze({ concurrency, rateLimit: Object.freeze({ requestsPerMinute, tokensPerMinute }) });
}

/**
 * The guide's table. Where it names a range of concurrency this takes the upper end: the limits are held by the limiter,
 * so more calls in flight cost nothing but connections. Providers change their tiers; your account page has the last word.
 */
export const PROVIDER_LIMITS = Object.freeze({
  /** OpenAI GPT-4. */
  openai: Object.freeze({ tier1: tier(500, 30_000, 10), tier2: tier(5000, 450_000, 30) }),
  /** Anthropic Claude. */
  anthropic: Object.freeze({ tier1: tier(50, 40_000, 5), tier2: tier(1000, 100_000, 15) }),
});
