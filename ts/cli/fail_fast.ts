/** The end of a run that cannot come to anything: calls fail for good, and not one was answered. */

/** Calls that have to fail so before the run ends itself. */
const ENOUGH = 10;

/** Failures that more calls will meet again, and what to do about them. */
const HOPELESS: readonly [pattern: RegExp, advice: string][] = [
  [/\bHTTP 40[13]\b/, 'check OPENAI_API_KEY'],
  [/\banswer by rules only\b/, 'name another model by OPENAI_BASE_URL, OPENAI_API_KEY and --model'],
  [/\bHTTP 40[45]\b/, 'check OPENAI_BASE_URL and --model'],
  [/\b(ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|CERT_|self.signed)/, 'check OPENAI_BASE_URL'],
];

/** Returns what to do about a failure that more calls will meet again; `undefined` for any other failure. */
export function adviceOn(message: string): string | undefined {
  return HOPELESS.find(([pattern]) => pattern.test(message))?.[1];
}

export class FailFast {
  readonly #stop = new AbortController();
  readonly #enough: number;
  #failed = 0;
  #answered = false;
  /** Why the run ended; `undefined` as long as it goes on. */
  reason: string | undefined;

  /** `enough`: how many calls have to fail; 10 by default, `Infinity` for never. */
  constructor(enough = ENOUGH) {
    this.#enough = enough;
  }

  /** Aborted when the run is to end. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Notes that a call was answered: the run is worth going on with. */
  answered(): void {
    this.#answered = true;
  }

  /** Notes a case that ended in an error. */
  failed(message: string): void {
    const advice = adviceOn(message);
    if (this.#answered || advice === undefined || this.reason !== undefined) return;
    this.#failed += 1;
    if (this.#failed < this.#enough) return;
    this.reason = `the first ${this.#failed} calls failed and none was answered (${message}): ${advice}`;
    this.#stop.abort();
  }
}
