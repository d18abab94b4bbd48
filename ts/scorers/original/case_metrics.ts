/** Figures of the cases of a run. */
import { wrongType } from '../../arguments.js';
import { bootstrapInterval } from '../aggregates.js';

/** The scores of one case. */
export interface CaseResult {
  id: string;
  category?: string | undefined;
  passed: boolean;
  scorerResults: readonly {
    scorerName: string;
    result: { score: number; passed?: boolean | undefined; breakdown?: Readonly<Record<string, number>> | undefined };
  }[];
}

/** Figures of a group of cases. */
export interface GroupMetrics {
  totalCases: number;
  passedCases: number;
  failedCases: number;
  /** 0–1; 0 without cases. */
  passRate: number;
  /** Mean score, 0–1; 0 without scores. */
  averageScore: number;
}

/** Figures of a scorer. */
export interface ScorerMetrics {
  count: number;
  passRate: number;
  averageScore: number;
  medianScore: number;
  minScore: number;
  maxScore: number;
}

/** Figures of all cases. A case's score is the mean of its scorers' scores; `NaN`s are left out. */
export interface CaseMetrics extends GroupMetrics {
  medianScore: number;
  /** Sample standard deviation; 0 for fewer than two scores. */
  stdDevScore: number;
  /** 95 % bootstrap interval of the average score; it never leaves the range of the scores. */
  confidenceInterval: { lower: number; upper: number };
  byCategory: Record<string, GroupMetrics>;
  byScorer: Record<string, ScorerMetrics>;
  /** `avg_KEY` and `median_KEY` of each figure of the breakdowns, and `p25`, `p50`, `p75`, `p90`, `p95`, `p99` of the scores. */
  customMetrics: Record<string, number>;
}

const PERCENTILES = [25, 50, 75, 90, 95, 99];

/** Calculates the figures of cases. O(n log n), and 10,000 resamples of the scores for the interval. */
export function calculateMetrics(cases: readonly CaseResult[]): CaseMetrics {
  const isList: boolean = Array.isArray(cases);
  if (!isList) wrongType('cases', 'an array of { id, passed, scorerResults }', cases);
  for (const [i, each] of cases.entries()) {
    const hasResults: boolean = Array.isArray((each as CaseResult | null)?.scorerResults);
    if (!hasResults) {
      wrongType(`cases[${i}]`, 'a case with scorerResults', each);
    }
  }
  const scores = sorted(cases.flatMap((each) => numbers([scoreOf(each)])));
  const interval = scores.length === 0 ? { low: 0, high: 0 } : bootstrapInterval(scores);
  const figures = groupBy(
    cases.flatMap(({ scorerResults }) => scorerResults.flatMap(({ result }) => Object.entries(result.breakdown ?? {}))),
    ([key]) => key,
  );
  const customMetrics: [string, number][] = [...figures].flatMap(([key, entries]) => {
    const values = sorted(numbers(entries.map(([, value]) => value)));
    return [
      [`avg_${key}`, mean(values)] as [string, number],
      [`median_${key}`, percentile(values, 50)] as [string, number],
    ];
  });
  const percentiles = PERCENTILES.map((p): [string, number] => [`p${p}`, percentile(scores, p)]);
  const byCategory = groupBy(cases, ({ category }) => category ?? 'uncategorized');
  const byScorer = groupBy(
    cases.flatMap(({ scorerResults }) => [...scorerResults]),
    ({ scorerName }) => scorerName,
  );
  return {
    ...groupMetrics(cases),
    medianScore: percentile(scores, 50),
    stdDevScore: deviation(scores),
    confidenceInterval: { lower: interval.low, upper: interval.high },
    byCategory: Object.fromEntries([...byCategory].map(([name, group]) => [name, groupMetrics(group)])),
    byScorer: Object.fromEntries([...byScorer].map(([name, group]) => [name, scorerMetrics(group)])),
    customMetrics: Object.fromEntries([...customMetrics, ...percentiles]),
  };
}

function groupMetrics(cases: readonly CaseResult[]): GroupMetrics {
  const [totalCases, passedCases] = [cases.length, cases.filter(({ passed }) => passed).length];
  return {
    totalCases,
    passedCases,
    failedCases: totalCases - passedCases,
    passRate: totalCases === 0 ? 0 : passedCases / totalCases,
    averageScore: mean(numbers(cases.map(scoreOf))),
  };
}

function scorerMetrics(results: readonly CaseResult['scorerResults'][number][]): ScorerMetrics {
  const scores = sorted(numbers(results.map(({ result }) => result.score)));
  const passed = results.filter(({ result }) => result.passed === true).length;
  return {
    count: results.length,
    passRate: passed / results.length,
    averageScore: mean(scores),
    medianScore: percentile(scores, 50),
    minScore: scores[0] ?? 0,
    maxScore: scores.at(-1) ?? 0,
  };
}

function scoreOf({ scorerResults }: CaseResult): number {
  const scores = numbers(scorerResults.map(({ result }) => result.score));
  return scores.length === 0 ? Number.NaN : mean(scores);
}

function numbers(values: readonly number[]): number[] {
  return values.filter((value) => Number.isFinite(value));
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/** The percentile of ascending values, between neighbours by straight line; 0 without values. */
function percentile(ascending: readonly number[], p: number): number {
  if (ascending.length === 0) return 0;
  const place = (p / 100) * (ascending.length - 1);
  const low = ascending[Math.floor(place)]!;
  const high = ascending[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}

/** Groups by a name, which may be `__proto__`. */
function groupBy<T>(values: readonly T[], nameOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const name = nameOf(value);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [value]);
    else group.push(value);
  }
  return groups;
}
