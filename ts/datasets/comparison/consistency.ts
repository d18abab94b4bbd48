/** Figures of several answers to one case: how often one of k, and all of k, are right, and how often answers agree. */
import { nonNegativeInteger, outOfRange, positiveInteger } from '../../arguments.js';

function checked(n: number, c: number, k: number): void {
  nonNegativeInteger('n', n);
  if (nonNegativeInteger('c', c) > n) outOfRange('c', `at most n (${n})`, c);
  if (positiveInteger('k', k) > n) outOfRange('k', `at most n (${n})`, k);
}

/**
 * Returns pass@k: the probability that at least one of `k` answers is right, where `c` of `n` were. The unbiased estimator
 * 1 − C(n−c, k) / C(n, k) of Chen et al., "Evaluating Large Language Models Trained on Code" (2021). O(k).
 *
 * @throws RangeError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
 */
export function passAtK(n: number, c: number, k: number): number {
  checked(n, c, k);
  return 1 - shareOfDraws(n - c, n, k);
}

/**
 * Returns pass^k: the probability that all of `k` answers are right, where `c` of `n` were. The unbiased estimator
 * C(c, k) / C(n, k) of Yao et al., "τ-bench" (2024). O(k).
 *
 * @throws RangeError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
 */
export function passHatK(n: number, c: number, k: number): number {
  checked(n, c, k);
  return shareOfDraws(c, n, k);
}

/** C(some, k) / C(all, k), as a product of shares, which no size of the numbers overflows. */
function shareOfDraws(some: number, all: number, k: number): number {
  if (k > some) return 0;
  let share = 1;
  for (let i = 0; i < k; i += 1) share *= (some - i) / (all - i);
  return share;
}

/** Returns the share of pairs of answers with the same verdict, where `c` of `n` passed; 1 for a single answer. O(1). */
export function verdictAgreement(n: number, c: number): number {
  if (n < 2) return 1;
  const pairs = (count: number) => (count * (count - 1)) / 2;
  return (pairs(c) + pairs(n - c)) / pairs(n);
}
