/** Answers waiting to be scored, so that a native call scores many at once. */
import { performanceMonitor } from '../monitor/index.js';
import { type Matcher, matcherFor, scoreMatches } from '../scoring/match.js';
import type { Case } from './cases.js';
import type { RunOptions } from './run_options.js';
import type { Tally } from './tally.js';

const BATCH = 128;
/** Milliseconds an answer waits for company: progress is to look alive. */
const LONGEST_WAIT = 100;

interface Answer {
  one: Case;
  actual: unknown;
}

export class ScoreQueue {
  readonly #options: Pick<RunOptions, 'scorer' | 'tolerance'>;
  readonly #tally: Tally;
  #waiting: Answer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: Pick<RunOptions, 'scorer' | 'tolerance'>, tally: Tally) {
    this.#options = options;
    this.#tally = tally;
  }

  add(one: Case, actual: unknown): void {
    this.#waiting.push({ one, actual });
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
      const { scorer } = this.#options;
      const groups = new Map<Matcher, Answer[]>();
      for (const answer of waiting) {
        const matcher = scorer === 'auto' ? matcherFor(answer.one.expected) : scorer;
        const group = groups.get(matcher);
        if (group) group.push(answer);
        else groups.set(matcher, [answer]);
      }
      for (const [matcher, answers] of groups) this.#score(matcher, answers);
    });
  }

  #score(matcher: Matcher, answers: Answer[]): void {
    const pairs = answers.map(({ one, actual }) => ({ expected: one.expected, actual }));
    const scores = scoreMatches(matcher, pairs, { tolerance: this.#options.tolerance });
    for (const [i, { one }] of answers.entries()) {
      const { score, passed } = scores[i]!;
      if (Number.isNaN(score)) {
        this.#tally.failed(one.index, one.id, one.category, 'the expected value holds no number to compare with');
      } else {
        this.#tally.scored(one.index, one.id, one.category, score, passed);
      }
    }
  }
}
