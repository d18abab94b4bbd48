/** Thresholds of changes: one standard for metrics, reports and gates. */
import { nonNegativeNumber, options, outOfRange } from '../arguments.js';
import { compare, type Decimal, decimal, minus, times } from './decimal.js';
import type { ComparedMetric, Thresholds } from './types.js';

/** The metrics that are compared, in the order of reports. */
export const COMPARED_METRICS = ['accuracy', 'passRate', 'avgScore', 'avgLatency', 'totalCost'] as const;

/** Metrics of which less is better. */
export const LOWER_IS_BETTER: ReadonlySet<ComparedMetric> = new Set(['avgLatency', 'totalCost']);

/** Thresholds of every metric. */
export type AllThresholds = Record<ComparedMetric, Thresholds>;

const DEFAULTS: AllThresholds = {
  accuracy: { critical: 10, major: 5, minor: 2 },
  passRate: { critical: 10, major: 5, minor: 2 },
  avgScore: { critical: 15, major: 8, minor: 3 },
  avgLatency: { critical: 50, major: 25, minor: 10 },
  totalCost: { critical: 40, major: 20, minor: 10 },
};

/** Checks the name of a metric. */
export function comparedMetric(name: string, value: unknown): ComparedMetric {
  const isKnown = COMPARED_METRICS.includes(value as ComparedMetric);
  return isKnown ? (value as ComparedMetric) : outOfRange(name, `one of ${COMPARED_METRICS.join(', ')}`, value);
}

/** Returns a copy of `base`, or of the defaults, with `given` over it. Throws for thresholds that cannot be used. */
export function allThresholds(
  given: Partial<Record<ComparedMetric, Partial<Thresholds>>> | undefined,
  base: AllThresholds = DEFAULTS,
): AllThresholds {
  const all = structuredClone(base);
  for (const [name, value] of Object.entries(options('thresholds', given))) {
    const metric = comparedMetric('a member of thresholds', name);
    if (value !== undefined) all[metric] = checkedThresholds(`thresholds.${metric}`, { ...all[metric], ...value });
  }
  return all;
}

function checkedThresholds(name: string, { critical, major, minor }: Thresholds): Thresholds {
  const checked = {
    critical: nonNegativeNumber(`${name}.critical`, critical),
    major: nonNegativeNumber(`${name}.major`, major),
    minor: nonNegativeNumber(`${name}.minor`, minor),
  };
  const isOrdered = minor <= major && major <= critical;
  return isOrdered ? checked : outOfRange(name, 'in the order critical ≥ major ≥ minor', checked);
}

const HUNDRED = decimal(100);

/**
 * Returns how far `current` is worse (above 0) or better (below 0), and the largest threshold that it reaches: `critical` and
 * `major` are reached, `minor` is exceeded. In decimal arithmetic: 1.1 is not more than 10 % above 1.
 */
export function judge(
  baseline: number,
  current: number,
  lowerIsBetter: boolean,
  thresholds: Thresholds,
): { isWorse: boolean; level: keyof Thresholds | undefined } {
  const [before, after] = [decimal(baseline), decimal(current)];
  const worse = lowerIsBetter ? minus(after, before) : minus(before, after);
  const change = times(magnitude(worse), HUNDRED);
  const share = (percent: number) => compare(change, times(decimal(percent), magnitude(before)));
  const isChange = change.digits !== 0n;
  const level =
    isChange && share(thresholds.critical) >= 0
      ? 'critical'
      : isChange && share(thresholds.major) >= 0
        ? 'major'
        : share(thresholds.minor) > 0
          ? 'minor'
          : undefined;
  return { isWorse: worse.digits > 0n, level };
}

function magnitude({ digits, exponent }: Decimal): Decimal {
  return { digits: digits < 0n ? -digits : digits, exponent };
}
