/**
 * The limits the local server enforces, independent of the package's own limiter: what started is counted in a sliding
 * window, and a request that would exceed a limit is turned away with the time after which it fits.
 */

export interface QuotaLimits {
  /** Requests in any 60 s. */
  requestsPerMinute: number;
  /** Prompt and answer tokens in any 60 s. */
  tokensPerMinute: number;
  /** Requests in any one second: providers judge slices of the minute, too. */
  requestsPerSecond: number;
}

/** One limited quantity over one window. */
class Window {
  readonly #limit: number;
  readonly #length: number;
  readonly #taken: { time: number; weight: number }[] = [];
  #sum = 0;

  constructor(limit: number, length: number) {
    this.#limit = limit;
    this.#length = length;
  }

  /** Milliseconds from `now` until `weight` fits; 0 when it does. A weight above the limit fits an empty window. */
  wait(now: number, weight: number): number {
    this.#forget(now);
    let sum = this.#sum;
    for (const taken of this.#taken) {
      if (sum + weight <= this.#limit) break;
      sum -= taken.weight;
      if (sum + weight <= this.#limit || sum === 0) return taken.time + this.#length - now;
    }
    return 0;
  }

  take(now: number, weight: number): void {
    this.#taken.push({ time: now, weight });
    this.#sum += weight;
  }

  remaining(now: number): number {
    this.#forget(now);
    return Math.max(0, this.#limit - this.#sum);
  }

  /** Milliseconds until nothing is left in the window. */
  reset(now: number): number {
    const last = this.#taken.at(-1);
    return last ? last.time + this.#length - now : 0;
  }

  #forget(now: number): void {
    const kept = this.#taken.findIndex(({ time }) => time > now - this.#length);
    const gone = this.#taken.splice(0, kept === -1 ? this.#taken.length : kept);
    for (const { weight } of gone) this.#sum -= weight;
  }
}

/** The decision on a request: admitted, or the milliseconds to wait and the limit that is the reason. */
export type Admission = { admitted: true } | { admitted: false; retryAfter: number; reason: 'requests' | 'tokens' };

/** The limits of one client of the local server. */
export class Quota {
  readonly #limits: QuotaLimits;
  readonly #minute: Window;
  readonly #second: Window;
  readonly #tokens: Window;

  constructor(limits: QuotaLimits) {
    this.#limits = limits;
    this.#minute = new Window(limits.requestsPerMinute, 60_000);
    this.#second = new Window(limits.requestsPerSecond, 1000);
    this.#tokens = new Window(limits.tokensPerMinute, 60_000);
  }

  /** Counts a request of `tokens` tokens at `now` (ms), or says when it would fit. */
  admit(now: number, tokens: number): Admission {
    const requests = Math.max(this.#minute.wait(now, 1), this.#second.wait(now, 1));
    const waitTokens = this.#tokens.wait(now, tokens);
    if (requests > 0 || waitTokens > 0) {
      return {
        admitted: false,
        retryAfter: Math.max(requests, waitTokens),
        reason: waitTokens > requests ? 'tokens' : 'requests',
      };
    }
    this.#minute.take(now, 1);
    this.#second.take(now, 1);
    this.#tokens.take(now, tokens);
    return { admitted: true };
  }

  /** The `x-ratelimit-*` headers, as OpenAI sends them. */
  headers(now: number): Record<string, string> {
    return {
      'x-ratelimit-limit-requests': String(this.#limits.requestsPerMinute),
      'x-ratelimit-limit-tokens': String(this.#limits.tokensPerMinute),
      'x-ratelimit-remaining-requests': String(this.#minute.remaining(now)),
      'x-ratelimit-remaining-tokens': String(this.#tokens.remaining(now)),
      'x-ratelimit-reset-requests': `${Math.ceil(this.#minute.reset(now))}ms`,
      'x-ratelimit-reset-tokens': `${Math.ceil(this.#tokens.reset(now))}ms`,
    };
  }
}
