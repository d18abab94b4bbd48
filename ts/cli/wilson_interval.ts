/** The uncertainty of a pass rate. */

/** The quantile of the normal distribution for 95 %. */
const Z = 1.959963984540054;

/** Bounds of a share, 0–1. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * Returns the 95 % interval of the share behind `passed` of `total` cases, by Wilson's score without correction
 * (E. B. Wilson, 1927). 0–1 when there is no case.
 */
export function wilsonInterval(passed: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 };
  const share = passed / total;
  const center = (share + Z ** 2 / (2 * total)) / (1 + Z ** 2 / total);
  const reach = (Z / (1 + Z ** 2 / total)) * Math.sqrt((share * (1 - share)) / total + Z ** 2 / (4 * total ** 2));
  return {
    low: passed === 0 ? 0 : Math.max(0, center - reach),
    high: passed === total ? 1 : Math.min(1, center + reach),
  };
}
