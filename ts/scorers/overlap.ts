/** Overlap of tokens and n-grams: SQuAD's F1, BLEU, chrF, TER, ROUGE and METEOR, equal to their references. */
import { outOfRange, wrongType } from '../arguments.js';
import { readAll } from '../scoring/native_pairs.js';
import { Kernel } from '../scoring/native_scoring.js';
import type { TextScorer } from './edit_distance.js';
import { NativeScorer, scoreOfRow } from './native_scorer.js';
import { cells, flag, numberIn, oneOf, readOptions, threshold, wholeNumberIn } from './options.js';
import type { Score, ScoredPair, ThresholdOption } from './scorer.js';
import { type ActualText, type ExpectedText, readTexts } from './text_input.js';

/** A text expected, or several, and the answer. */
export type TextPair = ScoredPair<ExpectedText, ActualText>;

/** The figure that is the score; the others are in `breakdown`. */
type Measure = 'f1' | 'precision' | 'recall';

const measure = oneOf<Measure>('f1', 'precision', 'recall');

/** Options of {@link tokenF1}. */
export interface TokenF1Options extends ThresholdOption {
  /** Default `'f1'`. */
  measure?: Measure | undefined;
}

/**
 * Overlap of tokens as in SQuAD 2.0: lower-case, without ASCII punctuation and articles. Of several references the best
 * counts. `breakdown`: `precision`, `recall`, `f1`. O(m + n).
 */
export function tokenF1(options?: TokenF1Options): TextScorer {
  const checks = { threshold: threshold.graded, measure };
  const { threshold: least, ...rest } = readOptions('tokenF1', options, checks);
  const specification = { kernel: 'tokenOverlap', ...rest };
  return new NativeScorer({ name: 'tokenF1', threshold: least, specification, read: readTexts });
}

/** The same text after SQuAD's normalisation: 1, else 0. O(m + n). */
export function squadExact(options?: ThresholdOption): TextScorer {
  const { threshold: least } = readOptions('squadExact', options, { threshold: threshold.yesNo });
  const specification = { kernel: 'squadExact' };
  return new NativeScorer({ name: 'squadExact', threshold: least, specification, read: readTexts });
}

/** Options of {@link bleu} and {@link corpusBleu}. */
export interface BleuOptions extends ThresholdOption {
  /** The tokenizer, by its name in sacrebleu. Default `'13a'`; `'zh'` for Chinese, `'intl'` for other scripts. */
  tokenize?: '13a' | 'intl' | 'char' | 'zh' | 'none' | undefined;
  /** Smoothing of an order of n-grams without a match. Default `'exp'`: each halves the precision of one match. */
  smoothing?: 'exp' | 'floor' | 'add-k' | 'none' | undefined;
  /** The value of `'floor'` (default 0.1) and `'add-k'` (default 1). From 0 to 1e6. */
  smoothingValue?: number | undefined;
  /** Compares lower-case text. Default false. */
  lowercase?: boolean | undefined;
  /** Longest n-grams, from 1 to 16. Default 4. */
  maxOrder?: number | undefined;
  /** Leaves out orders that the answer is too short for. Default true; false for a corpus. */
  effectiveOrder?: boolean | undefined;
}

function bleuParts(name: string, options: BleuOptions | undefined, corpus: boolean): CorpusMetric {
  const {
    threshold: least,
    smoothingValue,
    ...rest
  } = readOptions(name, options, {
    threshold: threshold.graded,
    tokenize: oneOf('13a', 'intl', 'char', 'zh', 'none'),
    smoothing: oneOf('exp', 'floor', 'add-k', 'none'),
    smoothingValue: numberIn(0, 1e6),
    lowercase: flag(),
    maxOrder: wholeNumberIn(1, 16, 4),
    effectiveOrder: flag(!corpus),
  });
  const value = smoothingValue ?? (rest.smoothing === 'floor' ? 0.1 : 1);
  return { threshold: least, specification: { kernel: 'bleu', smoothingValue: value, ...rest } };
}

/**
 * Sentence BLEU, equal to sacrebleu. References are combined: counts are clipped by the most in any of them. `breakdown`:
 * `brevityPenalty`, `answerLength`, `referenceLength`, `precision1` and so on. O(maxOrder · (m + n)).
 *
 * Made for corpora of translations: of one short answer it says little. See {@link corpusBleu}.
 */
export function bleu(options?: BleuOptions): TextScorer {
  return new NativeScorer({ name: 'bleu', ...bleuParts('bleu', options, false), read: readTexts });
}

/**
 * Corpus BLEU: the counts of all pairs added up. A pair without an answer counts as an empty one. Blocks the event loop
 * for as long as it takes. Throws a `RangeError` without pairs.
 */
export function corpusBleu(pairs: readonly TextPair[], options?: BleuOptions): Score {
  return corpusScore(pairs, bleuParts('corpusBleu', options, true));
}

/** Options of {@link chrf} and {@link corpusChrf}. */
export interface ChrfOptions extends ThresholdOption {
  /** Longest n-grams of characters, from 1 to 16. Default 6. */
  charOrder?: number | undefined;
  /** Longest n-grams of words, from 0 to 16. Default 0; 2 is chrF++. */
  wordOrder?: number | undefined;
  /** Weight of recall against precision, from 0 to 1e6. Default 2. */
  beta?: number | undefined;
  /** Compares lower-case text. Default false. */
  lowercase?: boolean | undefined;
  /** Counts space as characters. Default false. */
  whitespace?: boolean | undefined;
}

function chrfParts(name: string, options: ChrfOptions | undefined): CorpusMetric {
  const { threshold: least, ...rest } = readOptions(name, options, {
    threshold: threshold.graded,
    charOrder: wholeNumberIn(1, 16, 6),
    wordOrder: wholeNumberIn(0, 16, 0),
    beta: numberIn(0, 1e6, 2),
    lowercase: flag(),
    whitespace: flag(),
  });
  return { threshold: least, specification: { kernel: 'chrf', ...rest } };
}

/**
 * chrF: F-score of character n-grams, equal to sacrebleu; with `wordOrder: 2` chrF++. Of several references the best
 * counts. `breakdown`: `precision`, `recall`. O((charOrder + wordOrder) · (m + n)).
 */
export function chrf(options?: ChrfOptions): TextScorer {
  return new NativeScorer({ name: 'chrf', ...chrfParts('chrf', options), read: readTexts });
}

/** Corpus chrF: the counts of all pairs added up; see {@link corpusBleu}. */
export function corpusChrf(pairs: readonly TextPair[], options?: ChrfOptions): Score {
  return corpusScore(pairs, chrfParts('corpusChrf', options));
}

/** Options of {@link ter} and {@link corpusTer}. */
export interface TerOptions extends ThresholdOption {
  /** Separates punctuation from words, and undoes entities. Default false. */
  normalized?: boolean | undefined;
  /** Deletes punctuation. Default false. */
  noPunctuation?: boolean | undefined;
  /** Applies both to Asian text too: a token for each character. Default false. */
  asianSupport?: boolean | undefined;
  /** Default false: compares lower-case text. */
  caseSensitive?: boolean | undefined;
  /** Most cells: the product of both numbers of words, without common ends. Default 1e9. More is a `RangeError`. */
  maxCells?: number | undefined;
}

function terParts(name: string, options: TerOptions | undefined): CorpusMetric {
  const { threshold: least, ...rest } = readOptions(name, options, {
    threshold: threshold.graded,
    normalized: flag(),
    noPunctuation: flag(),
    asianSupport: flag(),
    caseSensitive: flag(),
    maxCells: cells(1e9),
  });
  return { threshold: least, specification: { kernel: 'ter', ...rest } };
}

/**
 * Translation edit rate, as max(0, 1 − TER), equal to sacrebleu with its limits. The fewest edits to any reference, by the
 * mean length of all. `breakdown`: `ter`, `edits`, `referenceLength`.
 */
export function ter(options?: TerOptions): TextScorer {
  return new NativeScorer({ name: 'ter', ...terParts('ter', options), read: readTexts });
}

/** Corpus TER: the edits and lengths of all pairs added up; see {@link corpusBleu}. */
export function corpusTer(pairs: readonly TextPair[], options?: TerOptions): Score {
  return corpusScore(pairs, terParts('corpusTer', options));
}

/** Options of {@link rouge}. */
export interface RougeOptions extends ThresholdOption {
  /**
   * - `'rouge1'` to `'rouge9'`: n-grams of that length. `'rouge1'` is the default.
   * - `'rougeL'`: the longest common subsequence.
   * - `'rougeLsum'`: that of each expected line with all lines of the answer.
   */
  type?: RougeType | undefined;
  /** Compares the stems of words over three letters (NLTK's extended Porter stemmer). Default false. */
  stemmer?: boolean | undefined;
  /** Default `'f1'`. Of several references the one with the best F1 counts, whatever the measure. */
  measure?: Measure | undefined;
  /** Most cells of `rougeL` and `rougeLsum`: the product of both numbers of tokens. Default 1e11. */
  maxCells?: number | undefined;
}

/** The kinds of ROUGE. */
export type RougeType = `rouge${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 'L' | 'Lsum'}`;

const rougeTypes: readonly RougeType[] = [
  ...(['rouge1', 'rouge2', 'rouge3', 'rouge4', 'rouge5', 'rouge6', 'rouge7', 'rouge8', 'rouge9'] as const),
  ...(['rougeL', 'rougeLsum'] as const),
];

/**
 * ROUGE, equal to rouge-score. Tokens are runs of a–z and 0–9: text in other scripts scores 0. `breakdown`: `precision`,
 * `recall`, `f1`. O(m + n), with a subsequence O(m · n / 64).
 */
export function rouge(options?: RougeOptions): TextScorer {
  const {
    threshold: least,
    type,
    ...rest
  } = readOptions('rouge', options, {
    threshold: threshold.graded,
    type: oneOf(...rougeTypes),
    stemmer: flag(),
    measure,
    maxCells: cells(1e11),
  });
  const order = Number(type.slice('rouge'.length));
  const overlap = Number.isNaN(order) ? (type === 'rougeL' ? 'l' : 'lsum') : { n: order };
  const specification = { kernel: 'rouge', overlap, ...rest };
  return new NativeScorer({ name: 'rouge', threshold: least, specification, read: readTexts });
}

/** Options of {@link meteor}. */
export interface MeteorOptions extends ThresholdOption {
  /** The tokenizer: that of BLEU (default), or the words between space. */
  tokenize?: '13a' | 'none' | undefined;
  /** Weight of precision in the mean, from 0 to 1. Default 0.9: recall counts nine times as much. */
  alpha?: number | undefined;
  /** Exponent of the penalty for order, from 0 to 100. Default 3. */
  beta?: number | undefined;
  /** Largest penalty for order, from 0 to 1. Default 0.5. */
  gamma?: number | undefined;
  /** Most cells: the product of both numbers of words, without common ends. Default 1e9. More is a `RangeError`. */
  maxCells?: number | undefined;
}

/**
 * METEOR by equal words and equal stems, equal to nltk without WordNet. Equal texts stay below 1: one chunk of m words
 * costs γ·(1/m)^β. `breakdown`: `precision`, `recall`, `matches`, `chunks`. O(m + n).
 */
export function meteor(options?: MeteorOptions): TextScorer {
  const { threshold: least, ...rest } = readOptions('meteor', options, {
    threshold: threshold.graded,
    tokenize: oneOf('13a', 'none'),
    alpha: numberIn(0, 1, 0.9),
    beta: numberIn(0, 100, 3),
    gamma: numberIn(0, 1, 0.5),
    maxCells: cells(1e9),
  });
  const specification = { kernel: 'meteor', ...rest };
  return new NativeScorer({ name: 'meteor', threshold: least, specification, read: readTexts });
}

interface CorpusMetric {
  threshold: number;
  specification: object;
}

function corpusScore(pairs: readonly TextPair[], { threshold: least, specification }: CorpusMetric): Score {
  if (!Array.isArray(pairs)) wrongType('pairs', 'an array of { expected, actual }', pairs);
  if (pairs.length === 0) outOfRange('pairs', 'an array of at least one pair', pairs);
  const kernel = new Kernel(specification);
  const row = kernel.scoreCorpus(readAll(readEmptyToo, pairs, 'pairs'));
  return scoreOfRow(kernel, least, row, 0);
}

/** Reads a pair of a corpus, where no answer is an empty one. */
const readEmptyToo: typeof readTexts = (expected, actual, place, texts) =>
  readTexts(expected, actual ?? '', place, texts);
