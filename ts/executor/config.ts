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

/** Limits with every default filled in. */
export type ResolvedLimits = { [K in keyof RateLimitConfig]-?: NonNullable<RateLimitConfig[K]> };

/** A configuration with every default filled in. */
export interface ResolvedConfig {
  concurrency: number;
  rateLimit: ResolvedLimits;
  /** Limits of single keys as they were given. */
  givenLimits: Readonly<Record<string, RateLimitConfig>>;
  limits: ReadonlyMap<string, ResolvedLimits>;
  keyOf: ((task: ExecutionTask) => string) | undefined;
  estimateTokens: number | ((task: ExecutionTask) => TokenEstimate | undefined) | undefined;
  settle: NonNullable<WorkerConfig['settle']> | undefined;
  timeout: number;
  grace: number;
  retries: { maxAttempts: number; baseDelay: number; maxDelay: number; maxWait: number };
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
export const UNLIMITED: ResolvedLimits = {
  ...LIMITS,
  requestsPerMinute: Number.POSITIVE_INFINITY,
  tokensPerMinute: Number.POSITIVE_INFINITY,
  pacing: 'burst',
  settlement: 'actual',
};

/** The limits of the contract when none are given. */
export const DEFAULT_LIMITS: ResolvedLimits = { ...LIMITS, pacing: 'burst', settlement: 'actual' };

/** The options that were given; one that is `null` was not. */
export function given<T extends object>(name: string, value: T | null | undefined): Given<T> {
  const values = Object.entries(options(name, value ?? undefined)).filter(([, one]) => one !== null);
  return Object.fromEntries(values) as Given<T>;
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], null> };

/** Limits given over others. */
export function resolveLimits(name: string, limits: RateLimitConfig | null | undefined, base: ResolvedLimits) {
  const resolved = { ...base };
  const values = given(name, limits);
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

/** A whole number of at least 1, or `Infinity`, which is read as `most`. */
export function countOf(name: string, value: unknown, most: number): number {
  return value === Number.POSITIVE_INFINITY ? most : positiveInteger(name, value, most);
}

/** A number of at least 0; `Infinity` passes. */
export function durationOf(name: string, value: unknown): number {
  return value === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : nonNegativeNumber(name, value);
}

export function oneOf<T>(name: string, allowed: readonly unknown[], value: T): T {
  const expected = `one of ${allowed.map((one) => `'${one}'`).join(', ')}`;
  if (typeof value !== 'string') return wrongType(name, expected, value);
  return allowed.includes(value) ? value : outOfRange(name, expected, value);
}

/** The limits as the engine takes them. `slots` calls may be in flight; `unknown` tokens stand in for a size not known. */
export function limitValues(limits: ResolvedLimits, slots: number, unknown?: number): LimitValues {
  return {
    requests: limits.requestsPerMinute,
    tokens: limits.tokensPerMinute,
    inputTokens: limits.inputTokensPerMinute,
    outputTokens: limits.outputTokensPerMinute,
    dailyRequests: limits.requestsPerDay,
    dailyTokens: limits.tokensPerDay,
    window: limits.window,
    smooth: limits.pacing === 'smooth',
    settlement: ['actual', 'openai', 'azure', 'anthropic'].indexOf(limits.settlement),
    slots,
    // The token limit nobody asked for must not keep slots empty before the first call has shown its size.
    unknownCall: unknown ?? (limits === DEFAULT_LIMITS ? LIMITS.tokensPerMinute / slots : Number.NaN),
  };
}

/** Attempts that stand for any number. */
export const MOST_ATTEMPTS = 1_000_000;
/** Slots that stand for any number. */
const MOST_SLOTS = 1_000_000_000;
const BACKOFF = { baseDelay: 500, maxDelay: 30_000, maxWait: 600_000 };
const NO_RETRY = { maxAttempts: 1, ...BACKOFF };

function resolveRetries(retries: RetryConfig): ResolvedConfig['retries'] {
  const { maxAttempts = 3, baseDelay, maxDelay, maxWait } = { ...BACKOFF, ...given('retries', retries) };
  return {
    maxAttempts: countOf('retries.maxAttempts', maxAttempts, MOST_ATTEMPTS),
    baseDelay: nonNegativeNumber('retries.baseDelay', baseDelay),
    maxDelay: durationOf('retries.maxDelay', maxDelay),
    maxWait: durationOf('retries.maxWait', maxWait),
  };
}

function resolveEstimate(given: NonNullable<WorkerConfig['estimateTokens']>): ResolvedConfig['estimateTokens'] {
  if (typeof given === 'number') return nonNegativeNumber('estimateTokens', given);
  if (typeof given === 'function') return given;
  return wrongType('estimateTokens', 'a number or a function', given);
}

/**
 * A configuration over the one in force (none: the defaults). A group that is given (`rateLimit`, `limits`, `retries`) takes
 * the place of the one in force as a whole. Throws before anything changes.
 */
export function resolveConfig(
  config: WorkerConfig | null | undefined,
  base: ResolvedConfig | undefined,
): ResolvedConfig {
  const told = given('config', config);
  if (told.maxWorkers !== undefined) countOf('maxWorkers', told.maxWorkers, Number.MAX_SAFE_INTEGER);
  if (told.adaptive !== undefined && typeof told.adaptive !== 'boolean') {
    wrongType('adaptive', 'a boolean', told.adaptive);
  }
  const adaptive = told.adaptive ?? base?.adaptive ?? false;
  // Whoever asks to find the limits does not know them.
  const unset = base?.rateLimit ?? (adaptive ? UNLIMITED : DEFAULT_LIMITS);
  const rateLimit = told.rateLimit === undefined ? unset : resolveLimits('rateLimit', told.rateLimit, UNLIMITED);
  const givenLimits = told.limits === undefined ? (base?.givenLimits ?? {}) : given('limits', told.limits);
  const limits = new Map(
    Object.entries(givenLimits).map(([key, one]) => [key, resolveLimits(`limits['${key}']`, one, rateLimit)]),
  );
  const { concurrency, timeout, grace, retries, keyOf, settle, estimateTokens } = told;
  return {
    concurrency:
      concurrency === undefined ? (base?.concurrency ?? 10) : countOf('concurrency', concurrency, MOST_SLOTS),
    rateLimit,
    givenLimits: givenLimits as ResolvedConfig['givenLimits'],
    limits,
    keyOf: keyOf === undefined ? base?.keyOf : callable('keyOf', keyOf),
    estimateTokens: estimateTokens === undefined ? base?.estimateTokens : resolveEstimate(estimateTokens),
    settle: settle === undefined ? base?.settle : callable('settle', settle),
    timeout: timeout === undefined ? (base?.timeout ?? Number.POSITIVE_INFINITY) : positiveNumber('timeout', timeout),
    grace: grace === undefined ? (base?.grace ?? 1000) : durationOf('grace', grace),
    retries: retries === undefined ? (base?.retries ?? NO_RETRY) : resolveRetries(retries),
    adaptive,
  };
}

/** Returns whether the caller has set a limit on tokens, for any key. */
export function isTokenLimited({ rateLimit, limits }: ResolvedConfig): boolean {
  const isLimited = (one: ResolvedLimits): boolean =>
    one !== DEFAULT_LIMITS &&
    [one.tokensPerMinute, one.inputTokensPerMinute, one.outputTokensPerMinute, one.tokensPerDay].some(Number.isFinite);
  return isLimited(rateLimit) || [...limits.values()].some(isLimited);
}
