/** Answers of a kind: numbers and JSON values, however they are written. */
import type { TextScorer } from './edit_distance.js';
import { readJson } from './json_input.js';
import { NativeScorer } from './native_scorer.js';
import { flag, numberIn, readOptions, threshold } from './options.js';
import type { Scorer, ThresholdOption } from './scorer.js';
import { readTexts } from './text_input.js';

/** Options of {@link numericAnswer}. The larger of both tolerances counts. */
export interface NumericAnswerOptions extends ThresholdOption {
  /** By how much the numbers may differ, inclusive, in their own unit. Default 0: the very same number. */
  tolerance?: number | undefined;
  /** By how much they may differ as a share of the expected number. Default 0. */
  relative?: number | undefined;
}

/**
 * Scores 1 if the final number of the answer is the expected one, else 0, whatever working and units surround it. `NaN`
 * where the expected text is not one number, or one of more than a million digits. O(m + n).
 */
export function numericAnswer(options?: NumericAnswerOptions): TextScorer {
  const { threshold: least, ...rest } = readOptions('numericAnswer', options, {
    threshold: threshold.yesNo,
    tolerance: numberIn(0, Number.MAX_VALUE, 0),
    relative: numberIn(0, Number.MAX_VALUE, 0),
  });
  const specification = { kernel: 'numericAnswer', ...rest };
  return new NativeScorer({ name: 'numericAnswer', threshold: least, specification, read: readTexts });
}

/** Options of {@link jsonMatch}. */
export interface JsonMatchOptions extends ThresholdOption {
  /** Looks for the value in code fences and prose too. Default true. */
  extract?: boolean | undefined;
}

/**
 * The answer is the expected JSON value: 1, else 0. Numbers are compared as the decimals they were written as, keys in any
 * order, strings and arrays as they are. Text is parsed; an expected text that is not JSON is a `TypeError`. O(m + n).
 */
export function jsonMatch(options?: JsonMatchOptions): Scorer<unknown, unknown> {
  const { threshold: least, ...rest } = readOptions('jsonMatch', options, {
    threshold: threshold.yesNo,
    extract: flag(true),
  });
  const specification = { kernel: 'jsonMatch', ...rest };
  return new NativeScorer({ name: 'jsonMatch', threshold: least, specification, read: readJson });
}
