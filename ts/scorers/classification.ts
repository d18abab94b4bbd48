/** Classification: predicted labels against the true ones. */
import { outOfRange, wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { NativeScorer } from './native_scorer.js';
import { type OptionCheck, oneOf, readOptions, threshold } from './options.js';
import { packNumbers } from './packed_numbers.js';
import type { Scorer, ThresholdOption } from './scorer.js';

/** A class label. `1` and `'1'` are two labels. */
export type Label = string | number | boolean;

/** Precision, recall and their harmonic mean, each from 0 to 1. */
export interface PrecisionRecall {
  precision: number;
  recall: number;
  f1: number;
}

/** The figures of one class. */
export interface ClassFigures extends PrecisionRecall {
  /** Cases that are of the class. */
  support: number;
}

/** Options of {@link classificationReport}. */
export interface ClassificationOptions {
  /** The labels to report on, in order. Default: all that occur, numbers ascending, then text by code point. */
  labels?: readonly Label[] | undefined;
  /** The positive label of `binary`. */
  positive?: Label | undefined;
  /** Weight of the distance between two classes for kappa, by their places in `labels`. Default `'none'`: all equal. */
  kappaWeights?: 'none' | 'linear' | 'quadratic' | undefined;
}

/** All figures of a list of predictions. A ratio of 0 to 0 is 0. */
export interface ClassificationReport {
  /** The labels reported on, in the order of `matrix`. */
  labels: Label[];
  /** Cases by true label (rows) and predicted label (columns). */
  matrix: number[][];
  /** The share of right predictions, 0–1. */
  accuracy: number;
  /** The mean recall of the labels that occur among the expected, 0–1. */
  balancedAccuracy: number;
  /** Matthews' correlation coefficient, −1 to 1; 0 where it is undefined. */
  mcc: number;
  /** Cohen's kappa, −1 to 1; `NaN` where chance alone agrees fully. */
  kappa: number;
  /** The mean over the labels. */
  macro: PrecisionRecall;
  /** The figures of all labels together. */
  micro: PrecisionRecall;
  /** The mean over the labels, weighted by their support. */
  weighted: PrecisionRecall;
  /** The figures of `positive`; absent without that option. */
  binary?: PrecisionRecall;
  /** The figures of each label. */
  perClass: Map<Label, ClassFigures>;
}

/** Options of {@link classification}. */
export interface ClassificationScorerOptions extends ClassificationOptions, ThresholdOption {
  /** The figure that is the score. Default `'accuracy'`. */
  metric?: 'accuracy' | 'balancedAccuracy' | 'mcc' | 'kappa' | 'precision' | 'recall' | 'f1' | undefined;
  /** The way precision, recall and F1 of the labels become one. Default `'binary'` with `positive`, else `'macro'`. */
  average?: 'macro' | 'micro' | 'weighted' | 'binary' | undefined;
}

/** Labels of cases, as numbers. */
interface Encoded {
  labels: Label[];
  /** Labels reported on, and behind them those that occur without. */
  classes: number;
  expected: Uint32Array;
  actual: Uint32Array;
  positive: number;
}

const RANK: Record<string, number> = { boolean: 0, number: 1, string: 2 };

/** Numbers ascending, text by code point. */
function compareLabels(a: Label, b: Label): number {
  if (typeof a !== typeof b) return RANK[typeof a]! - RANK[typeof b]!;
  if (typeof a !== 'string') return Number(a) - Number(b);
  const [left, right] = [Array.from(a, codePoint), Array.from(b as string, codePoint)];
  const differs = left.findIndex((point, i) => point !== right[i]);
  return differs < 0 ? left.length - right.length : left[differs]! - (right[differs] ?? -1);
}

function codePoint(character: string): number {
  return character.codePointAt(0)!;
}

function label(name: string, value: unknown): Label {
  if (typeof value === 'number' && Number.isNaN(value)) outOfRange(name, 'a label other than NaN', value);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : wrongType(name, 'a label (a string, number or boolean)', value);
}

function labels(name: string, value: unknown): Label[] {
  if (!Array.isArray(value)) return wrongType(name, 'an array of labels', value);
  return Array.from(value, (element, i) => label(`${name}[${i}]`, element));
}

function encode(place: string, expected: unknown, actual: unknown, options: ClassificationOptions): Encoded {
  const [wanted, given] = [labels(`${place}expected`, expected), labels(`${place}actual`, actual)];
  if (wanted.length === 0) outOfRange(`${place}expected`, 'a list of at least one label', wanted);
  if (given.length !== wanted.length) {
    outOfRange(`${place}actual`, `a list of ${wanted.length} labels, as expected`, given);
  }
  const occurring = [...new Set([...wanted, ...given])];
  const reported = options.labels === undefined ? occurring.sort(compareLabels) : [...options.labels];
  const numbers = new Map(reported.map((name, i) => [name, i]));
  for (const name of occurring) if (!numbers.has(name)) numbers.set(name, numbers.size);
  const encoded = (list: Label[]) => Uint32Array.from(list, (name) => numbers.get(name)!);
  const positive = options.positive === undefined ? -1 : reported.indexOf(options.positive);
  return {
    labels: reported,
    classes: numbers.size,
    expected: encoded(wanted),
    actual: encoded(given),
    positive,
  };
}

const labelList: OptionCheck<Label[] | undefined> = (name, value) => {
  if (value === undefined) return undefined;
  const list = labels(name, value);
  if (list.length === 0) outOfRange(name, 'a list of at least one label', value);
  return new Set(list).size === list.length ? list : outOfRange(name, 'a list without duplicates', value);
};

const checks = {
  labels: labelList,
  positive: ((name, value) => (value === undefined ? undefined : label(name, value))) as OptionCheck<Label | undefined>,
  kappaWeights: oneOf('none', 'linear', 'quadratic'),
};

/**
 * Reports on predictions, equal to scikit-learn with `zero_division=0`. Labels that occur without being in `labels` count as
 * mistakes and have no row. O(n + c²) for c labels, at most 4096.
 *
 * Throws a `RangeError` for empty lists or lists of different length, a `TypeError` for what is no label.
 */
export function classificationReport(
  expected: readonly Label[],
  actual: readonly Label[],
  options?: ClassificationOptions,
): ClassificationReport {
  const checked = readOptions('classificationReport', options, checks);
  const encoded = encode('', expected, actual, checked);
  const count = encoded.labels.length;
  const row = guarded(() =>
    native.classificationFigures(encoded.expected, encoded.actual, count, encoded.classes, checked.kappaWeights),
  );
  let at = 0;
  const next = (): number => row[at++]!;
  const three = (): PrecisionRecall => ({ precision: next(), recall: next(), f1: next() });
  const [accuracy, balancedAccuracy, mcc, kappa] = [next(), next(), next(), next()];
  const [macro, micro, weighted] = [three(), three(), three()];
  const perClass = new Map(encoded.labels.map((name) => [name, { ...three(), support: next() }]));
  const matrix = encoded.labels.map(() => encoded.labels.map(next));
  const report = { labels: encoded.labels, matrix, accuracy, balancedAccuracy, mcc, kappa, macro, micro, weighted };
  if (checked.positive === undefined) return { ...report, perClass };
  const { precision, recall, f1 } = perClass.get(checked.positive) ?? { precision: 0, recall: 0, f1: 0 };
  return { ...report, binary: { precision, recall, f1 }, perClass };
}

/**
 * One figure of {@link classificationReport} as the score of a list of labels; a negative one scores 0. `breakdown.figure` is
 * the figure itself. `NaN` where kappa is.
 */
export function classification(
  options?: ClassificationScorerOptions,
): Scorer<readonly Label[], readonly Label[] | null | undefined> {
  const checked = readOptions('classification', options, {
    ...checks,
    threshold: threshold.graded,
    metric: oneOf('accuracy', 'balancedAccuracy', 'mcc', 'kappa', 'precision', 'recall', 'f1'),
    average: ((name, value) =>
      value === undefined ? undefined : oneOf('macro', 'micro', 'weighted', 'binary')(name, value)) as OptionCheck<
      'macro' | 'micro' | 'weighted' | 'binary' | undefined
    >,
  });
  const average = checked.average ?? (checked.positive === undefined ? 'macro' : 'binary');
  if (average === 'binary' && checked.positive === undefined) {
    wrongType('classification: positive', 'a label, for the average binary', undefined);
  }
  const read: ReadPair<readonly Label[], readonly Label[] | null | undefined> = (expected, actual, place, texts) => {
    if (actual === null || actual === undefined) {
      labels(`${place}expected`, expected);
      return 0;
    }
    const encoded = encode(place, expected, actual, checked);
    const head = [encoded.labels.length, encoded.classes, encoded.positive];
    texts.push(packNumbers([...head, ...encoded.expected]), packNumbers(encoded.actual));
    return 2;
  };
  const { metric, kappaWeights } = checked;
  return new NativeScorer({
    name: 'classification',
    threshold: checked.threshold,
    specification: { kernel: 'classification', metric, average, kappaWeights },
    read,
  });
}
