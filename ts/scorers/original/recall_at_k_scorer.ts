/** Recall of retrieved documents. */
import { outOfRange, positiveInteger, wrongType } from '../../arguments.js';
import { flag, numberIn, readOptions } from '../options.js';
import { recallAtK } from '../ranking.js';
import type { CaseScore, CaseScorer } from './case_score.js';
import { documentIds } from './document_ids.js';

/** Options of {@link RecallAtKScorer}. */
export interface RecallAtKScorerOptions {
  /** Looks at the first `k` documents. */
  k: number;
  /** The least recall that passes, 0–1. Default 0.8. */
  minRecall?: number | undefined;
  /** Compares ids without regard to case and white space at their ends. Default true. */
  normalize?: boolean | undefined;
}

/**
 * Scores retrieved documents by the share of the expected ones among the first `k`. A document is its id (`id`, `docId` or
 * `documentId`), else its JSON text. Duplicates count once. Nothing expected: 0.
 */
export class RecallAtKScorer implements CaseScorer {
  readonly name: string;
  readonly #options: { k: number; minRecall: number; normalize: boolean };

  /** Throws a `TypeError` or `RangeError` for options that cannot be used. */
  constructor(options: RecallAtKScorerOptions) {
    this.#options = readOptions('RecallAtKScorer', options ?? {}, {
      k: positiveInteger,
      minRecall: numberIn(0, 1, 0.8),
      normalize: flag(true),
    });
    this.name = `Recall@${this.#options.k}`;
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    const { k, minRecall, normalize } = this.#options;
    const relevant = new Set(documentIds('expected', expected, normalize));
    const retrieved = new Set(documentIds('output', output, normalize));
    const { score } = recallAtK(k).scoreSync([...relevant], [...retrieved]);
    const found = [...retrieved].slice(0, k).filter((id) => relevant.has(id)).length;
    const reason = `Found ${found} of ${relevant.size} relevant documents in the first ${k}`;
    const breakdown = { found, relevant: relevant.size, retrieved: retrieved.size };
    return { score, passed: score >= minRecall, reason, breakdown };
  }
}

/** Options of {@link RecallAtKSuite}. */
export interface RecallAtKSuiteOptions {
  /** The least mean recall that passes, 0–1. Default 0.8. */
  minRecall?: number | undefined;
  /** Compares ids without regard to case and white space at their ends. Default true. */
  normalize?: boolean | undefined;
}

/** Scores retrieved documents by the mean recall at several `k`; `breakdown` has each. */
export class RecallAtKSuite implements CaseScorer {
  readonly name = 'RecallAtKSuite';
  readonly #scorers: [k: number, RecallAtKScorer][];
  readonly #minRecall: number;

  /** Throws a `RangeError` for an empty list or a `k` that is no whole number of at least 1. */
  constructor(ks: readonly number[], options?: RecallAtKSuiteOptions) {
    if (!Array.isArray(ks)) wrongType('ks', 'an array of whole numbers', ks);
    if (ks.length === 0) outOfRange('ks', 'a list of at least one number', ks);
    const checks = { minRecall: numberIn(0, 1, 0.8), normalize: flag(true) };
    const { minRecall, normalize } = readOptions('RecallAtKSuite', options, checks);
    this.#minRecall = minRecall;
    const ascending = [...new Set(ks)].sort((a, b) => a - b);
    this.#scorers = ascending.map((k) => [k, new RecallAtKScorer({ k, minRecall, normalize })]);
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    const breakdown: Record<string, number> = {};
    for (const [k, scorer] of this.#scorers) breakdown[`recall@${k}`] = (await scorer.score(output, expected)).score;
    const recalls = Object.values(breakdown);
    const score = recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
    return { score, passed: score >= this.#minRecall, reason: `Mean recall ${score.toFixed(3)}`, breakdown };
  }
}

/** Usual settings of {@link RecallAtKScorer}; `multiLevel` is for {@link RecallAtKSuite}. */
export const CommonRecallConfigs = {
  rag: { k: 5, minRecall: 0.8 },
  search: { k: 10, minRecall: 0.7 },
  recommendation: { k: 3, minRecall: 0.9 },
  multiLevel: { ks: [1, 3, 5, 10], minRecall: 0.7 },
} as const;
