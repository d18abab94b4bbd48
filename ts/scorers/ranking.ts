/** Scorers of ranked lists of retrieved ids. */
import { outOfRange, positiveInteger, wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { isPlain } from '../value/plain.js';
import { NativeScorer } from './native_scorer.js';
import { type OptionCheck, oneOf, readOptions, threshold } from './options.js';
import { finiteNumbers, type NumberList } from './packed_numbers.js';
import type { Scorer, ThresholdOption } from './scorer.js';
import { pushLists } from './two_lists.js';

/** An id. A number is the same id as its text. */
export type Id = string | number;

/** The relevant ids, or every judged id with its grade; a grade above 0 is relevant. */
export type JudgedIds = readonly Id[] | Readonly<Record<string, number>>;

/** The retrieved ids, best first. Of duplicates the first counts. */
export type RetrievedIds = readonly Id[] | null | undefined;

/** A scorer of retrieved ids. */
export type RankingScorer = Scorer<JudgedIds, RetrievedIds>;

/** Options of {@link averagePrecision}. */
export interface AveragePrecisionOptions extends ThresholdOption {
  /** Looks at the first `k` ids. Default all. */
  k?: number | undefined;
}

/** Options of {@link ndcg}. */
export interface NdcgOptions extends ThresholdOption {
  /** Looks at the first `k` ids. Default all. */
  k?: number | undefined;
  /** The gain of a grade: itself (default), or `2^grade − 1`. */
  gain?: 'linear' | 'exponential' | undefined;
}

const readRanking: ReadPair<JudgedIds, RetrievedIds> = (expected, actual, place, texts) => {
  const [ids, grades] = judged(`${place}expected`, expected);
  if (actual === null || actual === undefined) return 0;
  if (!Array.isArray(actual)) wrongType(`${place}actual`, 'an array of ids', actual);
  const retrieved = Array.from(actual as readonly unknown[], (id, i) => idOf(`${place}actual[${i}]`, id));
  return pushLists(texts, ids, retrieved, grades);
};

function judged(name: string, expected: unknown): [ids: string[], grades: number[]] {
  if (Array.isArray(expected)) {
    const ids = [...new Set(expected.map((id, i) => idOf(`${name}[${i}]`, id)))];
    return [ids, ids.map(() => 1)];
  }
  // A Set or a Map has no entries of its own: it would be an answer to which nothing is relevant.
  if (typeof expected !== 'object' || expected === null || !isPlain(expected)) {
    return wrongType(name, 'an array of ids or an object of grades by id', expected);
  }
  const grades = Object.entries(expected as Record<string, unknown>);
  for (const [id, grade] of grades) {
    if (typeof grade !== 'number') wrongType(`${name}['${id}']`, 'a grade', grade);
    if (!(grade >= 0 && grade < Number.POSITIVE_INFINITY)) {
      outOfRange(`${name}['${id}']`, 'a finite grade of at least 0', grade);
    }
  }
  return [grades.map(([id]) => id), grades.map(([, grade]) => grade as number)];
}

function idOf(name: string, id: unknown): string {
  if (typeof id === 'string') return id;
  return typeof id === 'number' ? String(id) : wrongType(name, 'an id (a string or number)', id);
}

function ranking(name: string, metric: object | string, least: number): RankingScorer {
  return new NativeScorer({ name, threshold: least, specification: { kernel: 'ranking', metric }, read: readRanking });
}

function atK(name: string, metric: string, k: number, options: ThresholdOption | undefined): RankingScorer {
  const first = positiveInteger(`${name}: k`, k, 0xffff_ffff);
  const checks = { threshold: metric === 'hit' ? threshold.yesNo : threshold.graded };
  return ranking(name, { [metric]: first }, readOptions(name, options, checks).threshold);
}

const optionalK: OptionCheck<number | undefined> = (name, value) =>
  value === undefined ? undefined : positiveInteger(name, value, 0xffff_ffff);

/** Precision at k: relevant ids among the first `k`, divided by `k`, also where fewer were retrieved. O(n). */
export function precisionAtK(k: number, options?: ThresholdOption): RankingScorer {
  return atK('precisionAtK', 'precision', k, options);
}

/** Recall at k: relevant ids among the first `k`, divided by all relevant ones. Nothing relevant: 0. O(n). */
export function recallAtK(k: number, options?: ThresholdOption): RankingScorer {
  return atK('recallAtK', 'recall', k, options);
}

/** Hit at k: 1 if a relevant id is among the first `k`, else 0. O(n). */
export function hitAtK(k: number, options?: ThresholdOption): RankingScorer {
  return atK('hitAtK', 'hit', k, options);
}

/** Reciprocal rank: one divided by the place of the first relevant id; 0 where there is none. O(n). */
export function reciprocalRank(options?: ThresholdOption): RankingScorer {
  const checked = readOptions('reciprocalRank', options, { threshold: threshold.graded });
  return ranking('reciprocalRank', 'reciprocalRank', checked.threshold);
}

/** Average precision: the sum of the precisions at each relevant id found, divided by all relevant ones. O(n). */
export function averagePrecision(options?: AveragePrecisionOptions): RankingScorer {
  const checked = readOptions('averagePrecision', options, { threshold: threshold.graded, k: optionalK });
  return ranking('averagePrecision', { averagePrecision: checked.k ?? null }, checked.threshold);
}

/**
 * Normalised discounted cumulative gain: the sum of `gain / log2(rank + 1)` divided by that of the best possible order of
 * all judged ids (Järvelin and Kekäläinen, 2002). O(n + j log j) for j judged ids.
 */
export function ndcg(options?: NdcgOptions): RankingScorer {
  const checks = { threshold: threshold.graded, k: optionalK, gain: oneOf('linear', 'exponential') };
  const checked = readOptions('ndcg', options, checks);
  return ranking('ndcg', { ndcg: [checked.k ?? null, checked.gain] }, checked.threshold);
}

/**
 * nDCG of items that have a relevance and a score each, equal to `ndcg_score` of scikit-learn: items of the same score share
 * their mean relevance. `k` looks at the first `k`. 0 where every relevance is 0. O(n log n).
 *
 * Throws a `RangeError` for lists of different length, an empty one, a negative relevance or a number that is not finite.
 */
export function ndcgFromScores(
  relevance: NumberList,
  scores: NumberList,
  options?: { k?: number | undefined },
): number {
  const { k } = readOptions('ndcgFromScores', options, { k: optionalK });
  const [grades, by] = [finiteNumbers('relevance', relevance), finiteNumbers('scores', scores)];
  if (grades.length === 0) outOfRange('relevance', 'a list of at least one number', relevance);
  if (by.length !== grades.length) outOfRange('scores', `a list of ${grades.length} numbers, as relevance`, scores);
  const negative = grades.findIndex((grade) => grade < 0);
  if (negative >= 0) outOfRange(`relevance[${negative}]`, 'at least 0', grades[negative]);
  return guarded(() => native.ndcgOfScores(grades, by, k ?? 0));
}
