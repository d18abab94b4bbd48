/** Scorers by edit distance, equal to rapidfuzz 3.14. */
import { NativeScorer } from './native_scorer.js';
import { cells, flag, numberIn, oneOf, readOptions, threshold } from './options.js';
import type { Scorer, ThresholdOption } from './scorer.js';
import { type ActualText, type ExpectedText, readTexts } from './text_input.js';

/** A scorer of texts. */
export type TextScorer = Scorer<ExpectedText, ActualText>;

/** Unicode normalisation of both texts before they are compared. */
export type Normalization = 'none' | 'NFC' | 'NFKC';

/** Options of texts compared symbol by symbol. */
export interface SymbolOptions extends ThresholdOption {
  /**
   * One symbol: a code point (default), a UTF-16 unit (as `length` counts), or a grapheme cluster (what a reader takes for
   * one character).
   */
  unit?: 'codepoint' | 'utf16' | 'grapheme' | undefined;
  /** Default `'none'`. */
  normalize?: Normalization | undefined;
  /** Compares under full Unicode case folding. Default false. */
  ignoreCase?: boolean | undefined;
}

/** Options of the edit distances. */
export interface EditDistanceOptions extends SymbolOptions {
  /**
   * Most cells of the table: the product of both lengths, without the ends that the texts share. Default 1e11, which takes
   * seconds (`damerauLevenshtein`: minutes). More is a `RangeError`.
   */
  maxCells?: number | undefined;
}

/** Options of {@link jaroWinkler}. */
export interface JaroWinklerOptions extends SymbolOptions {
  /** Weight of each symbol of the common prefix, up to four. From 0 to 0.25, default 0.1. */
  prefixWeight?: number | undefined;
}

const symbolChecks = {
  threshold: threshold.graded,
  unit: oneOf('codepoint', 'utf16', 'grapheme'),
  normalize: oneOf('none', 'NFC', 'NFKC'),
  ignoreCase: flag(),
};
const distanceChecks = { ...symbolChecks, maxCells: cells(1e11) };

function editDistance(name: string, given: EditDistanceOptions | undefined): TextScorer {
  return symbolScorer(name, readOptions(name, given, distanceChecks));
}

function symbolScorer(name: string, { threshold, ...options }: { threshold: number }): TextScorer {
  const specification = { kernel: 'editDistance', measure: name, maxCells: 0, ...options };
  return new NativeScorer({ name, threshold, specification, read: readTexts });
}

/**
 * Levenshtein similarity: 1 − distance/longer length, where the distance is the fewest insertions, deletions and
 * substitutions. `breakdown.distance`. O(⌈m/64⌉ · n).
 */
export function levenshtein(options?: EditDistanceOptions): TextScorer {
  return editDistance('levenshtein', options);
}

/**
 * Similarity by optimal string alignment: Levenshtein with swaps of neighbours, each symbol edited once at most (`ca` →
 * `abc` is 3). `breakdown.distance`. O(⌈m/64⌉ · n).
 */
export function osa(options?: EditDistanceOptions): TextScorer {
  return editDistance('osa', options);
}

/**
 * Damerau–Levenshtein similarity: Levenshtein with swaps of neighbours (`ca` → `abc` is 2). `breakdown.distance`. O(m · n).
 */
export function damerauLevenshtein(options?: EditDistanceOptions): TextScorer {
  return editDistance('damerauLevenshtein', options);
}

/**
 * Similarity by insertions and deletions alone: 1 − distance/sum of the lengths. `breakdown.distance`. O(⌈m/64⌉ · n).
 */
export function indel(options?: EditDistanceOptions): TextScorer {
  return editDistance('indel', options);
}

/**
 * Longest common subsequence: its length/longer length. `breakdown.distance` is what is left of the longer text.
 * O(⌈m/64⌉ · n).
 */
export function lcs(options?: EditDistanceOptions): TextScorer {
  return editDistance('lcs', options);
}

/**
 * Jaro similarity: the mean of the shares of common symbols in both texts and of those in order. Symbols are common at
 * most ⌊longer/2⌋ − 1 apart. O(m + n).
 */
export function jaro(options?: SymbolOptions): TextScorer {
  return symbolScorer('jaro', readOptions('jaro', options, symbolChecks));
}

/**
 * Jaro–Winkler similarity: above 0.7, Jaro's j becomes j + l·prefixWeight·(1 − j) for a common prefix of l ≤ 4 symbols.
 * O(m + n).
 */
export function jaroWinkler(options?: JaroWinklerOptions): TextScorer {
  const checks = { ...symbolChecks, prefixWeight: numberIn(0, 0.25, 0.1) };
  return symbolScorer('jaroWinkler', readOptions('jaroWinkler', options, checks));
}
