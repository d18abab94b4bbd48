/** Figures of a job, from the outcomes of its cases. */
import type { CaseOutcome, CategoryMetrics, Metrics } from './types.js';

type Counts = Pick<Metrics, 'totalTests' | 'passed' | 'failed' | 'errors' | 'accuracy'>;

/**
 * Calculates the figures of cases. Each counts once: `passed + failed + errors = totalTests`. Means are over the cases that
 * have the figure. `breakdown` has categories in the order in which they come. O(n).
 */
export function metricsOf(cases: CaseOutcome[]): Metrics {
  const categories = new Map<string, CaseOutcome[]>();
  for (const each of cases) {
    const group = categories.get(each.category);
    if (group === undefined) categories.set(each.category, [each]);
    else group.push(each);
  }
  const counts = countsOf(cases);
  const costs = cases.flatMap(({ cost }) => cost ?? []);
  const unpriced = cases.filter(({ latency, cost }) => latency !== undefined && cost === undefined).length;
  return {
    ...counts,
    passRate: counts.accuracy,
    avgScore: mean(cases.flatMap(({ score }) => score ?? [])),
    avgLatency: mean(cases.flatMap(({ latency }) => latency ?? [])),
    totalCost: sum(costs),
    ...(unpriced === 0 ? {} : { unpriced }),
    // `fromEntries` makes an own member of any name, `__proto__` too.
    breakdown: Object.fromEntries([...categories].map(([category, group]) => [category, categoryOf(category, group)])),
    cases,
  };
}

function categoryOf(category: string, cases: readonly CaseOutcome[]): CategoryMetrics {
  return {
    category,
    ...countsOf(cases),
    avgScore: mean(cases.flatMap(({ score }) => score ?? [])),
    avgLatency: mean(cases.flatMap(({ latency }) => latency ?? [])),
    avgCost: mean(cases.flatMap(({ cost }) => cost ?? [])),
  };
}

function countsOf(cases: readonly CaseOutcome[]): Counts {
  const totalTests = cases.length;
  const passed = cases.filter((each) => each.passed).length;
  const errors = cases.filter(({ error }) => error).length;
  const accuracy = totalTests === 0 ? 0 : (100 * passed) / totalTests;
  return { totalTests, passed, failed: totalTests - passed - errors, errors, accuracy };
}

/** Returns the mean; 0 of nothing. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

/** Returns the sum, with Neumaier's compensation: many small costs add up to the digits that they have. */
export function sum(values: readonly number[]): number {
  let [total, lost] = [0, 0];
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}
