/** Confidence of a change between two sets of cases: its interval, and how likely chance makes one as large. */
import { bootstrapInterval, type Interval, mcnemar, pairedBootstrap, wilsonInterval } from '../scorers/aggregates.js';
import { mean } from './metrics.js';
import type { CaseOutcome, ComparedMetric, MetricChange } from './types.js';

/** The confidence of a change; empty where there are too few cases to tell. */
export type Confidence = Pick<MetricChange, 'interval' | 'pValue' | 'pairedCases'>;

/** Cases of one side, and the counts that hold where there are no cases. */
export interface Side {
  cases?: readonly CaseOutcome[] | undefined;
  passed?: number | undefined;
  totalTests?: number | undefined;
}

const LEVEL = 0.95;
/** Draws of a bootstrap, at most: a comparison of many cases takes a second at most. */
const MOST_DRAWS = 100_000_000;
/** Halvings of the level that the p of an unpaired change is found by. */
const HALVINGS = 14;

/**
 * Returns the 95 % interval and p of the change of a metric.
 *
 * - Where both sides have the same cases: paired bootstrap of the differences by case (repeats of a case are averaged), and
 *   for verdicts McNemar's exact p. The p of n cases is never below 2^(1 − n), which a sign test can reach.
 * - For shares of other cases: Newcombe's interval of two Wilson intervals (1998, method 10).
 * - For means of other cases: the same combination of two bootstrap intervals (Zou and Donner, 2008). Its p, and the one of
 *   shares, is that of the widest interval without 0. The total cost of other cases cannot be compared so.
 */
export function confidenceOf(metric: ComparedMetric, baseline: Side, current: Side): Confidence {
  const paired = pairsOf(metric, baseline.cases, current.cases);
  if (paired.before.length >= 2) return pairedConfidence(metric, paired);
  if (metric === 'accuracy' || metric === 'passRate') return shareConfidence(baseline, current);
  if (metric === 'totalCost') return {};
  return meanConfidence(valuesOf(metric, baseline.cases), valuesOf(metric, current.cases));
}

interface Pairs {
  before: number[];
  after: number[];
  /** True if no case has several answers. */
  isSingle: boolean;
}

function pairsOf(
  metric: ComparedMetric,
  baseline: readonly CaseOutcome[] | undefined,
  current: readonly CaseOutcome[] | undefined,
): Pairs {
  const pairs: Pairs = { before: [], after: [], isSingle: true };
  if (baseline === undefined || current === undefined) return pairs;
  const keyOf = caseKeys(baseline, current);
  const [groupsBefore, groupsAfter] = [grouped(metric, baseline, keyOf), grouped(metric, current, keyOf)];
  for (const [key, before] of groupsBefore) {
    const after = groupsAfter.get(key);
    if (after === undefined) continue;
    pairs.before.push(mean(before));
    pairs.after.push(mean(after));
    pairs.isSingle &&= before.length === 1 && after.length === 1;
  }
  return pairs;
}

/**
 * Returns the function that names a case on both sides. The model is part of the name, but where both sides have one model
 * each: then these are compared, whatever their names are.
 */
export function caseKeys(
  baseline: readonly CaseOutcome[],
  current: readonly CaseOutcome[],
): (outcome: CaseOutcome) => string {
  const models = (cases: readonly CaseOutcome[]) => new Set(cases.map(({ modelId }) => modelId)).size;
  const isByModel = models(baseline) > 1 || models(current) > 1;
  return ({ datasetId, modelId, testCaseId }) => JSON.stringify([datasetId, isByModel ? modelId : null, testCaseId]);
}

function grouped(
  metric: ComparedMetric,
  cases: readonly CaseOutcome[],
  keyOf: (outcome: CaseOutcome) => string,
): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const outcome of cases) {
    const value = valueOf(metric, outcome);
    if (value === undefined) continue;
    const key = keyOf(outcome);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

function valueOf(metric: ComparedMetric, { passed, score, latency, cost }: CaseOutcome): number | undefined {
  if (metric === 'accuracy' || metric === 'passRate') return passed ? 100 : 0;
  if (metric === 'avgScore') return score;
  return metric === 'avgLatency' ? latency : cost;
}

function valuesOf(metric: ComparedMetric, cases: readonly CaseOutcome[] | undefined): number[] {
  return (cases ?? []).flatMap((outcome) => valueOf(metric, outcome) ?? []);
}

function pairedConfidence(metric: ComparedMetric, { before, after, isSingle }: Pairs): Confidence {
  const cases = before.length;
  const { low, high, p } = pairedBootstrap(after, before, { confidence: LEVEL, resamples: resamplesFor(cases) });
  const isVerdict = metric === 'accuracy' || metric === 'passRate';
  // A total changes by the sum of what its cases do.
  const factor = metric === 'totalCost' ? cases : 1;
  return {
    interval: { low: low * factor, high: high * factor },
    pValue: isVerdict && isSingle ? mcnemarP(before, after) : Math.max(p, 2 ** (1 - cases)),
    pairedCases: cases,
  };
}

function mcnemarP(before: readonly number[], after: readonly number[]): number {
  const onlyA = before.filter((value, i) => value > after[i]!).length;
  const onlyB = before.filter((value, i) => value < after[i]!).length;
  return mcnemar({ onlyA, onlyB }).p;
}

function shareConfidence(baseline: Side, current: Side): Confidence {
  const [before, after] = [countsOf(baseline), countsOf(current)];
  if (before === undefined || after === undefined) return {};
  const difference = 100 * (after.passed / after.total - before.passed / before.total);
  return unpairedConfidence((confidence) => {
    const [a, b] = [before, after].map(({ passed, total }) => wilsonInterval(passed, total, { confidence })) as [
      Interval,
      Interval,
    ];
    return combined(
      difference,
      { mean: (100 * before.passed) / before.total, low: 100 * a.low, high: 100 * a.high },
      { mean: (100 * after.passed) / after.total, low: 100 * b.low, high: 100 * b.high },
    );
  });
}

function countsOf({ passed, totalTests }: Side): { passed: number; total: number } | undefined {
  const isCounted = Number.isSafeInteger(passed) && Number.isSafeInteger(totalTests) && passed! >= 0;
  return isCounted && totalTests! >= 2 && passed! <= totalTests! ? { passed: passed!, total: totalTests! } : undefined;
}

function meanConfidence(before: readonly number[], after: readonly number[]): Confidence {
  if (before.length < 2 || after.length < 2) return {};
  const resamples = Math.min(2000, resamplesFor(Math.max(before.length, after.length)));
  const interval = (values: readonly number[], confidence: number) =>
    bootstrapInterval(values, { method: 'percentile', confidence, resamples });
  const difference = mean(after) - mean(before);
  return unpairedConfidence((level) => combined(difference, interval(before, level), interval(after, level)));
}

/** Returns the interval of a difference, from those of its two sides. */
function combined(
  difference: number,
  before: Interval & { mean: number },
  after: Interval & { mean: number },
): Interval {
  return {
    low: difference - Math.hypot(after.mean - after.low, before.high - before.mean),
    high: difference + Math.hypot(after.high - after.mean, before.mean - before.low),
  };
}

function unpairedConfidence(intervalAt: (confidence: number) => Interval): Confidence {
  let [outside, inside] = [0, 1];
  for (let i = 0; i < HALVINGS; i += 1) {
    const level = (outside + inside) / 2;
    const { low, high } = intervalAt(level);
    if (low > 0 || high < 0) outside = level;
    else inside = level;
  }
  return { interval: intervalAt(LEVEL), pValue: 1 - outside };
}

function resamplesFor(cases: number): number {
  return Math.max(200, Math.min(10_000, Math.floor(MOST_DRAWS / Math.max(cases, 1))));
}
