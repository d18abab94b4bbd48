/** The difference of two models on the same cases, and its probability under chance alone. */
import { pairedBootstrap } from '../../scorers/index.js';

/** Cases that differ, below which every assignment of signs is looked at. */
const FEW = 18;
/** Values drawn by all resamples of a bootstrap, and the number of these. */
const DRAWN = 5e7;

/** A difference of means, its interval, and the probability of one as large by chance. */
export interface PairedDifference {
  difference: number;
  low: number;
  high: number;
  p: number;
}

/**
 * Returns the mean of `a` less that of `b`, case by case, with its bootstrap interval. `p` is that of the exact sign-flip
 * permutation test (Fisher, 1935; Pitman, 1937) where fewer than 18 cases differ, since a bootstrap of few cases is too sure
 * of itself. Beyond it is the bootstrap's. O(n · resamples).
 */
export function pairedDifference(a: readonly number[], b: readonly number[], confidence: number): PairedDifference {
  const resamples = Math.max(500, Math.min(10_000, Math.floor(DRAWN / a.length)));
  const { difference, low, high, p } = pairedBootstrap(a, b, { confidence, resamples });
  const differing = a.map((value, i) => value - b[i]!).filter((change) => change !== 0);
  return { difference, low, high, p: differing.length < FEW ? signFlipP(differing) : p };
}

/** The share of the assignments of signs to `changes` whose sum is as far from 0 as that of `changes` is. O(2^n · n). */
function signFlipP(changes: readonly number[]): number {
  const observed = Math.abs(changes.reduce((sum, change) => sum + change, 0));
  const assignments = 2 ** changes.length;
  let extreme = 0;
  for (let signs = 0; signs < assignments; signs += 1) {
    let sum = 0;
    for (let i = 0; i < changes.length; i += 1) sum += (signs >> i) & 1 ? changes[i]! : -changes[i]!;
    // Rounding must not tell equal sums apart.
    if (Math.abs(sum) >= observed - 1e-9) extreme += 1;
  }
  return extreme / assignments;
}

/** Returns the p values after Holm's correction for their number, in the given order (Holm, 1979). O(n log n). */
export function holmAdjusted(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const adjusted = [...values];
  let largest = 0;
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, values[i]! * (values.length - rank)));
    adjusted[i] = largest;
  }
  return adjusted;
}
