/** The needs of a suite, before it runs. */
import { options, positiveInteger, positiveNumber } from '../arguments.js';
import { native } from '../native.js';
import { oneOf, PACINGS } from './config.js';

/** Limits and the calls that run under them. */
export interface ConcurrencyPlan {
  /** Default: no limit. */
  requestsPerMinute?: number | undefined;
  /** Default: no limit. */
  tokensPerMinute?: number | undefined;
  /** Mean tokens of a call; needed for `tokensPerMinute` to count. */
  avgTokens?: number | undefined;
  /** Mean time of a call, in milliseconds. */
  avgLatency: number;
}

/** A suite to be run. */
export interface SuitePlan extends Omit<ConcurrencyPlan, 'avgLatency'> {
  /** Calls. */
  tasks: number;
  /** Mean time of a call, in milliseconds. */
  avgLatency: number;
  /** Calls in flight; default 10. */
  concurrency?: number | undefined;
  /** Default `'burst'`. */
  pacing?: 'burst' | 'smooth' | undefined;
}

const MINUTE = 60_000;

function limitsOf(
  plan: Partial<ConcurrencyPlan>,
): [requests: number, tokens: number, perCall: number, latency: number] {
  const { requestsPerMinute = Number.POSITIVE_INFINITY, tokensPerMinute = Number.POSITIVE_INFINITY } = plan;
  return [
    positiveNumber('requestsPerMinute', requestsPerMinute),
    positiveNumber('tokensPerMinute', tokensPerMinute),
    plan.avgTokens === undefined ? 0 : positiveNumber('avgTokens', plan.avgTokens),
    positiveNumber('avgLatency', plan.avgLatency),
  ];
}

/**
 * The concurrency that uses the limits to the full, by Little's law L = λ·W: calls in flight are calls started per
 * millisecond times the milliseconds a call takes,
 * `ceil(min(requestsPerMinute, tokensPerMinute / avgTokens) / 60000 × avgLatency)`, at least 1. `Infinity` without a limit.
 *
 * `recommendConcurrency({ requestsPerMinute: 500, tokensPerMinute: 30000, avgTokens: 500, avgLatency: 2000 })` is 2: the
 * tokens allow 60 calls a minute, one a second, and each takes two.
 */
export function recommendConcurrency(plan: ConcurrencyPlan): number {
  const [requests, tokens, perCall, latency] = limitsOf(options('plan', plan));
  return native.planConcurrency(requests, tokens, perCall, latency, MINUTE);
}

/**
 * Returns the milliseconds that a suite takes: the longer of what the slots allow, `ceil(tasks / concurrency) × avgLatency`, and
 * what the limits allow. With n = `min(requestsPerMinute, floor(tokensPerMinute / avgTokens))` calls per minute the last
 * call starts after `floor((tasks − 1) / n)` minutes (burst) or `(tasks − 1) / n` minutes (smooth), and takes `avgLatency`.
 */
export function estimateDuration(plan: SuitePlan): number {
  const { tasks, concurrency = 10, pacing } = options('plan', plan);
  const [requests, tokens, perCall, latency] = limitsOf(options('plan', plan));
  const count = tasks === 0 ? 0 : positiveInteger('tasks', tasks);
  const slots = positiveInteger('concurrency', concurrency);
  if (pacing !== undefined) oneOf('pacing', PACINGS, pacing);
  return native.planDuration(count, slots, latency, requests, tokens, perCall, MINUTE, pacing === 'smooth');
}
