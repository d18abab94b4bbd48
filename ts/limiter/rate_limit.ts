/** The limiter on its own. */

import { signal as checkedSignal, nonNegativeNumber, options, positiveInteger, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { limitValues, type ResolvedLimits, resolveLimits, UNLIMITED } from '../executor/config.js';
import { checkedPriority } from '../executor/enqueue.js';
import type { HeadersLike, RateLimitConfig, RateLimiter } from '../executor/types.js';
import { tokensOf, usageOf } from '../executor/usage.js';
import { guarded, native } from '../native.js';
import { onAbort } from '../on_abort.js';
import type { TokenUsage } from '../types.js';
import { rateLimitHeaders } from './headers.js';

/** The weights a call is expected to have. */
export interface CallWeights {
  /** Calls; default 1. */
  requests?: number | undefined;
  /** Input and output tokens; `inputTokens` and `outputTokens` say it more exactly. */
  tokens?: number | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

/** Options of {@link RateLimit.acquire}. */
export interface AcquireOptions {
  /** Leaves the line; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Higher goes first: any number but NaN, default 0. One unit is worth 10 s of waiting. */
  priority?: number | undefined;
}

/**
 * The tokens that a call really used: a number, a usage object as the AI SDK, OpenAI, Anthropic or Gemini report it, a result
 * that carries one, or `undefined` for no tokens.
 */
export type SpentTokens = Partial<TokenUsage> | Readonly<Record<string, unknown>> | number | undefined;

/** A call that may start now. */
export interface Permit {
  /**
   * Corrects the call's weight to what it used, at the time it started. The first settlement counts. Throws a `TypeError` for
   * an object in which no usage is found.
   */
  settle(usage?: SpentTokens): void;
  /** No call was made: gives the permit back whole. */
  release(): void;
}

const RECORD = 10;
const BATCH = 64;
const LONGEST_TIMER = 2 ** 31 - 1;

interface Waiter {
  resolve(permit: Permit): void;
  reject(error: unknown): void;
}

/**
 * Limits on calls and tokens that hold in every window, for code that has a scheduler of its own.
 *
 * ```ts
 * const limit = new RateLimit({ requestsPerMinute: 500, tokensPerMinute: 30000 });
 * const permit = await limit.acquire({ inputTokens: 200, outputTokens: 800 }, { signal });
 * const response = await fetch(…);
 * limit.observe(response.headers);
 * permit.settle({ prompt: 180, completion: 350, total: 530 });
 * ```
 *
 * Make the call right after `acquire` resolves: a start is booked when the event loop has run what waited for it. Limits
 * that are not given are not limited. Tokens that are not given are taken to be the 95th percentile of what past calls
 * settled at. Waiting costs no timer per call: there is one for the next possible start.
 */
export class RateLimit {
  readonly #native: InstanceType<typeof native.NativeRateLimit>;
  readonly #out = new Float64Array(2 + BATCH * RECORD);
  readonly #waiters = new Map<number, Waiter>();
  #unstamped: Grant[] = [];
  #limits: ResolvedLimits;
  #next = 0;
  #stamping = false;
  #timer: NodeJS.Timeout | undefined;
  #lastReset = new Date();

  /** Throws a `RangeError` for limits ≤ 0 or NaN, a `TypeError` for wrong types. */
  constructor(limits?: RateLimitConfig) {
    this.#limits = resolveLimits('limits', limits, UNLIMITED);
    this.#native = guarded(() => new native.NativeRateLimit(limitValues(this.#limits, 1, 0)));
  }

  /** Resolves when a call of these weights may start. Rejects when `signal` is aborted or a daily quota is used up. */
  acquire(weights?: CallWeights, acquireOptions?: AcquireOptions): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const [requests, input, output] = checkedWeights(weights);
      const { signal, priority = 0 } = options('options', acquireOptions);
      checkedPriority('priority', priority);
      if (checkedSignal('signal', signal)?.aborted) throw signal?.reason;
      const id = this.#next;
      this.#next += 1;
      const abort = (): void => {
        this.#waiters.delete(id);
        this.#native.remove(id);
        reject(signal?.reason);
        this.#turn();
      };
      const leave = onAbort(signal, abort);
      this.#waiters.set(id, {
        resolve: (permit) => {
          leave();
          resolve(permit);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      });
      this.#native.push(id, requests, input, output, priority, performance.now());
      this.#turn();
    });
  }

  /** A permit if the call may start at once and nobody waits, else `undefined`. */
  tryAcquire(weights?: CallWeights): Permit | undefined {
    const [requests, input, output] = checkedWeights(weights);
    if (!this.#native.startNow(requests, input, output, performance.now(), this.#out)) return undefined;
    return this.#grant(2);
  }

  /** Settles a permit, as `permit.settle(usage)` does. */
  settle(permit: Permit, usage?: SpentTokens): void {
    if (typeof permit !== 'object' || permit === null) wrongType('permit', 'a permit of this limiter', permit);
    permit.settle(usage);
  }

  /**
   * Takes over what a response says of the limits (`x-ratelimit-*`, `anthropic-ratelimit-*`, `retry-after`,
   * `retry-after-ms`). It only ever tightens; `retry-after` closes the gate for everyone.
   */
  observe(headers: HeadersLike): void {
    this.#native.observe(rateLimitHeaders(headers), performance.now(), Date.now());
    this.#turn();
  }

  /** Changes limits that are given, keeps the rest; what has started keeps counting. */
  updateLimits(limits: RateLimitConfig): void {
    this.#limits = resolveLimits('limits', limits, this.#limits);
    guarded(() => this.#native.configure(limitValues(this.#limits, 1, 0)));
    this.#turn();
  }

  /** Limits and what of them is used. */
  getState(): RateLimiter {
    const now = performance.now();
    return {
      requestsPerMinute: this.#limits.requestsPerMinute,
      tokensPerMinute: this.#limits.tokensPerMinute,
      currentRequests: this.#native.load(1, now),
      currentTokens: this.#native.load(2, now),
      lastReset: this.#lastReset,
    };
  }

  /** Forgets what has started. */
  reset(): void {
    this.#native.reset();
    this.#lastReset = new Date();
    this.#turn();
  }

  #turn(): void {
    const out = this.#out;
    for (;;) {
      const count = this.#native.turn(performance.now(), out);
      for (let i = 0, at = 2; i < count; i += 1, at += RECORD) this.#tell(at);
      if (out[1] !== 1 || count < BATCH) break;
    }
    clearTimeout(this.#timer);
    const wake = out[0] as number;
    if (wake === Number.POSITIVE_INFINITY) return;
    const delay = Math.min(Math.max(Math.ceil(wake - performance.now()), 0), LONGEST_TIMER);
    this.#timer = setTimeout(() => this.#turn(), delay);
  }

  /** Tells the waiter of the record at `at`. */
  #tell(at: number): void {
    const out = this.#out;
    const id = out[at + 1] as number;
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (out[at] === 0) {
      waiter?.resolve(this.#grant(at));
      return;
    }
    const until = new Date(Date.now() + (out[at + 2] as number)).toISOString();
    waiter?.reject(new AiEvalsError('ERR_QUOTA_EXHAUSTED', `The quota is exhausted until ${until}.`));
  }

  #grant(at: number): Permit {
    const grant = new Grant(this.#native, this.#out.slice(at, at + RECORD), () => this.#turn());
    this.#unstamped.push(grant);
    if (!this.#stamping) {
      this.#stamping = true;
      // When whatever waited for these grants has run: the latest time at which their calls can have started.
      setImmediate(() => {
        this.#stamping = false;
        const grants = this.#unstamped;
        this.#unstamped = [];
        const now = performance.now();
        for (const one of grants) one.stamp(now);
        if (this.#waiters.size > 0) this.#turn();
      });
    }
    return grant;
  }
}

/** One grant, between its reservation and its settlement. */
class Grant implements Permit {
  readonly #native: InstanceType<typeof native.NativeRateLimit>;
  readonly #record: Float64Array;
  readonly #changed: () => void;
  #stamped = false;
  #settlement: (() => void) | undefined;
  #settled = false;

  constructor(limiter: InstanceType<typeof native.NativeRateLimit>, record: Float64Array, changed: () => void) {
    this.#native = limiter;
    this.#record = record;
    this.#changed = changed;
  }

  stamp(now: number): void {
    if (this.#stamped) return;
    this.#stamped = true;
    this.#record[2] = this.#native.stamp(this.#record, now);
    this.#settlement?.();
  }

  settle(usage?: SpentTokens): void {
    const [kind, input, output, cached] = spentTokens(usage);
    this.#once(() => this.#native.settle(this.#record, kind, input, output, cached));
  }

  release(): void {
    if (!this.#stamped && !this.#settled) {
      this.#stamped = true;
      this.#settled = true;
      this.#native.release(this.#record);
      this.#changed();
    } else {
      this.#once(() => this.#native.settle(this.#record, 2, 0, 0, 0));
    }
  }

  /** A weight can be corrected only where it is booked: before the stamp the settlement waits for it. */
  #once(settlement: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    if (!this.#stamped) {
      this.#settlement = settlement;
      return;
    }
    settlement();
    this.#changed();
  }
}

function checkedWeights(weights: CallWeights | undefined): [requests: number, input: number, output: number] {
  const { requests = 1, tokens, inputTokens, outputTokens } = options('weights', weights);
  positiveInteger('requests', requests);
  if (inputTokens !== undefined || outputTokens !== undefined) {
    const input = nonNegativeNumber('inputTokens', inputTokens ?? 0);
    return [requests, input, nonNegativeNumber('outputTokens', outputTokens ?? Math.max((tokens ?? 0) - input, 0))];
  }
  return tokens === undefined ? [requests, Number.NaN, Number.NaN] : [requests, 0, nonNegativeNumber('tokens', tokens)];
}

function spentTokens(usage: SpentTokens): [kind: 0 | 1, input: number, output: number, cached: number] {
  if (usage === undefined) return [0, 0, 0, 0];
  if (typeof usage === 'number') return [1, 0, nonNegativeNumber('usage', usage), 0];
  const tokens = tokensOf(usage) ?? usageOf(usage);
  if (tokens === undefined) wrongType('usage', 'a number of tokens, a usage object or a result with one', usage);
  return [1, tokens.input, tokens.output, tokens.cached];
}
