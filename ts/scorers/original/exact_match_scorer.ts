/** Equality of values, with the share of equal parts as score. */
import { wrongType } from '../../arguments.js';
import { flag, type OptionCheck, readOptions } from '../options.js';
import type { CaseScore, CaseScorer } from './case_score.js';
import { type ComparisonOptions, ValueDifference } from './value_difference.js';

/** Differences named in a reason. */
const NAMED = 5;

/** Options of {@link ExactMatchScorer}. */
export interface ExactMatchScorerOptions {
  /** True if the order of an object's keys does not matter. Default true. */
  ignoreKeyOrder?: boolean | undefined;
  /** Compares strings without regard to case. Default false. */
  caseInsensitive?: boolean | undefined;
  /** Compares strings without white space at their ends. Default true. */
  trimWhitespace?: boolean | undefined;
  /** Parts to leave out, missing or not, by literal path: `user.id`, `items[0].at` or `items.0.at`. Default none. */
  ignorePaths?: readonly string[] | undefined;
}

const paths: OptionCheck<ReadonlySet<string>> = (name, value) => {
  if (value === undefined) return new Set();
  const isList = Array.isArray(value) && value.every((path) => typeof path === 'string');
  return isList ? new Set(value as string[]) : wrongType(name, 'an array of paths', value);
};

/**
 * Scores an output by equality with the expected value. It passes when both are the same; the score is the share of equal
 * parts, 0–1. Dates, maps, sets and buffers compare by content, `NaN` equals itself, and `null` is a value.
 */
export class ExactMatchScorer implements CaseScorer {
  readonly name = 'ExactMatch';
  readonly #options: ComparisonOptions;

  /** Throws a `TypeError` for an option that is unknown or of the wrong type. */
  constructor(options?: ExactMatchScorerOptions) {
    this.#options = readOptions('ExactMatchScorer', options, {
      ignoreKeyOrder: flag(true),
      caseInsensitive: flag(),
      trimWhitespace: flag(true),
      ignorePaths: paths,
    });
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    const { parts, same, paths: differences } = new ValueDifference(output, expected, this.#options);
    const passed = differences.length === 0;
    const breakdown = { parts, same };
    if (passed) return { score: 1, passed, reason: 'Output matches expected', breakdown };
    const more = differences.length > NAMED ? ` and ${differences.length - NAMED} more` : '';
    const reason = `Output differs at ${differences.slice(0, NAMED).join(', ')}${more}`;
    return { score: same / parts, passed, reason, breakdown };
  }
}
