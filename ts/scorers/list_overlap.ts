/** The scorer of lists by the best assignment of their elements. */
import { wrongType } from '../arguments.js';
import { guarded, native } from '../native.js';
import { nativeSide } from '../scoring/native_pairs.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { levenshtein } from './edit_distance.js';
import { type Evaluation, JavaScriptScorer } from './javascript_scorer.js';
import { scorerOr } from './json_diff.js';
import { NativeScorer } from './native_scorer.js';
import { cells, flag, readOptions, threshold } from './options.js';
import type { Score, Scorer, ThresholdOption } from './scorer.js';
import { readTexts, type Text } from './text_input.js';
import { pushLists } from './two_lists.js';

/** Options of {@link listOverlap}. */
export interface ListOverlapOptions<T> extends ThresholdOption {
  /** Compares an expected element with an actual one. Default `levenshtein()`. */
  pairwise?: Scorer<T, T> | undefined;
  /** Does not count extra elements of the answer against it. Default false. */
  allowExtra?: boolean | undefined;
  /** Most work of the assignment: shorter² × longer length. Default 1e11. More is a `RangeError`. */
  maxCells?: number | undefined;
}

/** A list answer. */
export type ListAnswer<T> = readonly T[] | null | undefined;

function list<T>(name: string, value: unknown): readonly T[] {
  return Array.isArray(value) ? value : wrongType(name, 'an array', value);
}

const readLists: ReadPair<readonly Text[], ListAnswer<Text>> = (expected, actual, place, texts) => {
  const wanted = textsOf(`${place}expected`, expected);
  if (actual === null || actual === undefined) return 0;
  return pushLists(texts, wanted, textsOf(`${place}actual`, actual));
};

function textsOf(name: string, value: unknown): string[] {
  return Array.from(list<unknown>(name, value), (element, i) => {
    if (typeof element === 'string') return element;
    const isText = typeof element === 'number' || typeof element === 'boolean' || typeof element === 'bigint';
    return isText
      ? String(element)
      : wrongType(`${name}[${i}]`, 'a text (a string, number, bigint or boolean)', element);
  });
}

/**
 * Overlap of two lists, in any order: the best one-to-one assignment of their elements by `pairwise`. The sum of its scores
 * is divided by the longer length, or, with `allowExtra`, by that of the expected list. Both empty 1, one empty 0.
 *
 * O(n · m) comparisons and an assignment in O(shorter² · longer); at most 25 million pairs of elements.
 */
export function listOverlap<T = Text>(options?: ListOverlapOptions<T>): Scorer<readonly T[], ListAnswer<T>> {
  const checked = readOptions('listOverlap', options, {
    threshold: threshold.graded,
    pairwise: scorerOr<T, T>(() => levenshtein() as unknown as Scorer<T, T>),
    allowExtra: flag(),
    maxCells: cells(1e11),
  });
  const pairwise = nativeSide(checked.pairwise);
  if (pairwise?.read !== readTexts) return new ListOverlapScorer(checked);
  const { threshold: least, allowExtra, maxCells } = checked;
  const scorer = new NativeScorer({
    name: 'listOverlap',
    threshold: least,
    specification: { kernel: 'listOverlap', pairwise: pairwise.kernel.specification, allowExtra, maxCells },
    read: readLists,
  });
  return scorer as unknown as Scorer<readonly T[], ListAnswer<T>>;
}

interface Checked<T> {
  threshold: number;
  pairwise: Scorer<T, T>;
  allowExtra: boolean;
  maxCells: number;
}

/** {@link listOverlap} with a scorer of its own for the elements. */
class ListOverlapScorer<T> extends JavaScriptScorer<readonly T[], ListAnswer<T>> {
  readonly #pairwise: Scorer<T, T>;
  readonly #allowExtra: boolean;
  readonly #maxCells: number;

  constructor({ threshold, pairwise, allowExtra, maxCells }: Checked<T>) {
    super('listOverlap', threshold);
    this.#pairwise = pairwise;
    this.#allowExtra = allowExtra;
    this.#maxCells = maxCells;
  }

  override scoreSync(expected: readonly T[], actual: ListAnswer<T>): Score {
    const pairs = this.#pairs(expected, actual, '');
    if (pairs === undefined) return this.noAnswer();
    const scores = pairs.map((pair) => this.#pairwise.scoreSync(pair.expected, pair.actual));
    return this.#overlap(scores, expected, actual!);
  }

  protected override async evaluate(
    expected: readonly T[],
    actual: ListAnswer<T>,
    { signal, place }: Evaluation,
  ): Promise<Score> {
    const pairs = this.#pairs(expected, actual, place);
    if (pairs === undefined) return this.noAnswer();
    return this.#overlap(await this.#pairwise.scoreAll(pairs, { signal }), expected, actual!);
  }

  #pairs(expected: readonly T[], actual: ListAnswer<T>, place: string): { expected: T; actual: T }[] | undefined {
    const wanted = list<T>(`${place}expected`, expected);
    if (actual === null || actual === undefined) return undefined;
    const given = list<T>(`${place}actual`, actual);
    guarded(() => native.assignmentIsAffordable(wanted.length, given.length, this.#maxCells));
    return wanted.flatMap((expected) => given.map((actual) => ({ expected, actual })));
  }

  #overlap(scores: readonly Score[], expected: readonly T[], actual: readonly T[]): Score {
    const numbers = Float64Array.from(scores, ({ score }) => score);
    const [e, a] = [expected.length, actual.length];
    return this.scored(guarded(() => native.overlapOfSimilarities(numbers, e, a, this.#allowExtra)));
  }
}
