/** Scorers made of scorers. */
import { callable, outOfRange, wrongType } from '../arguments.js';
import { batchRun } from '../scoring/batch_run.js';
import { JavaScriptScorer, reportProgress } from './javascript_scorer.js';
import { readOptions, threshold } from './options.js';
import type { BatchOptions, Score, ScoredPair, Scorer, ThresholdOption } from './scorer.js';

/** A scorer and its weight. */
export interface WeightedPart<E, A> {
  scorer: Scorer<E, A>;
  /** Finite and at least 0; at least one part weighs more. */
  weight: number;
}

type Combine = (scores: readonly number[]) => number;

/**
 * The weighted mean of scores, `Σ weight · score / Σ weight`; `NaN` if a part is. `breakdown` has the score of each part by
 * its name (`name#2` for the second of a name). Costs what the parts cost.
 */
export function weighted<E, A>(parts: readonly WeightedPart<E, A>[], options?: ThresholdOption): Scorer<E, A> {
  if (!Array.isArray(parts)) wrongType('weighted: parts', 'an array of { scorer, weight }', parts);
  const weights = parts.map((part: WeightedPart<E, A> | null | undefined, i) => {
    const weight: unknown = part?.weight;
    if (typeof weight !== 'number') return wrongType(`weighted: parts[${i}].weight`, 'a number', weight);
    if (weight >= 0 && Number.isFinite(weight)) return weight;
    return outOfRange(`weighted: parts[${i}].weight`, 'a finite number of at least 0', weight);
  });
  const largest = Math.max(0, ...weights);
  if (largest === 0) outOfRange('weighted: parts', 'a list in which at least one part has a weight above 0', parts);
  // Shares of the largest, so that no sum overflows.
  const shares = weights.map((weight) => weight / largest);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const mean: Combine = (scores) => {
    const value = scores.reduce((sum, score, i) => sum + shares[i]! * score, 0) / total;
    return Math.min(1, Math.max(0, value));
  };
  return combined(
    'weighted',
    parts.map((part) => part.scorer),
    mean,
    options,
  );
}

/** The least of several scores; `NaN` if a part is. `breakdown` has the score of each part by its name. */
export function allOf<E, A>(scorers: readonly Scorer<E, A>[], options?: ThresholdOption): Scorer<E, A> {
  return combined('allOf', scorers, (scores) => Math.min(...scores), options);
}

/** The greatest of several scores; `NaN` if a part is. `breakdown` has the score of each part by its name. */
export function anyOf<E, A>(scorers: readonly Scorer<E, A>[], options?: ThresholdOption): Scorer<E, A> {
  return combined('anyOf', scorers, (scores) => Math.max(...scores), options);
}

function combined<E, A>(
  name: string,
  scorers: readonly Scorer<E, A>[],
  combine: Combine,
  options: ThresholdOption | undefined,
): Scorer<E, A> {
  if (!Array.isArray(scorers)) wrongType(`${name}: scorers`, 'an array of scorers', scorers);
  if (scorers.length === 0) outOfRange(`${name}: scorers`, 'a list of at least one scorer', scorers);
  for (const [i, scorer] of (scorers as readonly (Scorer<E, A> | null | undefined)[]).entries()) {
    if (typeof scorer !== 'object' || scorer === null) return wrongType(`${name}: scorer ${i}`, 'a scorer', scorer);
    callable(`${name}: score of scorer ${i}`, scorer.score);
  }
  const least = readOptions(name, options, { threshold: threshold.graded }).threshold;
  return new CombinedScorer(name, least, [...scorers], combine);
}

class CombinedScorer<E, A> extends JavaScriptScorer<E, A> {
  readonly #parts: readonly Scorer<E, A>[];
  readonly #names: readonly string[];
  readonly #combine: Combine;

  constructor(name: string, threshold: number, parts: readonly Scorer<E, A>[], combine: Combine) {
    super(name, threshold);
    this.#parts = parts;
    this.#names = distinctNames(parts.map((part) => part.name));
    this.#combine = combine;
  }

  override scoreSync(expected: E, actual: A): Score {
    return this.#combined(this.#parts.map((part) => part.scoreSync(expected, actual)));
  }

  /** One batch for each part, so that native parts cross once. */
  override async scoreAll(results: readonly ScoredPair<E, A>[], options?: BatchOptions): Promise<Score[]> {
    const { pairs, signal, onProgress } = batchRun('results', results, options);
    const columns: Score[][] = [];
    for (const part of this.#parts) columns.push(await part.scoreAll(pairs, { signal }));
    reportProgress(onProgress, pairs.length, pairs.length);
    return pairs.map((_, at) => this.#combined(columns.map((column) => column[at]!)));
  }

  protected override async evaluate(expected: E, actual: A): Promise<Score> {
    return this.#combined(await Promise.all(this.#parts.map((part) => part.score(expected, actual))));
  }

  #combined(scores: readonly Score[]): Score {
    const breakdown = Object.fromEntries(this.#names.map((name, i) => [name, scores[i]!.score]));
    const reasons = scores.flatMap(({ explanation }, i) => (explanation ? [`${this.#names[i]}: ${explanation}`] : []));
    const explanation = reasons.length === 0 ? {} : { explanation: reasons.join('; ') };
    return this.scored(this.#combine(scores.map(({ score }) => score)), { breakdown, ...explanation });
  }
}

function distinctNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  });
}
