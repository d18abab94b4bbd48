/** Answers waiting to be scored, so that a native call scores many at once. */
import { performanceMonitor } from '../monitor/index.js';
import { type Matcher, matcherFor, matchText, scoreMatches } from '../scoring/match.js';
import { type Case, NOT_ONE_NUMBER } from './cases.js';
import type { RunOptions } from './run_options.js';
import type { Answered, Tally } from './tally.js';

const BATCH = 128;
/** Milliseconds an answer waits for company: progress is to look alive. */
const LONGEST_WAIT = 100;

/** The error of a case whose expected value a matcher cannot use. */
const UNUSABLE: Record<Matcher, string> = {
  exact: 'the expected value cannot be compared',
  numeric: NOT_ONE_NUMBER,
  json: 'the expected value is nested more than 1,000 deep and cannot be compared',
};

interface Waiting {
  one: Case;
  answered: Answered;
  /** The text that the answer is compared with. */
  expected: string;
  actual: string;
}

export class ScoreQueue {
  readonly #options: Pick<RunOptions, 'scorer' | 'tolerance'>;
  readonly #tally: Tally;
  #waiting: { one: Case; answered: Answered }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Pick<RunOptions, 'scorer' | 'tolerance'>, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
  }

  /** Adds the answer to a case. */
  add(one: Case, answered: Answered): void {
    this.#waiting.push({ one, answered });
    if (this.#waiting.length >= BATCH) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), LONGEST_WAIT).unref();
  }

  /** Scores what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    performanceMonitor.measureSync('scoring', () => {
      const groups = new Map<Matcher, Waiting[]>();
      for (const { one, answered } of waiting) {
        const texts = this.#texts(one, answered);
        if (!texts) continue;
        const { scorer } = this.#options;
        const matcher = scorer === 'auto' ? matcherFor(one.expected) : scorer;
        const group = groups.get(matcher);
        if (group) group.push({ one, answered, ...texts });
        else groups.set(matcher, [{ one, answered, ...texts }]);
      }
      for (const [matcher, answers] of groups) this.#score(matcher, answers);
    });
  }

  /** Returns the texts to compare; `undefined` when one of the values has none, which is an error of its case. */
  #texts(one: Case, answered: Answered): { expected: string; actual: string } | undefined {
    try {
      return { expected: matchText(one.expected), actual: matchText(answered.actual) };
    } catch (error) {
      this.#tally.failed(
        one,
        `the expected value or the answer cannot be compared: ${(error as Error).message}`,
        answered,
      );
      return undefined;
    }
  }

  #score(matcher: Matcher, answers: Waiting[]): void {
    const scores = scoreMatches(matcher, answers, { tolerance: this.#options.tolerance });
    for (const [i, { one, answered }] of answers.entries()) {
      const { score, passed } = scores[i]!;
      if (Number.isNaN(score)) this.#tally.failed(one, UNUSABLE[matcher], answered);
      else this.#tally.scored(one, answered, score, passed);
    }
  }
}
