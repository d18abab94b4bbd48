/** The comparison of metrics with a baseline: what is worse, what is better, and what cannot be judged. */
import { type Confidence, caseKeys, confidenceOf } from './change_confidence.js';
import { decimal, minus, quotient, toNumber } from './decimal.js';
import { type AllThresholds, COMPARED_METRICS, judge, LOWER_IS_BETTER } from './thresholds.js';
import type {
  BaselineComparison,
  CaseOutcome,
  CategoryMetrics,
  ComparedMetric,
  Improvement,
  MetricChange,
  Metrics,
  Regression,
  Unjudged,
} from './types.js';

/** The category of figures over all cases. */
const OVERALL = 'overall';
const CATEGORY_METRICS = ['accuracy', 'avgScore', 'avgLatency'] as const;
const WEIGHTS: Partial<Record<ComparedMetric, number>> = {
  accuracy: 0.4,
  avgScore: 0.3,
  avgLatency: 0.2,
  totalCost: 0.1,
};
const MAGNITUDES = { critical: 'major', major: 'moderate', minor: 'minor' } as const;

type Found = Pick<BaselineComparison, 'regressions' | 'improvements' | 'unjudged'>;

/** Compares metrics with those of a baseline. O(cases), and a bootstrap for each change that is told. */
export function compareMetrics(
  baseline: Metrics,
  current: Metrics,
  thresholds: AllThresholds,
): Omit<BaselineComparison, 'baselineId' | 'currentRunId' | 'metrics'> {
  const comparison = new Comparison(baseline, current, thresholds);
  comparison.overall();
  comparison.categories();
  comparison.cases();
  const { regressions, improvements } = comparison.found;
  const count = (severity: Regression['severity']) => regressions.filter((one) => one.severity === severity).length;
  return {
    ...comparison.found,
    summary: {
      totalRegressions: regressions.length,
      criticalRegressions: count('critical'),
      majorRegressions: count('major'),
      minorRegressions: count('minor'),
      totalImprovements: improvements.length,
      overallChange: overallChange(baseline, current),
    },
  };
}

class Comparison {
  readonly found: Found = { regressions: [], improvements: [], unjudged: [] };
  readonly #baseline: Metrics;
  readonly #current: Metrics;
  readonly #thresholds: AllThresholds;

  constructor(baseline: Metrics, current: Metrics, thresholds: AllThresholds) {
    this.#baseline = baseline;
    this.#current = current;
    this.#thresholds = thresholds;
  }

  overall(): void {
    for (const metric of COMPARED_METRICS) {
      this.#metric(OVERALL, OVERALL, metric, this.#baseline[metric], this.#current[metric], () =>
        confidenceOf(metric, this.#baseline, this.#current),
      );
    }
  }

  categories(): void {
    const [before, after] = [breakdownOf(this.#baseline), breakdownOf(this.#current)];
    for (const [category, figures] of before) {
      const now = after.get(category);
      if (now === undefined) this.#category('vanished-category', category, 'is in the baseline only');
      else this.#categoryMetrics(category, figures, now);
    }
    for (const category of after.keys()) {
      if (!before.has(category)) this.#category('new-category', category, 'is not in the baseline');
    }
  }

  #categoryMetrics(category: string, before: Partial<CategoryMetrics>, after: Partial<CategoryMetrics>): void {
    const [casesBefore, casesAfter] = [this.#baseline.cases, this.#current.cases].map((cases) =>
      cases?.filter((each) => each.category === category),
    );
    for (const metric of CATEGORY_METRICS) {
      this.#metric(category, category, metric, before[metric], after[metric], () =>
        confidenceOf(
          metric,
          { cases: casesBefore, passed: before.passed, totalTests: before.totalTests },
          { cases: casesAfter, passed: after.passed, totalTests: after.totalTests },
        ),
      );
    }
  }

  #category(reason: Unjudged['reason'], category: string, state: string): void {
    this.found.unjudged.push({ reason, category, message: `Category '${category}' ${state}; it was not compared.` });
  }

  cases(): void {
    const [before, after] = [this.#baseline.cases, this.#current.cases];
    if (before === undefined || after === undefined) {
      this.#caseCount();
      return;
    }
    const keyOf = caseKeys(before, after);
    const found = this.found.unjudged.length;
    this.#missing('vanished-cases', before, after, keyOf, 'of the baseline were not run');
    this.#missing('new-cases', after, before, keyOf, 'are not in the baseline');
    // The same cases, but asked another number of times.
    if (this.found.unjudged.length === found) this.#caseCount();
  }

  /** Says that numbers of calls differ, where no case is known to be missing. */
  #caseCount(): void {
    const [before, after] = [this.#baseline.totalTests, this.#current.totalTests];
    if (!Number.isFinite(before) || !Number.isFinite(after) || before === after) return;
    const reason = after < before ? 'vanished-cases' : 'new-cases';
    const message = `The baseline has ${before} calls, this run ${after}; changes may come from that.`;
    this.found.unjudged.push({ reason, category: OVERALL, baseline: before, current: after, message });
  }

  #missing(
    reason: 'vanished-cases' | 'new-cases',
    cases: readonly CaseOutcome[],
    others: readonly CaseOutcome[],
    keyOf: (outcome: CaseOutcome) => string,
    state: string,
  ): void {
    const known = new Set(others.map(keyOf));
    const missing = new Map(cases.map((outcome) => [keyOf(outcome), outcome.testCaseId]));
    for (const key of known) missing.delete(key);
    if (missing.size === 0) return;
    const testCaseIds = [...missing.values()];
    const message = `${missing.size} ${missing.size === 1 ? 'case' : 'cases'} ${state}.`;
    this.found.unjudged.push({ reason, category: OVERALL, testCaseIds, message });
  }

  #metric(
    testCaseId: string,
    category: string,
    metric: ComparedMetric,
    baseline: number | undefined,
    current: number | undefined,
    confidence: () => Confidence,
  ): void {
    const place = category === OVERALL ? metric : `${metric} of category '${category}'`;
    if (!isNumber(baseline) || !isNumber(current)) {
      const side = isNumber(baseline)
        ? `this run has no usable ${place} (${String(current)})`
        : `the baseline has no usable ${place} (${String(baseline)})`;
      const given = { ...(isNumber(baseline) ? { baseline } : {}), ...(isNumber(current) ? { current } : {}) };
      const message = `Not compared: ${side}.`;
      this.found.unjudged.push({ reason: 'not-a-number', category, metric, ...given, message });
      return;
    }
    // No change is none, whatever it is a share of.
    if (baseline === current) return;
    if (baseline === 0) {
      const message = `Not judged: the baseline's ${place} is 0, of which ${current} is no percentage.`;
      this.found.unjudged.push({ reason: 'zero-baseline', category, metric, baseline, current, message });
      return;
    }
    const { isWorse, level } = judge(baseline, current, LOWER_IS_BETTER.has(metric), this.#thresholds[metric]);
    if (level === undefined) return;
    const change = { testCaseId, category, metric, baseline, current, ...changeOf(baseline, current), ...confidence() };
    if (isWorse) this.found.regressions.push({ ...change, severity: level });
    else this.found.improvements.push({ ...change, magnitude: MAGNITUDES[level] } satisfies Improvement);
  }
}

function changeOf(baseline: number, current: number): Pick<MetricChange, 'absoluteChange' | 'percentChange'> {
  const difference = minus(decimal(current), decimal(baseline));
  const share = quotient(difference, decimal(Math.abs(baseline)));
  return { absoluteChange: toNumber(difference), percentChange: percentOf(share) };
}

/** Returns a share as percent, without the noise that a product with 100 has in its last digit. */
function percentOf(share: number): number {
  const { digits, exponent } = decimal(share);
  return toNumber({ digits, exponent: exponent + 2 });
}

function overallChange(baseline: Metrics, current: Metrics): number {
  let total = 0;
  for (const [name, weight] of Object.entries(WEIGHTS)) {
    const metric = name as ComparedMetric;
    const [before, after] = [baseline[metric], current[metric]];
    if (!isNumber(before) || !isNumber(after) || before === 0) continue;
    const { percentChange } = changeOf(before, after);
    total += weight * (LOWER_IS_BETTER.has(metric) ? -percentChange : percentChange);
  }
  return total;
}

function breakdownOf({ breakdown }: Metrics): Map<string, Partial<CategoryMetrics>> {
  const given: unknown = breakdown;
  return new Map(typeof given === 'object' && given !== null ? Object.entries(given) : []);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
