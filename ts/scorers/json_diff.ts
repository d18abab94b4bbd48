/** The scorer of JSON values, part by part. */
import { callable, wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import { nativeSide } from '../scoring/native_pairs.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { levenshtein } from './edit_distance.js';
import { type Evaluation, JavaScriptScorer } from './javascript_scorer.js';
import { jsonText } from './json_text.js';
import { NativeScorer } from './native_scorer.js';
import { numericDiff } from './numeric_diff.js';
import { flag, type OptionCheck, readOptions, threshold } from './options.js';
import type { Score, Scorer, ThresholdOption } from './scorer.js';
import { readTexts } from './text_input.js';

/** Options of {@link jsonDiff}. */
export interface JsonDiffOptions extends ThresholdOption {
  /** Compares strings, and the JSON texts of values of different kinds. Default `levenshtein({ unit: 'utf16' })`. */
  strings?: Scorer<string, string> | undefined;
  /** Compares numbers. Default `numericDiff()`. */
  numbers?: Scorer<number, number> | undefined;
  /** Keeps strings that hold a JSON object or array as strings. Default false: they are parsed first, at any depth. */
  preserveStrings?: boolean | undefined;
}

/** Checks that an option is a scorer. */
export function scorerOr<E, A>(fallback: () => Scorer<E, A>): OptionCheck<Scorer<E, A>> {
  return (name, value) => {
    if (value === undefined) return fallback();
    if (typeof value !== 'object' || value === null) return wrongType(name, 'a scorer', value);
    const scorer = value as Scorer<E, A>;
    callable(`${name}.score`, scorer.score);
    callable(`${name}.scoreAll`, scorer.scoreAll);
    return scorer;
  };
}

/** Reads two JSON values; `null` is one, `undefined` is no answer. */
const readValues: ReadPair<unknown, unknown> = (expected, actual, place, texts) => {
  if (expected === undefined) wrongType(`${place}expected`, 'a JSON value', expected);
  const wanted = jsonText(`${place}expected`, expected);
  if (actual === undefined) return 0;
  texts.push(wanted, jsonText(`${place}actual`, actual));
  return 2;
};

/**
 * Similarity of JSON values, part by part, equal to JSONDiff of autoevals.
 *
 * - Objects: the mean over the union of their keys; a missing member is `null`.
 * - Arrays: by index, the sum divided by the longer length.
 * - `null` and `null` 1, `null` and anything else 0; two empty objects or arrays 1.
 * - Strings by `strings`, numbers by `numbers`; other mixes by `strings` on their JSON texts with sorted keys.
 *
 * `NaN` and infinities are a `RangeError`, what JSON cannot hold a `TypeError`. Linear in the parts, apart from what
 * `strings` costs; `scoreSync` needs scorers that have it.
 */
export function jsonDiff(options?: JsonDiffOptions): Scorer<unknown, unknown> {
  const checked = readOptions('jsonDiff', options, {
    threshold: threshold.graded,
    strings: scorerOr<string, string>(() => levenshtein({ unit: 'utf16' })),
    numbers: scorerOr<number, number>(() => numericDiff()),
    preserveStrings: flag(),
  });
  const [strings, numbers] = [nativeSide(checked.strings), nativeSide(checked.numbers)];
  const areNative = strings?.read === readTexts && numbers?.kernel.specification !== undefined;
  if (!areNative || !isNumericDiff(numbers.kernel.specification)) return new JsonDiffScorer(checked);
  return new NativeScorer({
    name: 'jsonDiff',
    threshold: checked.threshold,
    specification: {
      kernel: 'jsonDiff',
      strings: strings.kernel.specification,
      numbers: numbers.kernel.specification,
      preserveStrings: checked.preserveStrings,
    },
    read: readValues,
  });
}

function isNumericDiff(specification: object): boolean {
  return (specification as { kernel?: unknown }).kernel === 'numericDiff';
}

interface Checked {
  threshold: number;
  strings: Scorer<string, string>;
  numbers: Scorer<number, number>;
  preserveStrings: boolean;
}

type Leaf = ['s', string, string] | ['n', number, number];

/** {@link jsonDiff} with scorers in JavaScript for the leaves. */
class JsonDiffScorer extends JavaScriptScorer<unknown, unknown> {
  readonly #strings: Scorer<string, string>;
  readonly #numbers: Scorer<number, number>;
  readonly #preserve: boolean;

  constructor({ threshold, strings, numbers, preserveStrings }: Checked) {
    super('jsonDiff', threshold);
    this.#strings = strings;
    this.#numbers = numbers;
    this.#preserve = preserveStrings;
  }

  override scoreSync(expected: unknown, actual: unknown): Score {
    const parts = this.#leaves(expected, actual, '');
    if (parts === undefined) return this.noAnswer();
    const scores = parts.leaves.map(([kind, e, a]) =>
      kind === 's' ? this.#strings.scoreSync(e, a) : this.#numbers.scoreSync(e, a),
    );
    return this.#combined(parts.texts, scores);
  }

  protected override async evaluate(expected: unknown, actual: unknown, { place }: Evaluation): Promise<Score> {
    const parts = this.#leaves(expected, actual, place);
    if (parts === undefined) return this.noAnswer();
    const scores = parts.leaves.map(([kind, e, a]) =>
      kind === 's' ? this.#strings.score(e, a) : this.#numbers.score(e, a),
    );
    return this.#combined(parts.texts, await Promise.all(scores));
  }

  #leaves(expected: unknown, actual: unknown, place: string): { texts: [string, string]; leaves: Leaf[] } | undefined {
    const texts: string[] = [];
    if (readValues(expected, actual, place, texts) === 0) return undefined;
    const [e, a] = texts as [string, string];
    const leaves = JSON.parse(guarded(() => native.jsonLeaves(e, a, this.#preserve))) as Leaf[];
    return { texts: [e, a], leaves };
  }

  #combined([e, a]: [string, string], scores: readonly Score[]): Score {
    const numbers = Float64Array.from(scores, ({ score }) => score);
    return this.scored(guarded(() => native.jsonSimilarity(e, a, this.#preserve, numbers)));
  }
}
