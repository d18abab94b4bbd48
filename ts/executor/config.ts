/** Configuration of an executor: checked as a whole before any of it takes effect. */
import {
  callable,
  nonNegativeNumber,
  options,
  outOfRange,
  positiveInteger,
  positiveNumber,
  wrongType,
} from '../arguments.js';
import type { LimitValues } from '../binding.cjs';
import type { ExecutionTask, RateLimitConfig, RetryConfig, TokenEstimate, WorkerConfig } from './types.js';

/** A configuration with every default filled in. */
export interface ResolvedConfig {
  concurrency: number;
  rateLimit: Required<RateLimitConfig>;
  limits: ReadonlyMap<string, Required<RateLimitConfig>>;
  keyOf: ((task: ExecutionTask) => string) | undefined;
  estimateTokens: number | ((task: ExecutionTask) => TokenEstimate | undefined) | undefined;
  settle: WorkerConfig['settle'];
  timeout: number;
  retries: { maxAttempts: number; baseDelay: number; maxDelay: number };
  adaptive: boolean;
}

const LIMITS = {
  requestsPerMinute: 60,
  tokensPerMinute: 150_000,
  inputTokensPerMinute: Number.POSITIVE_INFINITY,
  outputTokensPerMinute: Number.POSITIVE_INFINITY,
  requestsPerDay: Number.POSITIVE_INFINITY,
  tokensPerDay: Number.POSITIVE_INFINITY,
  window: 60_000,
} as const;
export const PACINGS: readonly unknown[] = ['burst', 'smooth'];
const SETTLEMENTS: readonly unknown[] = ['actual', 'openai', 'azure', 'anthropic'];

/** Limits that are not there. */
export const UNLIMITED: Required<RateLimitConfig> = {
  ...LIMITS,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  tokensPerMinute: Number.POSITIVE_INFINITY,
  pacing: 'burst',
  settlement: 'actual',
};

/** The limits of the contract when none are given. */
export const DEFAULT_LIMITS: Required<RateLimitConfig> = { ...LIMITS, pacing: 'burst', settlement: 'actual' };

/** Limits given over limits in force; what is not given stays. */
export function resolveLimits(name: string, given: RateLimitConfig | undefined, base: Required<RateLimitConfig>) {
  const resolved = { ...base };
  const values = options(name, given);
  for (const key of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
    if (values[key] !== undefined) resolved[key] = positiveNumber(`${name}.${key}`, values[key]);
  }
  if (!Number.isFinite(resolved.window)) outOfRange(`${name}.window`, 'a finite number above 0', resolved.window);
  if (values.pacing !== undefined) resolved.pacing = oneOf(`${name}.pacing`, PACINGS, values.pacing);
  if (values.settlement !== undefined) {
    resolved.settlement = oneOf(`${name}.settlement`, SETTLEMENTS, values.settlement);
  }
  return resolved;
}

export function oneOf<T>(name: string, allowed: readonly unknown[], value: T): T {
  const expected = `one of ${allowed.map((one) => `'${one}'`).join(', ')}`;
  if (typeof value !== 'string') return wrongType(name, expected, value);
  return allowed.includes(value) ? value : outOfRange(name, expected, value);
}

/** The limits as the engine takes them. `slots` calls may be in flight; `unknown` tokens stand in for a size not known. */
export function limitValues(limits: Required<RateLimitConfig>, slots: number, unknown?: number): LimitValues {
  return {
    requests: limits.requestsPerMinute as number,
    tokens: limits.tokensPerMinute as number,
    inputTokens: limits.inputTokensPerMinute as number,
    outputTokens: limits.outputTokensPerMinute as number,
    dailyRequests: limits.requestsPerDay as number,
    dailyTokens: limits.tokensPerDay as number,
    window: limits.window as number,
    smooth: limits.pacing === 'smooth',
    settlement: ['actual', 'openai', 'azure', 'anthropic'].indexOf(limits.settlement as string),
    slots,
    // The token limit nobody asked for must not keep slots empty before the first call has shown its size.
    unknownCall:
      unknown ?? (limits.tokensPerMinute === LIMITS.tokensPerMinute ? LIMITS.tokensPerMinute / slots : Number.NaN),
  };
}

const NO_RETRY = { maxAttempts: 1, baseDelay: 0, maxDelay: 0 };

function resolveRetries(given: RetryConfig): ResolvedConfig['retries'] {
  const { maxAttempts = 3, baseDelay = 500, maxDelay = 30_000 } = options('retries', given);
  return {
    maxAttempts: positiveInteger('retries.maxAttempts', maxAttempts, 1_000_000),
    baseDelay: nonNegativeNumber('retries.baseDelay', baseDelay),
    maxDelay: nonNegativeNumber('retries.maxDelay', maxDelay),
  };
}

function resolveEstimate(given: NonNullable<WorkerConfig['estimateTokens']>): ResolvedConfig['estimateTokens'] {
  if (typeof given === 'number') return nonNegativeNumber('estimateTokens', given);
  if (typeof given === 'function') return given;
  return wrongType('estimateTokens', 'a number or a function', given);
}

/** `given` over the configuration in force (none: the defaults). Throws before anything changes. */
export function resolveConfig(given: WorkerConfig | undefined, base: ResolvedConfig | undefined): ResolvedConfig {
  const config = options('config', given);
  if (config.maxWorkers !== undefined) positiveInteger('maxWorkers', config.maxWorkers);
  if (config.adaptive !== undefined && typeof config.adaptive !== 'boolean') {
    wrongType('adaptive', 'a boolean', config.adaptive);
  }
  const adaptive = config.adaptive ?? base?.adaptive ?? false;
  // Whoever asks to find the limits does not know them.
  const unset = adaptive && config.rateLimit === undefined ? UNLIMITED : DEFAULT_LIMITS;
  const rateLimit = resolveLimits('rateLimit', config.rateLimit, base?.rateLimit ?? unset);
  const limits = new Map(base?.limits);
  for (const [key, value] of Object.entries(options('limits', config.limits))) {
    limits.set(key, resolveLimits(`limits['${key}']`, value, limits.get(key) ?? rateLimit));
  }
  return {
    concurrency:
      config.concurrency === undefined
        ? (base?.concurrency ?? 10)
        : positiveInteger('concurrency', config.concurrency, 1_000_000),
    rateLimit,
    limits,
    keyOf: config.keyOf === undefined ? base?.keyOf : callable('keyOf', config.keyOf),
    estimateTokens: config.estimateTokens === undefined ? base?.estimateTokens : resolveEstimate(config.estimateTokens),
    settle: config.settle === undefined ? base?.settle : callable('settle', config.settle),
    timeout:
      config.timeout === undefined
        ? (base?.timeout ?? Number.POSITIVE_INFINITY)
        : positiveNumber('timeout', config.timeout),
    retries: config.retries === undefined ? (base?.retries ?? NO_RETRY) : resolveRetries(config.retries),
    adaptive,
  };
}
