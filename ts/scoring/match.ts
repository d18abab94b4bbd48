/**
 * Native matches of answers with what was expected: the same text, the same final number, or the same JSON value. The
 * rules are the engine's (`src/scoring/`); a whole batch crosses into it once.
 */
import { outOfRange } from '../arguments.js';
import { guarded, native } from '../native.js';
import { toJsonText } from '../value/form.js';

/** Settings of the comparison of an answer. */
export type Matcher = 'exact' | 'numeric' | 'json';

/** An answer and what was expected; each counts as its {@link matchText}. */
export interface MatchPair {
  expected: unknown;
  actual: unknown;
}

/** The verdict of a match. */
export interface MatchScore {
  /**
   * 0–1; `NaN` when the expected side cannot be matched against: it is not one number or has more than a million digits
   * (`'numeric'`), or it is nested more than 1,000 deep (`'json'`).
   */
  score: number;
  /** True if it is a full match. */
  passed: boolean;
}

export interface MatchOptions {
  /** `'numeric'`: by how much the numbers may differ, inclusive, in their own unit. Default 0: the very same number. */
  tolerance?: number | undefined;
}

/** A decimal number as a program writes it: no leading zeros, no separators, no other base. */
const PLAIN_DECIMAL = /^[+-]?(?:(?:0|[1-9]\d*)(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * Scores a batch, in order. One native call: O(total text); a batch of some hundred answers keeps the event loop for well
 * under a millisecond per 100 KB. Throws `TypeError` for a value that {@link matchText} refuses.
 */
export function scoreMatches(matcher: Matcher, pairs: readonly MatchPair[], options: MatchOptions = {}): MatchScore[] {
  const { tolerance = 0 } = options;
  if (!(tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY)) {
    outOfRange('tolerance', 'a finite number of at least 0', tolerance);
  }
  const texts = pairs.flatMap(({ expected, actual }) => [matchText(expected), matchText(actual)]);
  const lengths = Uint32Array.from(texts, (text) => text.length);
  const scores = guarded(() => native.scoreMatches(matcher, tolerance, texts.join(''), lengths));
  return pairs.map((_, i) => ({ score: scores[i]!, passed: scores[i] === 1 }));
}

/**
 * Picks the matcher that suits an expected value: `numeric` for numbers and for text that is a plain decimal number, `exact`
 * for other text (`02134`, `0x1F`, `1,234`), `json` for the rest.
 */
export function matcherFor(expected: unknown): Matcher {
  if (typeof expected === 'number') return Number.isFinite(expected) ? 'numeric' : 'json';
  if (typeof expected === 'bigint') return 'numeric';
  if (typeof expected !== 'string') return 'json';
  return PLAIN_DECIMAL.test(expected.trim()) ? 'numeric' : 'exact';
}

/**
 * Returns the text that a value is compared as: a string itself, nothing for `undefined`, everything else its JSON text in
 * the package's form. Throws `TypeError` for a value that holds itself or is nested too deep to have one.
 */
export function matchText(value: unknown): string {
  return typeof value === 'string' ? value : (toJsonText(value) ?? '');
}
