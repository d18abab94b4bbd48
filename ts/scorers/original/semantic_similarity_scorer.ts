/** Similarity of meaning by OpenAI's embeddings. */
import { string } from '../../arguments.js';
import { EmbeddingCache } from '../../cache/index.js';
import { semanticSimilarity } from '../embedding.js';
import { flag, numberIn, type OptionCheck, readOptions } from '../options.js';
import type { Scorer } from '../scorer.js';
import type { ActualText, ExpectedText } from '../text_input.js';
import type { CaseScore, CaseScorer } from './case_score.js';
import { openaiEmbeddings } from './provider_client.js';

/** Options of {@link SemanticSimilarityScorer}. */
export interface SemanticSimilarityScorerOptions {
  apiKey: string;
  /** Default `'text-embedding-3-large'`. */
  model?: string | undefined;
  /** The least score that passes, 0–1. Default 0.8. */
  threshold?: number | undefined;
  /** Keeps up to 1000 embeddings for 24 hours. Default true. */
  cacheEmbeddings?: boolean | undefined;
  /** Base of the addresses, for a server that speaks OpenAI's language. Default `'https://api.openai.com/v1'`. */
  baseURL?: string | undefined;
}

/** A text, by default another. */
export function text(fallback: string): OptionCheck<string>;
export function text(fallback?: string): OptionCheck<string | undefined>;
export function text(fallback?: string): OptionCheck<string | undefined> {
  return (name, value = fallback) => (value === undefined ? undefined : string(name, value));
}

/**
 * Scores an output by the cosine of its embedding and that of the expected text. The same text scores 1 and an empty one 0,
 * without a call. A call that fails scores 0, with the error as reason and in `metadata.error`.
 */
export class SemanticSimilarityScorer implements CaseScorer {
  readonly name = 'SemanticSimilarity';
  readonly #cache = new EmbeddingCache({ maxSize: 1000, ttl: 86_400_000 });
  readonly #scorer: Scorer<ExpectedText, ActualText>;
  readonly #caches: boolean;

  /** Throws a `TypeError` or `RangeError` for options that cannot be used. */
  constructor(options: SemanticSimilarityScorerOptions) {
    const checked = readOptions('SemanticSimilarityScorer', options ?? {}, {
      apiKey: string,
      model: text('text-embedding-3-large'),
      threshold: numberIn(0, 1, 0.8),
      cacheEmbeddings: flag(true),
      baseURL: text(),
    });
    const { threshold, model } = checked;
    this.#caches = checked.cacheEmbeddings;
    const embed = (texts: string[]) => openaiEmbeddings(checked, model, texts);
    this.#scorer = semanticSimilarity({ embed, threshold, cache: this.#cache });
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    try {
      const trimmed = (value: unknown) => (typeof value === 'string' ? value.trim() : value);
      const scored = await this.#scorer.score(trimmed(expected) as ExpectedText, trimmed(output) as ActualText);
      const { score, passed, breakdown } = scored;
      const reason = `Similarity ${score.toFixed(3)}, ${passed ? 'at least' : 'below'} ${this.#scorer.threshold}`;
      return { score, passed, reason, ...(breakdown === undefined ? {} : { breakdown }) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { score: 0, passed: false, reason: `Not embedded: ${message}`, metadata: { error: message } };
    } finally {
      if (!this.#caches) this.#cache.clear();
    }
  }

  /** Forgets all embeddings. */
  clearCache(): void {
    this.#cache.clear();
  }

  /** The number of embeddings held, and the most there can be. */
  getCacheStats(): { size: number; maxSize: number } {
    return { size: this.#cache.getStats().size, maxSize: 1000 };
  }
}
