/** Statistics of the scores of a run: intervals, tests and summaries. */
import { nonNegativeInteger, outOfRange, wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import { numberIn, oneOf, readOptions, wholeNumberIn } from './options.js';
import { finiteNumbers, type NumberList } from './packed_numbers.js';
import type { Score } from './scorer.js';

/** A confidence interval. */
export interface Interval {
  low: number;
  high: number;
}

/** The option of every interval. */
export interface ConfidenceOption {
  /** Confidence level of the interval, above 0 and below 1. Default 0.95. */
  confidence?: number | undefined;
}

/** Options of figures by resampling. */
export interface ResamplingOptions extends ConfidenceOption {
  /** Number of resamples. Default 10,000; values × resamples may be 10^10. */
  resamples?: number | undefined;
  /** Start of the random numbers, a whole number of at least 0. Default 0. The same seed gives the same figures. */
  seed?: number | undefined;
}

/** Options of {@link bootstrapInterval}. */
export interface BootstrapOptions extends ResamplingOptions {
  /** `'bca'` (default): bias-corrected and accelerated. `'percentile'`: the same share outside at both ends. */
  method?: 'bca' | 'percentile' | undefined;
}

const confidence = numberIn(Number.MIN_VALUE, 1 - Number.EPSILON / 2, 0.95);
const resampling = {
  confidence,
  resamples: wholeNumberIn(1, 1e9, 10_000),
  seed: wholeNumberIn(0, Number.MAX_SAFE_INTEGER, 0),
};

/**
 * The mean and its bootstrap interval, equal to `scipy.stats.bootstrap` up to the random numbers (Efron, 1987). Values that
 * are all equal are their own interval. O(values · resamples), on every core.
 *
 * Throws a `RangeError` for an empty list or a number that is not finite.
 */
export function bootstrapInterval(values: NumberList, options?: BootstrapOptions): Interval & { mean: number } {
  const checked = readOptions('bootstrapInterval', options, { ...resampling, method: oneOf('bca', 'percentile') });
  const { confidence, resamples, seed, method } = checked;
  const numbers = finiteNumbers('values', values);
  const row = guarded(() => native.bootstrapMeanInterval(numbers, method === 'bca', confidence, resamples, seed));
  return { mean: row[0]!, low: row[1]!, high: row[2]! };
}

/**
 * The interval of a share of `passed` among `total` (Wilson, 1927, without continuity correction), equal to SciPy's. Without
 * any case it is 0 to 1. O(1).
 */
export function wilsonInterval(passed: number, total: number, options?: ConfidenceOption): Interval {
  const checked = readOptions('wilsonInterval', options, { confidence });
  const [all, some] = [nonNegativeInteger('total', total), nonNegativeInteger('passed', passed)];
  if (some > all) outOfRange('passed', `at most total (${all})`, passed);
  const row = guarded(() => native.wilson(some, all, checked.confidence));
  return { low: row[0]!, high: row[1]! };
}

/** Cases that only one of two systems passed. */
export interface Discordant {
  onlyA: number;
  onlyB: number;
}

/** Options of {@link mcnemar}. */
export interface McnemarOptions {
  /** `'exact'` (default): two-sided binomial. `'chi2'`: χ² with Edwards' continuity correction. */
  method?: 'exact' | 'chi2' | undefined;
}

/** Verdicts of one system, case by case: passed or not. */
export type Verdicts = readonly (boolean | 0 | 1)[];

/**
 * McNemar's test of two systems on the same cases: how likely is it that they differ so much by chance? `statistic` is the
 * smaller count, or χ². Equal counts: p is 1. O(√n) for n discordant cases, plus the length of the lists.
 */
export function mcnemar(counts: Discordant, options?: McnemarOptions): { p: number; statistic: number };
export function mcnemar(a: Verdicts, b: Verdicts, options?: McnemarOptions): { p: number; statistic: number };
export function mcnemar(
  first: Discordant | Verdicts,
  second?: McnemarOptions | Verdicts,
  third?: McnemarOptions,
): { p: number; statistic: number } {
  const isLists = Array.isArray(first);
  const { onlyA, onlyB } = isLists ? discordant(first, second) : (first as Discordant);
  const { method } = readOptions('mcnemar', isLists ? third : (second as McnemarOptions | undefined), {
    method: oneOf('exact', 'chi2'),
  });
  const [a, b] = [nonNegativeInteger('onlyA', onlyA), nonNegativeInteger('onlyB', onlyB)];
  const row = guarded(() => native.mcnemarTest(a, b, method === 'exact'));
  return { p: row[0]!, statistic: row[1]! };
}

function discordant(a: readonly unknown[], b: unknown): Discordant {
  if (!Array.isArray(b)) return wrongType('b', 'an array of verdicts, as a', b);
  if (a.length !== b.length) outOfRange('b', `a list of ${a.length} verdicts, as a`, b);
  if (a.length === 0) outOfRange('a', 'a list of at least one verdict', a);
  let [onlyA, onlyB] = [0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [first, second] = [verdict(`a[${i}]`, a[i]), verdict(`b[${i}]`, b[i])];
    if (first && !second) onlyA += 1;
    if (second && !first) onlyB += 1;
  }
  return { onlyA, onlyB };
}

function verdict(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'number') return wrongType(name, 'true, false, 0 or 1', value);
  return value === 1 || (value === 0 ? false : outOfRange(name, 'true, false, 0 or 1', value));
}

/**
 * The difference of the mean scores of two systems on the same cases, its percentile bootstrap interval, and p: the share of
 * resamples, the sample itself included, that are as far from the difference as the difference is from 0. Identical scores
 * have p 1. O(n · resamples), on every core.
 *
 * Throws a `RangeError` for empty lists, lists of different length or a number that is not finite.
 */
export function pairedBootstrap(
  a: NumberList,
  b: NumberList,
  options?: ResamplingOptions,
): Interval & { difference: number; p: number } {
  const { confidence, resamples, seed } = readOptions('pairedBootstrap', options, resampling);
  const [left, right] = [finiteNumbers('a', a), finiteNumbers('b', b)];
  const row = guarded(() => native.bootstrapDifference(left, right, confidence, resamples, seed));
  return { difference: row[0]!, low: row[1]!, high: row[2]!, p: row[3]! };
}

/** The figures of some scores. */
export interface Summary {
  /** Scores that are numbers. */
  count: number;
  /** Scores that are `NaN`: what could not be judged. They count for nothing else. */
  unusable: number;
  /** Mean score, 0–1; `NaN` where there is none. */
  mean: number;
  /** Bootstrap interval of the mean; `NaN` where there is none. */
  meanInterval: Interval;
  /** Scores that passed. */
  passed: number;
  /** `passed / count`, 0–1; `NaN` where there is none. */
  passRate: number;
  /** Wilson interval of the pass rate; 0 to 1 where there is none. */
  passRateInterval: Interval;
}

/** Options of {@link summarize}. */
export interface SummarizeOptions extends BootstrapOptions {
  /** The group of a score. Groups are summarised too, in the order in which they occur first. */
  by?: ((score: Score, index: number) => string) | undefined;
}

/**
 * Sums up scores: mean with its bootstrap interval, pass rate with its Wilson interval, and with `by` the same for each
 * group. `NaN`s are counted apart as `unusable`. Throws a `RangeError` for an empty list. O(n · resamples).
 */
export function summarize(
  scores: readonly Score[],
  options?: SummarizeOptions,
): Summary & { groups?: Map<string, Summary> } {
  const { by, ...rest } = readOptions('summarize', options, {
    ...resampling,
    method: oneOf('bca', 'percentile'),
    by: (name: string, value: unknown) =>
      value === undefined || typeof value === 'function'
        ? (value as SummarizeOptions['by'])
        : wrongType(name, 'a function', value),
  });
  if (!Array.isArray(scores)) wrongType('scores', 'an array of scores', scores);
  if (scores.length === 0) outOfRange('scores', 'a list of at least one score', scores);
  for (const [i, score] of scores.entries()) {
    const value: unknown = (score as Score | null | undefined)?.score;
    if (typeof value !== 'number') wrongType(`scores[${i}]`, 'a score', score);
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      outOfRange(`scores[${i}].score`, 'a number from 0 to 1 or NaN', value);
    }
  }
  const whole = summaryOf(scores, rest);
  if (by === undefined) return whole;
  const groups = new Map<string, Score[]>();
  for (const [i, score] of scores.entries()) {
    const name = String(by(score, i));
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [score]);
    else group.push(score);
  }
  return { ...whole, groups: new Map([...groups].map(([name, group]) => [name, summaryOf(group, rest)])) };
}

function summaryOf(scores: readonly Score[], options: BootstrapOptions): Summary {
  const usable = scores.filter(({ score }) => !Number.isNaN(score));
  const [count, unusable] = [usable.length, scores.length - usable.length];
  const passed = usable.filter((score) => score.passed).length;
  const passRateInterval = wilsonInterval(passed, count, { confidence: options.confidence });
  if (count === 0) {
    const none = Number.NaN;
    const meanInterval = { low: none, high: none };
    return { count, unusable, mean: none, meanInterval, passed, passRate: none, passRateInterval };
  }
  const { mean, low, high } = bootstrapInterval(
    Float64Array.from(usable, ({ score }) => score),
    options,
  );
  return { count, unusable, mean, meanInterval: { low, high }, passed, passRate: passed / count, passRateInterval };
}
