/** The changes between two runs over the same cases, and their confidence. */
import { mcnemar, pairedBootstrap } from '../scorers/aggregates.js';
import type { SavedResult } from './saved_results.js';
import { resamplesFor } from './score_series.js';

/** Two runs' verdicts or scores on the same cases. */
export interface Change {
  /** Cases that have a verdict in both runs. */
  compared: number;
  /** Ids of cases that only B passes, in the order of A. */
  fixed: string[];
  /** Ids of cases that only A passes, in the order of A. */
  broken: string[];
  unchanged: number;
  /** Mean in A and in B, 0–1; `null` where no case was compared. */
  meanA: number | null;
  meanB: number | null;
  /** `meanB − meanA`, its 95 % interval by paired bootstrap, and p by the same resamples. */
  difference: { value: number; low: number; high: number; p: number } | null;
  /** p of McNemar's exact test on `fixed` and `broken`; 1 where there are none. */
  mcnemarP: number;
}

/** The comparison of two runs. Means are pass rates here, and scores for each scorer. */
export interface Comparison extends Change {
  /** Ids in both runs that lack a verdict in one of them. */
  withoutVerdict: string[];
  onlyA: string[];
  onlyB: string[];
  /** By scorer, of those that both runs have. */
  scorers: Record<string, Change>;
}

interface Verdict {
  passed: boolean;
  score: number;
}

/** Compares two runs case by case. O(cases · resamples) for each scorer, on every core. */
export function compareResults(a: ReadonlyMap<string, SavedResult>, b: ReadonlyMap<string, SavedResult>): Comparison {
  const names = new Set([...a.values()].flatMap(({ scores }) => Object.keys(scores)));
  const inB = new Set([...b.values()].flatMap(({ scores }) => Object.keys(scores)));
  const common = [...names].filter((name) => inB.has(name));
  const verdict = ({ passed, error }: SavedResult) => (error === null ? { passed, score: Number(passed) } : undefined);
  const both = [...a.keys()].filter((id) => b.has(id));
  return {
    ...changeOf(a, b, verdict),
    withoutVerdict: both.filter((id) => !verdict(a.get(id)!) || !verdict(b.get(id)!)),
    onlyA: [...a.keys()].filter((id) => !b.has(id)),
    onlyB: [...b.keys()].filter((id) => !a.has(id)),
    scorers: Object.fromEntries(
      common.map((name) => [
        name,
        changeOf(a, b, ({ scores }) => (Object.hasOwn(scores, name) ? scores[name] : undefined)),
      ]),
    ),
  };
}

function changeOf(
  a: ReadonlyMap<string, SavedResult>,
  b: ReadonlyMap<string, SavedResult>,
  verdictOf: (result: SavedResult) => Verdict | undefined,
): Change {
  const [fixed, broken]: [string[], string[]] = [[], []];
  const [scoresA, scoresB]: [number[], number[]] = [[], []];
  for (const [id, result] of a) {
    const other = b.get(id);
    const [before, after] = [verdictOf(result), other && verdictOf(other)];
    if (!before || !after) continue;
    scoresA.push(before.score);
    scoresB.push(after.score);
    if (after.passed && !before.passed) fixed.push(id);
    if (before.passed && !after.passed) broken.push(id);
  }
  const compared = scoresA.length;
  return {
    compared,
    fixed,
    broken,
    unchanged: compared - fixed.length - broken.length,
    meanA: mean(scoresA),
    meanB: mean(scoresB),
    difference: differenceOf(scoresA, scoresB),
    mcnemarP: mcnemar({ onlyA: broken.length, onlyB: fixed.length }).p,
  };
}

function mean(scores: readonly number[]): number | null {
  return scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

function differenceOf(a: readonly number[], b: readonly number[]): Change['difference'] {
  if (a.length === 0) return null;
  const { difference, low, high, p } = pairedBootstrap(b, a, { resamples: resamplesFor(a.length) });
  return { value: difference, low, high, p };
}
