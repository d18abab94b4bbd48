/** Matches of texts, all or nothing. */
import { wrongType } from '../arguments.js';
import type { Normalization, TextScorer } from './edit_distance.js';
import { NativeScorer } from './native_scorer.js';
import { flag, type OptionCheck, oneOf, readOptions, threshold } from './options.js';
import type { ThresholdOption } from './scorer.js';
import { readTexts } from './text_input.js';

/** Options of {@link exactMatch}, applied in this order. Line ends are always unified and the ends trimmed. */
export interface ExactMatchOptions extends ThresholdOption {
  /** Unicode normalisation. Default `'NFC'`. */
  normalize?: Normalization | undefined;
  /** Compares under full Unicode case folding: `STRASSE` is `straße`. Default false. */
  ignoreCase?: boolean | undefined;
  /** Deletes punctuation (`\p{P}`; `$` and `+` are symbols and stay). Default false. */
  ignorePunctuation?: boolean | undefined;
  /** Turns the words `a`, `an` and `the` into blanks. Default false. */
  ignoreArticles?: boolean | undefined;
  /** Turns each run of white space into one blank. Default false; always with `ignoreArticles`. */
  collapseSpace?: boolean | undefined;
}

/** Options of {@link contains}, {@link startsWith} and {@link endsWith}. */
export interface OccurrenceOptions extends ThresholdOption {
  /** Unicode normalisation. Default `'NFC'`. */
  normalize?: Normalization | undefined;
  /** Compares under full Unicode case folding. Default false. */
  ignoreCase?: boolean | undefined;
}

/** Options of {@link pattern}. */
export interface PatternOptions extends ThresholdOption {
  /** Flags as of `RegExp`. `u` is always on; `g`, `y` and `d` mean nothing here. `v` is refused. */
  flags?: string | undefined;
  /**
   * `true`: one of the pattern's groups must be an expected text, which is not empty. `'all'`: each group that takes part
   * must be. Without groups the match itself counts. Default: the pattern occurs in the answer, and what is expected is
   * not looked at.
   */
  capture?: boolean | 'all' | undefined;
  /** The flag `i`, for the comparison of captured text too. Default false. */
  ignoreCase?: boolean | undefined;
}

const normalize: OptionCheck<Normalization> = oneOf('NFC', 'NFKC', 'none');

/** The same text: 1, else 0. O(m + n). */
export function exactMatch(options?: ExactMatchOptions): TextScorer {
  const { threshold: least, ...rest } = readOptions('exactMatch', options, {
    threshold: threshold.yesNo,
    normalize,
    ignoreCase: flag(),
    ignorePunctuation: flag(),
    ignoreArticles: flag(),
    collapseSpace: flag(),
  });
  const specification = { kernel: 'exactMatch', ...rest };
  return new NativeScorer({ name: 'exactMatch', threshold: least, specification, read: readTexts });
}

function occurrence(name: string, place: string, options: OccurrenceOptions | undefined): TextScorer {
  const checks = { threshold: threshold.yesNo, normalize, ignoreCase: flag() };
  const { threshold: least, ...rest } = readOptions(name, options, checks);
  const specification = { kernel: 'occurrence', place, ...rest };
  return new NativeScorer({ name, threshold: least, specification, read: readTexts });
}

/** The answer contains the expected text: 1, else 0. An empty text is in everything. O(m + n). */
export function contains(options?: OccurrenceOptions): TextScorer {
  return occurrence('contains', 'anywhere', options);
}

/** The answer starts with the expected text: 1, else 0. O(m). */
export function startsWith(options?: OccurrenceOptions): TextScorer {
  return occurrence('startsWith', 'start', options);
}

/** The answer ends with the expected text: 1, else 0. O(m). */
export function endsWith(options?: OccurrenceOptions): TextScorer {
  return occurrence('endsWith', 'end', options);
}

/**
 * The regular expression matches the answer: 1, else 0, as `new RegExp(source, flags + 'u').test(actual)` in time linear
 * in the answer. Throws `ERR_UNSUPPORTED_PATTERN` for look-around and back-references, which linear time does not allow,
 * and a `SyntaxError` for what is no pattern.
 */
export function pattern(source: string | RegExp, options?: PatternOptions): TextScorer {
  const given = readOptions('pattern', options, {
    threshold: threshold.yesNo,
    flags: flagsOf,
    capture: captureOf,
    ignoreCase: flag(),
  });
  const isRegExp = typeof source === 'object' && source !== null && typeof source.source === 'string';
  if (!isRegExp && typeof source !== 'string') wrongType('pattern: source', 'a string or a RegExp', source);
  const text = isRegExp ? source.source : source;
  // JavaScript's own parser says what is a pattern and what are flags; its message names the mistake.
  new RegExp('', given.flags);
  const asked = [...(isRegExp ? source.flags : ''), ...given.flags, ...(given.ignoreCase ? 'i' : ''), 'u'];
  const flags = [...new Set(asked)].join('');
  new RegExp(text, flags);
  const specification = { kernel: 'pattern', source: text, flags, capture: given.capture };
  return new NativeScorer({ name: 'pattern', threshold: given.threshold, specification, read: readTexts });
}

const flagsOf: OptionCheck<string> = (name, value = '') =>
  typeof value === 'string' ? value : wrongType(name, 'a string of RegExp flags', value);

const captureOf: OptionCheck<'none' | 'one' | 'all'> = (name, value = false) => {
  if (value === 'all') return 'all';
  if (typeof value === 'boolean') return value ? 'one' : 'none';
  return wrongType(name, "true or 'all'", value);
};
