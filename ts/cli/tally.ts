/** The figures of a run as they grow: verdicts by category, tokens, errors, and the first failed cases. */
import type { Score } from '../scorers/scorer.js';
import type { TokenUsage } from '../types.js';
import type { Case } from './cases.js';

/** Verdicts of some cases. `total` = `passed` + `failed` + `errors`. */
export interface Counts {
  total: number;
  passed: number;
  /** Answered, but not right. */
  failed: number;
  /** Without a verdict: the call failed for good, or nothing can be compared with what is expected. */
  errors: number;
  /** `passed / total`, 0 when there is none. */
  passRate: number;
}

/** Scores of one case by scorer; a scorer that gave none is not in it. */
export type CaseScores = Record<string, Score>;

/** The result of one case, as `--json` and `--json-lines` write it. */
export interface CaseResult {
  id: string;
  /** The how-manieth answer to the case it is, from 0; only where a case is asked several times. */
  repeat?: number;
  category: string;
  /** `null` when recorded answers are scored and the dataset holds no input. */
  input: unknown;
  expected: unknown;
  /** The answer; `null` when there is none. */
  actual: unknown;
  passed: boolean;
  /** 0–1; the least of several scores. */
  score: number;
  /** The score of each scorer, by the text of its `--scorer`. */
  scores: CaseScores;
  /** The reason why there is no verdict; `null` when there is one. */
  error: string | null;
  /** Milliseconds of the call, with waits and further attempts; `null` without a call. */
  latencyMs: number | null;
  /** Tokens of the answer, also of a kept one; `null` when they are not known. */
  tokens: TokenUsage | null;
  /** US dollars that this case cost in this run: 0 for a kept or shared answer, `null` when the price is not known. */
  cost: number | null;
  /** `true` when the answer was kept by an earlier call or shared with another case. */
  cached: boolean;
}

/** An answer and what it took. */
export type Answered = Pick<CaseResult, 'actual' | 'latencyMs' | 'tokens' | 'cost' | 'cached'>;

/** A case without an answer. */
export const NO_ANSWER: Answered = { actual: null, latencyMs: null, tokens: null, cost: null, cached: false };

/** A case that was answered and not passed. */
export interface FailedCase {
  index: number;
  id: string;
  category: string;
  expected: unknown;
  actual: unknown;
}

/** Told of a result, and whether an earlier part of the run had it. */
export type OnResult = (one: Case, result: CaseResult, isRestored: boolean) => void;

/** Error messages are counted up to this many different ones; beyond it they only count. */
const MOST_MESSAGES = 50;

export class Tally {
  readonly all = emptyCounts();
  readonly byCategory = new Map<string, Counts>();
  readonly tokens: TokenUsage = { prompt: 0, completion: 0, total: 0 };
  /** Number of cases by error message. */
  readonly messages = new Map<string, number>();
  /** The first failed cases of the dataset, in its order. */
  readonly failures: FailedCase[] = [];
  /**
   * Cases answered by a call, by the cache (by a call of another run, too), and by one that another case had under way;
   * and those that a replay could not answer.
   */
  readonly answered = { called: 0, cached: 0, shared: 0, missing: 0 };
  /** Attempts beyond the first of a call. */
  retries = 0;
  /** Attempts that were turned away because of a limit (HTTP 429 and 529). */
  refusals = 0;
  /** Tokens that cached and shared answers would have taken. */
  readonly saved = { prompt: 0, completion: 0 };
  readonly #mostFailures: number;
  readonly #onResult: OnResult;

  /**
   * `mostFailures`: how many failed cases are kept; `onResult`: told of each result, in the order of completion.
   */
  constructor(mostFailures = 0, onResult: OnResult = () => {}) {
    this.#mostFailures = mostFailures;
    this.#onResult = onResult;
  }

  /** Counts the verdict on an answer. */
  scored(one: Case, answered: Answered, score: number, passed: boolean, scores: CaseScores = {}): void {
    this.#count(one.category, passed ? 'passed' : 'failed');
    if (!passed) this.#keepFailure(one, answered.actual);
    this.#report(one, answered, { passed, score, scores, error: null });
  }

  /** Counts a verdict of an earlier part of the run. */
  restored(one: Case, result: CaseResult): void {
    this.#count(one.category, result.passed ? 'passed' : 'failed');
    if (!result.passed) this.#keepFailure(one, result.actual);
    this.#onResult(one, result, true);
  }

  /** Counts a case without a verdict. */
  failed(one: Case, error: string, answered: Answered = NO_ANSWER, scores: CaseScores = {}): void {
    this.#count(one.category, 'errors');
    if (this.messages.has(error) || this.messages.size < MOST_MESSAGES) {
      this.messages.set(error, (this.messages.get(error) ?? 0) + 1);
    }
    this.#report(one, answered, { passed: false, score: 0, scores, error });
  }

  /** Counts the tokens of a call. */
  used({ prompt, completion, total }: TokenUsage): void {
    this.tokens.prompt += prompt;
    this.tokens.completion += completion;
    this.tokens.total += total;
  }

  #report(one: Case, answered: Answered, verdict: Pick<CaseResult, 'passed' | 'score' | 'scores' | 'error'>): void {
    const { id, category, input = null, expected } = one;
    const { actual, ...figures } = answered;
    this.#onResult(one, { id, category, input, expected, actual, ...verdict, ...figures }, false);
  }

  #keepFailure({ index, id, category, expected }: Case, actual: unknown): void {
    const at = this.failures.findIndex((failure) => failure.index > index);
    if (at < 0 && this.failures.length >= this.#mostFailures) return;
    this.failures.splice(at < 0 ? this.failures.length : at, 0, { index, id, category, expected, actual });
    if (this.failures.length > this.#mostFailures) this.failures.pop();
  }

  #count(category: string, verdict: 'passed' | 'failed' | 'errors'): void {
    const counts = this.byCategory.get(category) ?? emptyCounts();
    this.byCategory.set(category, counts);
    for (const each of [this.all, counts]) {
      each.total += 1;
      each[verdict] += 1;
      each.passRate = each.passed / each.total;
    }
  }
}

function emptyCounts(): Counts {
  return { total: 0, passed: 0, failed: 0, errors: 0, passRate: 0 };
}
