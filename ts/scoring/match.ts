/**
 * Native matches of answers with what was expected: the same text, the same final number, or the same JSON value. The
 * rules are the engine's (`src/scoring/`); a whole batch crosses into it once.
 */
import { outOfRange } from '../arguments.js';
import { guarded, native } from '../native.js';

/** How an answer is compared. */
export type Matcher = 'exact' | 'numeric' | 'json';

/** An answer and what was expected. What is not a string counts as its JSON text. */
export interface MatchPair {
  expected: unknown;
  actual: unknown;
}

/** What a match says. */
export interface MatchScore {
  /** 0–1; `NaN` when the expected side cannot be matched against (it holds no number for `'numeric'`). */
  score: number;
  /** Whether it is a full match. */
  passed: boolean;
}

export interface MatchOptions {
  /** `'numeric'`: by how much the numbers may differ, inclusive, in their own unit. Default 0: the very same number. */
  tolerance?: number | undefined;
}

/**
 * Scores a batch, in order. One native call: O(total text); a batch of some hundred answers keeps the event loop for well
 * under a millisecond per 100 KB.
 */
export function scoreMatches(matcher: Matcher, pairs: readonly MatchPair[], options: MatchOptions = {}): MatchScore[] {
  const { tolerance = 0 } = options;
  if (!(tolerance >= 0 && tolerance < Number.POSITIVE_INFINITY)) {
    outOfRange('tolerance', 'a finite number of at least 0', tolerance);
  }
  const texts = pairs.flatMap(({ expected, actual }) => [textOf(expected), textOf(actual)]);
  const lengths = Uint32Array.from(texts, (text) => text.length);
  const scores = guarded(() => native.scoreMatches(matcher, tolerance, texts.join(''), lengths));
  return pairs.map((_, i) => ({ score: scores[i]!, passed: scores[i] === 1 }));
}

/** The matcher that suits an expected value: numbers (also as text) by `numeric`, other text by `exact`, the rest by `json`. */
export function matcherFor(expected: unknown): Matcher {
  if (typeof expected === 'number' || typeof expected === 'bigint') return 'numeric';
  if (typeof expected !== 'string') return 'json';
  return expected.trim() !== '' && Number.isFinite(Number(expected)) ? 'numeric' : 'exact';
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value) ?? '';
}
