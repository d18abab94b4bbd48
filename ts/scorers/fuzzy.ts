/** Fuzzy similarity, equal to `rapidfuzz.fuzz` 3.14. */
import type { TextScorer } from './edit_distance.js';
import { NativeScorer } from './native_scorer.js';
import { cells, flag, oneOf, readOptions, threshold } from './options.js';
import type { ThresholdOption } from './scorer.js';
import { readTexts } from './text_input.js';

/** Options of {@link fuzzy}. */
export interface FuzzyOptions extends ThresholdOption {
  /**
   * - `'ratio'` (default): indel similarity of the texts.
   * - `'partial'`: the best ratio of the shorter text to a window of its length in the longer.
   * - `'tokenSort'`: the ratio of the sorted tokens.
   * - `'tokenSet'`: the ratio of the sets of tokens; 1 if one side has no token of its own.
   * - `'token'`: the better of both.
   * - `'weighted'`: the best of all, each with a weight (rapidfuzz's WRatio).
   */
  method?: 'ratio' | 'partial' | 'tokenSort' | 'tokenSet' | 'token' | 'weighted' | undefined;
  /** Lower-cases one to one, turns all but letters and numbers into blanks, and trims. Default false. */
  process?: boolean | undefined;
  /** Most cells of a table: the product of the lengths of both texts. Default 1e11. More is a `RangeError`. */
  maxCells?: number | undefined;
}

/**
 * Fuzzy similarity: forgives order, repetition or additions, by method. Not a measure of meaning. O(⌈m/64⌉ · n), with a
 * window (`partial`, `weighted`) O(m · n).
 */
export function fuzzy(options?: FuzzyOptions): TextScorer {
  const { threshold: least, ...rest } = readOptions('fuzzy', options, {
    threshold: threshold.graded,
    method: oneOf('ratio', 'partial', 'tokenSort', 'tokenSet', 'token', 'weighted'),
    process: flag(),
    maxCells: cells(1e11),
  });
  const specification = { kernel: 'fuzzy', ...rest };
  return new NativeScorer({ name: 'fuzzy', threshold: least, specification, read: readTexts });
}
