/** The figures of a run as they grow: verdicts by category, tokens, errors, and the results in dataset order. */
import type { TokenUsage } from '../types.js';

/** Verdicts of some cases. `total` = `passed` + `failed` + `errors`. */
export interface Counts {
  total: number;
  passed: number;
  /** Answered, but not right. */
  failed: number;
  /** Not answered: the call failed for good. */
  errors: number;
  /** `passed / total`, 0 when there is none. */
  passRate: number;
}

/** What became of one case. */
export interface CaseResult {
  id: string;
  passed: boolean;
  /** 0–1. */
  score: number;
  /** Why there is no answer to score. */
  error?: string;
}

/** Error messages are counted up to this many different ones; beyond it they only count. */
const MOST_MESSAGES = 50;

export class Tally {
  readonly all = emptyCounts();
  readonly byCategory = new Map<string, Counts>();
  readonly tokens: TokenUsage = { prompt: 0, completion: 0, total: 0 };
  /** How often each error was met. */
  readonly messages = new Map<string, number>();
  /**
   * Cases answered by a call, by the cache (by a call of another run, too), and by one that another case had under way;
   * and those that a replay could not answer.
   */
  readonly answered = { called: 0, cached: 0, shared: 0, missing: 0 };
  /** Attempts beyond the first of a call. */
  retries = 0;
  /** Tokens that cached and shared answers would have taken. */
  readonly saved = { prompt: 0, completion: 0 };
  readonly #results: CaseResult[] | undefined;

  /** `keepResults`: whether every result is wanted at the end, at about 100 bytes each. */
  constructor(keepResults: boolean) {
    this.#results = keepResults ? [] : undefined;
  }

  scored(index: number, id: string, category: string, score: number, passed: boolean): void {
    this.#count(category, passed ? 'passed' : 'failed');
    if (this.#results) this.#results[index] = { id, passed, score };
  }

  failed(index: number, id: string, category: string, error: string): void {
    this.#count(category, 'errors');
    if (this.#results) this.#results[index] = { id, passed: false, score: 0, error };
    if (this.messages.has(error) || this.messages.size < MOST_MESSAGES) {
      this.messages.set(error, (this.messages.get(error) ?? 0) + 1);
    }
  }

  used({ prompt, completion, total }: TokenUsage): void {
    this.tokens.prompt += prompt;
    this.tokens.completion += completion;
    this.tokens.total += total;
  }

  /** The results there are, in dataset order. */
  results(): CaseResult[] {
    return this.#results?.filter((result) => result !== undefined) ?? [];
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
