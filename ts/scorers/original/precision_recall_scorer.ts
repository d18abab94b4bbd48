/** Precision, recall and F1 of the labels or verdicts of one case. */
import { wrongType } from '../../arguments.js';
import { classificationReport, type Label, type PrecisionRecall } from '../classification.js';
import { flag, numberIn, type OptionCheck, oneOf, readOptions } from '../options.js';
import type { CaseScore, CaseScorer } from './case_score.js';

/** Options of {@link PrecisionRecallScorer}. */
export interface PrecisionRecallScorerOptions {
  /** Default `'f1'`. */
  metric?: 'f1' | 'precision' | 'recall' | undefined;
  /** From which number on a probability is a positive. Default 0.5. */
  threshold?: number | undefined;
  /** Adds the figures of each label to `breakdown`. Default false. */
  perClass?: boolean | undefined;
  /** The least score that passes, 0–1. Default 0.7. */
  minScore?: number | undefined;
  /** The label that is a positive; without it, labels are averaged. */
  positiveLabel?: Label | undefined;
}

const anyLabel: OptionCheck<Label | undefined> = (name, value) =>
  value === undefined || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : wrongType(name, 'a label (a string, number or boolean)', value);

/**
 * Scores labels by precision, recall or F1. Output and expected value are one label or a list of them, of the same length.
 *
 * - Booleans, and numbers from 0 to 1 of which one is a fraction, 0 or 1, are verdicts: a number of at least `threshold` is
 *   a positive.
 * - Anything else is a label. With `positiveLabel` that label is the positive; else the score is the mean over the labels.
 *
 * Verdicts without a positive on either side are right and score 1; any other ratio of 0 to 0 is 0.
 */
export class PrecisionRecallScorer implements CaseScorer {
  readonly name: string;
  readonly #options: {
    metric: 'f1' | 'precision' | 'recall';
    threshold: number;
    perClass: boolean;
    minScore: number;
    positiveLabel: Label | undefined;
  };

  /** Throws a `TypeError` or `RangeError` for options that cannot be used. */
  constructor(options?: PrecisionRecallScorerOptions) {
    this.#options = readOptions('PrecisionRecallScorer', options, {
      metric: oneOf('f1', 'precision', 'recall'),
      threshold: numberIn(0, 1, 0.5),
      perClass: flag(),
      minScore: numberIn(0, 1, 0.7),
      positiveLabel: anyLabel,
    });
    this.name = { f1: 'F1', precision: 'Precision', recall: 'Recall' }[this.#options.metric];
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    const [given, wanted] = [listOf(output), listOf(expected)];
    const { metric, minScore, perClass, threshold, positiveLabel } = this.#options;
    const isVerdicts = positiveLabel === undefined && [...given, ...wanted].every(isVerdict);
    const verdict = (value: unknown): Label => (typeof value === 'number' ? value >= threshold : (value as Label));
    const read = (list: unknown[]) => (isVerdicts ? list.map(verdict) : (list as Label[]));
    const positive = isVerdicts ? true : positiveLabel;
    const [actual, truth] = [read(given), read(wanted)];
    const report = classificationReport(truth, actual, positive === undefined ? {} : { positive });
    const figures = figuresOf(report.binary ?? report.macro, positive, [...actual, ...truth]);
    const breakdown: Record<string, number> = { ...figures };
    if (perClass) {
      for (const [label, { precision, recall, f1 }] of report.perClass) {
        Object.assign(breakdown, {
          [`${label}_precision`]: precision,
          [`${label}_recall`]: recall,
          [`${label}_f1`]: f1,
        });
      }
    }
    const score = figures[metric];
    return { score, passed: score >= minScore, reason: `${this.name} ${score.toFixed(3)}`, breakdown };
  }
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** Returns true if a value says yes or no, or how likely yes is. */
function isVerdict(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && value >= 0 && value <= 1);
}

function figuresOf(found: PrecisionRecall, positive: Label | undefined, labels: readonly Label[]): PrecisionRecall {
  const isRightNegative = positive !== undefined && !labels.includes(positive);
  return isRightNegative ? { precision: 1, recall: 1, f1: 1 } : found;
}

/** A {@link PrecisionRecallScorer} of precision. */
export function precisionScorer(options?: Omit<PrecisionRecallScorerOptions, 'metric'>): PrecisionRecallScorer {
  return new PrecisionRecallScorer({ ...options, metric: 'precision' });
}

/** A {@link PrecisionRecallScorer} of recall. */
export function recallScorer(options?: Omit<PrecisionRecallScorerOptions, 'metric'>): PrecisionRecallScorer {
  return new PrecisionRecallScorer({ ...options, metric: 'recall' });
}

/** A {@link PrecisionRecallScorer} of F1. */
export function f1Scorer(options?: Omit<PrecisionRecallScorerOptions, 'metric'>): PrecisionRecallScorer {
  return new PrecisionRecallScorer({ ...options, metric: 'f1' });
}
