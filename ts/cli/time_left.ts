/** An estimate of when a run ends: by its pace so far, and by when the limits let the last call start. */

/** The window of provider limits, in milliseconds. */
const WINDOW = 60_000;
/** Width of the buckets that starts are counted in. */
const BUCKET = 500;

/** Limits on starts in any 60 s. */
export interface Limits {
  requestsPerMinute: number;
  tokensPerMinute: number;
}

/** The state of a run. */
export interface Pace {
  /** Cases that are not done. */
  left: number;
  /** Cases that are. */
  done: number;
  /** Share of the cases that need a call, 0–1. */
  callShare?: number;
  /** Tokens of a call, on average; 0 when none is known. */
  tokensPerCall?: number;
  /** Milliseconds of the run in which a limit held calls back. */
  throttled: number;
}

/** Times are arguments, in milliseconds of any clock. */
export class TimeLeft {
  readonly #limits: Limits | undefined;
  /** Starts of the last window, oldest first. */
  readonly #starts: { at: number; calls: number }[] = [];
  #begin: number | undefined;

  constructor(limits?: Limits) {
    this.#limits = limits;
  }

  /** Notes the start of a call. */
  started(now: number): void {
    this.#begin ??= now;
    const last = this.#starts.at(-1);
    if (last && now - last.at < BUCKET) last.calls += 1;
    else this.#starts.push({ at: now, calls: 1 });
    this.#forget(now);
  }

  /** Returns the milliseconds until the cases that are left are done; `undefined` before anything was done. */
  left(now: number, { left, done, callShare = 1, tokensPerCall = 0, throttled }: Pace): number | undefined {
    this.#begin ??= now;
    if (left === 0) return 0;
    if (done === 0) return undefined;
    const working = Math.max(now - this.#begin - throttled, 1);
    const atPace = (left * working) / done;
    return Math.max(atPace, this.#untilLastStart(now, Math.round(left * callShare), tokensPerCall));
  }

  /** Until the limits let the last of `calls` start, given the starts of the last 60 s. */
  #untilLastStart(now: number, calls: number, tokensPerCall: number): number {
    if (!this.#limits || calls === 0) return 0;
    const { requestsPerMinute, tokensPerMinute } = this.#limits;
    const byTokens = tokensPerCall > 0 ? Math.floor(tokensPerMinute / tokensPerCall) : Number.POSITIVE_INFINITY;
    const limit = Math.max(1, Math.min(requestsPerMinute, byTokens));
    this.#forget(now);
    // In the first window each start takes the place of one that leaves it; the windows after it repeat the first.
    const windows = Math.floor((calls - 1) / limit);
    const place = ((calls - 1) % limit) + 1;
    const recent = this.#starts.reduce((sum, { calls: n }) => sum + n, 0);
    let freed = limit - recent;
    let wait = 0;
    for (const { at, calls: n } of this.#starts) {
      if (freed >= place) break;
      freed += n;
      wait = at + WINDOW - now;
    }
    return wait + windows * WINDOW;
  }

  #forget(now: number): void {
    while (this.#starts.length > 0 && this.#starts[0]!.at <= now - WINDOW) this.#starts.shift();
  }
}
