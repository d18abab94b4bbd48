/** Scorers by embeddings. */
import { callable, outOfRange, wrongType } from '../arguments.js';
import { EmbeddingCache } from '../cache/index.js';
import { batchRun } from '../scoring/batch_run.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { type Evaluation, JavaScriptScorer, reportProgress, untilAborted } from './javascript_scorer.js';
import { NativeScorer } from './native_scorer.js';
import { numberIn, type OptionCheck, readOptions, threshold } from './options.js';
import { finiteNumbers, type NumberList, packNumbers } from './packed_numbers.js';
import type { BatchOptions, Score, ScoredPair, Scorer, ThresholdOption } from './scorer.js';
import { type ActualText, type ExpectedText, readTexts } from './text_input.js';

/** Texts embedded in one call. */
const TEXTS_A_CALL = 256;

const readVectors: ReadPair<NumberList, NumberList | null | undefined> = (expected, actual, place, texts) => {
  const wanted = finiteNumbers(`${place}expected`, expected);
  if (actual === null || actual === undefined) return 0;
  const given = finiteNumbers(`${place}actual`, actual);
  if (given.length !== wanted.length)
    outOfRange(`${place}actual`, `of the length of expected (${wanted.length})`, actual);
  texts.push(packNumbers(wanted), packNumbers(given));
  return 2;
};

function cosineOf(minimum: number, least: number): Scorer<NumberList, NumberList | null | undefined> {
  return new NativeScorer({
    name: 'cosine',
    threshold: least,
    specification: { kernel: 'cosine', minimum },
    read: readVectors,
  });
}

/**
 * Cosine of the angle between two vectors; negative ones score 0. `breakdown.cosine` is the cosine itself, −1 to 1, and
 * `NaN` for a vector of zeros, which scores 0. Entries neither overflow nor vanish. Vectors of different length and entries
 * that are not finite are a `RangeError`. O(dimensions).
 */
export function cosine(options?: ThresholdOption): Scorer<NumberList, NumberList | null | undefined> {
  return cosineOf(0, readOptions('cosine', options, { threshold: threshold.graded }).threshold);
}

/** Options of {@link semanticSimilarity}. */
export interface SemanticSimilarityOptions extends ThresholdOption {
  /** Embeds texts, one vector for each, in order; called with at most 256 texts. */
  embed(texts: string[]): readonly number[][] | PromiseLike<readonly number[][]>;
  /** The cache of vectors. Default: the last 1000, in memory. */
  cache?: EmbeddingCache | undefined;
  /** The cosine that scores 0, below 1: the score is `(cosine − minimum) / (1 − minimum)`. Default 0. */
  minimum?: number | undefined;
}

const embedder: OptionCheck<SemanticSimilarityOptions['embed']> = (name, value) =>
  callable(name, value as SemanticSimilarityOptions['embed']);

const embeddingCache: OptionCheck<EmbeddingCache> = (name, value) => {
  if (value === undefined) return new EmbeddingCache();
  const cache = value as EmbeddingCache;
  const isCache = typeof value === 'object' && value !== null && typeof cache.batchGetOrCompute === 'function';
  return isCache ? cache : wrongType(name, 'an EmbeddingCache', value);
};

/**
 * Similarity of meaning: the cosine of the embeddings of both texts, from 0 to 1; the best of several expected texts counts.
 * `breakdown.cosine` is the cosine itself. The same text scores 1 and an empty one 0, without a call.
 *
 * A text is embedded once, however often it occurs; a batch asks for all its texts together. What `embed` throws rejects.
 */
export function semanticSimilarity(options: SemanticSimilarityOptions): Scorer<ExpectedText, ActualText> {
  const checked = readOptions('semanticSimilarity', options ?? {}, {
    threshold: threshold.graded,
    embed: embedder,
    cache: embeddingCache,
    minimum: numberIn(-1, 1 - Number.EPSILON, 0),
  });
  return new SemanticSimilarity(checked);
}

/** The score of a pair by its texts alone, or the texts to embed. */
type Compared = { score: number } | { expected: string[]; actual: string };

class SemanticSimilarity extends JavaScriptScorer<ExpectedText, ActualText> {
  readonly #embed: SemanticSimilarityOptions['embed'];
  readonly #cache: EmbeddingCache;
  readonly #cosine: Scorer<NumberList, NumberList | null | undefined>;

  constructor(
    options: Required<Pick<SemanticSimilarityOptions, 'embed'>> & {
      threshold: number;
      cache: EmbeddingCache;
      minimum: number;
    },
  ) {
    super('semanticSimilarity', options.threshold);
    this.#embed = options.embed;
    this.#cache = options.cache;
    this.#cosine = cosineOf(options.minimum, options.threshold);
  }

  override async scoreAll(
    results: readonly ScoredPair<ExpectedText, ActualText>[],
    options?: BatchOptions,
  ): Promise<Score[]> {
    const { signal, onProgress } = batchRun('results', results, options);
    signal?.throwIfAborted();
    const pairs = results.map((pair, i) => compared(pair?.expected, pair?.actual, `results[${i}].`));
    const vectors = await untilAborted(signal, this.#vectors(pairs, signal));
    const scores = pairs.map((pair) => this.#scoreOf(pair, vectors));
    reportProgress(onProgress, scores.length, scores.length);
    return scores;
  }

  protected override async evaluate(expected: ExpectedText, actual: ActualText, { place }: Evaluation): Promise<Score> {
    const pair = compared(expected, actual, place);
    return this.#scoreOf(pair, await this.#vectors([pair], undefined));
  }

  async #vectors(
    pairs: readonly (Compared | undefined)[],
    signal: AbortSignal | undefined,
  ): Promise<Map<string, readonly number[]>> {
    const texts = new Set<string>();
    for (const pair of pairs) {
      if (pair === undefined || 'score' in pair) continue;
      for (const text of [...pair.expected, pair.actual]) texts.add(text);
    }
    const distinct = [...texts];
    const vectors = new Map<string, readonly number[]>();
    for (let from = 0; from < distinct.length; from += TEXTS_A_CALL) {
      signal?.throwIfAborted();
      const part = distinct.slice(from, from + TEXTS_A_CALL);
      const found = await this.#cache.batchGetOrCompute(part, async (missing) => [...(await this.#embed(missing))]);
      for (const [text, vector] of found) vectors.set(text, vector);
    }
    return vectors;
  }

  #scoreOf(pair: Compared | undefined, vectors: Map<string, readonly number[]>): Score {
    if (pair === undefined) return this.noAnswer();
    if ('score' in pair) return this.scored(pair.score);
    const actual = vectors.get(pair.actual);
    const scores = pair.expected.map((text) => this.#cosine.scoreSync(vectors.get(text)!, actual));
    return scores.reduce((best, score) => (score.score > best.score ? score : best));
  }
}

function compared(expected: ExpectedText, actual: ActualText, place: string): Compared | undefined {
  const texts: string[] = [];
  if (readTexts(expected, actual, place, texts) === 0) return undefined;
  const answer = texts.pop()!;
  if (texts.includes(answer)) return { score: 1 };
  const meaningful = texts.filter((text) => text.trim() !== '');
  return answer.trim() === '' || meaningful.length === 0 ? { score: 0 } : { expected: meaningful, actual: answer };
}
