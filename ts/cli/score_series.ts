/** The scores of one scorer as they come, and their figures. */
import { bootstrapInterval, type Summary, wilsonInterval } from '../scorers/aggregates.js';
import type { Scored } from './scorer_columns.js';

/** Values drawn by all resamples together, which take a second or two. */
const DRAWN = 2e8;
const RESAMPLES = { least: 200, most: 10_000 };

/** Returns the number of bootstrap resamples for so many values: 10,000, and fewer from 20,000 values on. */
export function resamplesFor(values: number): number {
  return Math.max(RESAMPLES.least, Math.min(RESAMPLES.most, Math.floor(DRAWN / Math.max(1, values))));
}

/** Scores in the order in which they come. Costs 8 bytes a score. */
export class ScoreSeries {
  #scores = new Float64Array(256);
  #count = 0;
  #passed = 0;
  #unusable = 0;

  /** Adds a score, or counts that there is none. */
  add(scored: Scored): void {
    if ('problem' in scored) {
      this.#unusable += 1;
      return;
    }
    if (this.#count === this.#scores.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#scores);
      this.#scores = larger;
    }
    this.#scores[this.#count] = scored.score;
    this.#count += 1;
    if (scored.passed) this.#passed += 1;
  }

  /** Returns the mean with its bootstrap interval and the pass rate with Wilson's, both at 95 %. */
  summary(): Summary {
    const [count, passed] = [this.#count, this.#passed];
    // Sorted, so that the figures do not depend on the order in which answers came.
    const scores = this.#scores.slice(0, count).sort();
    const none = { mean: Number.NaN, low: Number.NaN, high: Number.NaN };
    const { mean, low, high } = count === 0 ? none : bootstrapInterval(scores, { resamples: resamplesFor(count) });
    return {
      count,
      unusable: this.#unusable,
      mean,
      meanInterval: { low, high },
      passed,
      passRate: count === 0 ? Number.NaN : passed / count,
      passRateInterval: wilsonInterval(passed, count),
    };
  }
}
