/** The consistency of a model that is asked each case several times. */
import type { Case } from './cases.js';
import type { CaseResult } from './tally.js';

/** Figures over the cases that have all their answers. Shares are 0–1, and 0 without any such case. */
export interface ConsistencySummary {
  /** Answers to each case. */
  repeat: number;
  /** Cases that have all their answers. */
  cases: number;
  /** The share of cases whose every answer passed (pass^k). */
  allPassed: number;
  /** The share of cases of which at least one answer passed (pass@k). */
  anyPassed: number;
  /** The share of cases whose answers all got the same verdict. */
  agreement: number;
}

/** Counts answers by case. An answer without a verdict did not pass. Costs memory for cases under way alone. */
export class Consistency {
  readonly #repeat: number;
  readonly #open = new Map<number, { answers: number; passed: number }>();
  readonly #counts = { cases: 0, all: 0, any: 0 };

  constructor(repeat: number) {
    this.#repeat = repeat;
  }

  /** Counts an answer. */
  add({ index }: Case, { passed }: CaseResult): void {
    const position = Math.floor(index / this.#repeat);
    const counts = this.#open.get(position) ?? { answers: 0, passed: 0 };
    this.#open.set(position, counts);
    counts.answers += 1;
    if (passed) counts.passed += 1;
    if (counts.answers < this.#repeat) return;
    this.#open.delete(position);
    this.#counts.cases += 1;
    if (counts.passed === this.#repeat) this.#counts.all += 1;
    if (counts.passed > 0) this.#counts.any += 1;
  }

  /** Returns the figures so far. */
  summary(): ConsistencySummary {
    const { cases, all, any } = this.#counts;
    const share = (n: number): number => (cases === 0 ? 0 : n / cases);
    return {
      repeat: this.#repeat,
      cases,
      allPassed: share(all),
      anyPassed: share(any),
      agreement: share(all + cases - any),
    };
  }
}
