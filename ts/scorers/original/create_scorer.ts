/** Scorers by the name of their type: `score(testCaseId, expected, actual)`. */
import { isDeepStrictEqual } from 'node:util';
import { callable, outOfRange, string, wrongType } from '../../arguments.js';
import { semanticSimilarity } from '../embedding.js';
import { numberIn, type OptionCheck, readOptions } from '../options.js';
import { ndcg, recallAtK, reciprocalRank } from '../ranking.js';
import type { Score } from '../scorer.js';
import { CommonRubrics, readRubric } from './common_rubrics.js';
import { documentIds } from './document_ids.js';
import { ExactMatchScorer } from './exact_match_scorer.js';
import { linearMatch } from './linear_match.js';
import { LLMJudgeScorer, rubricJudge } from './llm_judge_scorer.js';
import { PrecisionRecallScorer } from './precision_recall_scorer.js';
import { openaiEmbeddings } from './provider_client.js';

/** The types of {@link createScorer}. */
export type ScorerType =
  | 'exact-match'
  | 'partial-match'
  | 'contains'
  | 'regex'
  | 'numeric-range'
  | 'semantic-similarity'
  | 'llm-judge'
  | 'precision-recall-f1'
  | 'recall-at-k'
  | 'mrr'
  | 'ndcg'
  | 'custom';

/** The types under the names of a job's configuration. */
export type ScorerStrategy = 'exact' | 'semantic' | 'llm-judge' | 'custom';

/** The result of a custom scorer: a score, a verdict or all of it. */
export type CustomResult =
  | number
  | boolean
  | { score?: number; value?: number; passed?: boolean; explanation?: string };

/** A scorer of the caller's. */
export type CustomScorer = (
  expected: unknown,
  actual: unknown,
  metadata?: unknown,
) => CustomResult | PromiseLike<CustomResult>;

/** The configuration for {@link createScorer}: `type`, or `strategy`. */
export interface CreateScorerConfig {
  type?: ScorerType | undefined;
  strategy?: ScorerStrategy | undefined;
  /** The least score that passes, 0–1. Each type has a default of its own. */
  threshold?: number | undefined;
  /** Options of the type. */
  params?: Readonly<Record<string, unknown>> | undefined;
  /** The scorer of type `'custom'`. */
  customScorer?: CustomScorer | undefined;
  /** The model of type `'llm-judge'`, where `params` name none. */
  judgeModelId?: string | undefined;
  /** The criteria of the judge, in words. */
  judgePrompt?: string | undefined;
}

/** A score under both of the original's names. */
export interface ValuedScore extends Score {
  /** The same as `score`. */
  value: number;
}

/** A scorer of test cases. Mind the order: expected comes before actual. */
export interface TestCaseScorer {
  readonly name: string;
  readonly threshold: number;
  score(testCaseId: string, expected: unknown, actual: unknown, metadata?: unknown): Promise<ValuedScore>;
}

type Params = Readonly<Record<string, unknown>>;
type Evaluate = (expected: unknown, actual: unknown, metadata: unknown) => Promise<Omit<Score, 'passed'>>;

interface TypeOfScorer {
  threshold: number;
  /** Makes the function that scores; `threshold` is the one in force. */
  build(params: Params, config: CreateScorerConfig, threshold: number): Evaluate;
}

const STRATEGIES: Record<ScorerStrategy, ScorerType> = {
  exact: 'exact-match',
  semantic: 'semantic-similarity',
  'llm-judge': 'llm-judge',
  custom: 'custom',
};

const TYPES: Record<ScorerType, TypeOfScorer> = {
  'exact-match': {
    threshold: 1,
    build: (params) => {
      const scorer = new ExactMatchScorer(params);
      return async (expected, actual) => {
        const { passed, reason } = await scorer.score(actual, expected);
        return passed ? { score: 1 } : { score: 0, ...explained(reason) };
      };
    },
  },
  'partial-match': {
    threshold: 0.8,
    build:
      ({ requiredFields }) =>
      async (expected, actual) => {
        const [wanted, given] = [membersOf(expected), membersOf(actual)];
        if (wanted === undefined || given === undefined) return { score: isDeepStrictEqual(expected, actual) ? 1 : 0 };
        const fields = Array.isArray(requiredFields) ? (requiredFields as string[]) : Object.keys(wanted);
        if (fields.length === 0) return { score: 1 };
        const missing = fields.filter(
          (field) => !Object.hasOwn(given, field) || !isDeepStrictEqual(wanted[field], given[field]),
        );
        const score = (fields.length - missing.length) / fields.length;
        return { score, ...explained(missing.length > 0 ? `Differs in ${missing.join(', ')}` : undefined) };
      },
  },
  contains: {
    threshold: 0.7,
    build:
      ({ caseSensitive = false }) =>
      async (expected, actual) => {
        const folded = (value: unknown) => (caseSensitive ? textOf(value) : textOf(value).toLowerCase());
        const parts = Array.isArray(expected) ? expected : [expected];
        const text = folded(actual);
        const missing = parts.filter((part) => !text.includes(folded(part)));
        const score = parts.length === 0 ? 1 : (parts.length - missing.length) / parts.length;
        return {
          score,
          ...explained(missing.length > 0 ? `Does not contain ${missing.map(textOf).join(', ')}` : undefined),
        };
      },
  },
  regex: {
    threshold: 1,
    build:
      ({ pattern, flags }) =>
      async (expected, actual) => {
        const given = membersOf(expected) ?? { pattern: expected };
        const source = given.pattern ?? pattern;
        return {
          score: linearMatch(string('pattern', source), textOr('flags', given.flags ?? flags, ''), textOf(actual)),
        };
      },
  },
  'numeric-range': {
    threshold: 1,
    build: () => async (expected, actual) => ({ score: isInRange(expected, actual) ? 1 : 0 }),
  },
  'semantic-similarity': { threshold: 0.85, build: semantic },
  'llm-judge': { threshold: 0.8, build: judge },
  'precision-recall-f1': {
    threshold: 0.7,
    build: (params, _config, threshold) => {
      const { metric, positiveLabel } = params as { metric?: 'f1'; positiveLabel?: string };
      const scorer = new PrecisionRecallScorer({ metric, positiveLabel, minScore: threshold });
      return async (expected, actual) => {
        const { score, breakdown } = await scorer.score(actual, expected);
        return { score, ...(breakdown === undefined ? {} : { breakdown }) };
      };
    },
  },
  'recall-at-k': {
    threshold: 0.8,
    build: ({ k = 5 }) => {
      const scorer = recallAtK(k as number);
      return async (expected, actual) => scorer.scoreSync(relevant(expected), retrieved(actual));
    },
  },
  mrr: {
    threshold: 0.5,
    build: () => {
      const scorer = reciprocalRank();
      return async (expected, actual) => scorer.scoreSync(relevant(expected), retrieved(actual));
    },
  },
  ndcg: {
    threshold: 0.7,
    build: ({ k = 10 }) => {
      const scorer = ndcg({ k: k as number });
      return async (expected, actual) => scorer.scoreSync(relevant(expected), retrieved(actual));
    },
  },
  custom: {
    threshold: 0.5,
    build: (params, { customScorer }) => {
      const scorer = callable('createScorer: customScorer', (customScorer ?? params.scorer) as CustomScorer);
      return async (expected, actual, metadata) => {
        const result = await scorer(expected, actual, metadata);
        if (typeof result === 'number' || typeof result === 'boolean') return { score: Number(result) };
        const score =
          result?.score ?? result?.value ?? (result?.passed === undefined ? Number.NaN : Number(result.passed));
        return { score, ...explained(result?.explanation) };
      };
    },
  },
};

/**
 * Makes a scorer of test cases from a configuration. `score` resolves to a score with `value` and `score`, which are the
 * same; it rejects for what cannot be scored. Default thresholds: exact-match 1, partial-match 0.8, contains 0.7, regex 1,
 * numeric-range 1, semantic-similarity 0.85, llm-judge 0.8, precision-recall-f1 0.7, recall-at-k 0.8, mrr 0.5, ndcg 0.7,
 * custom 0.5.
 *
 * - `partial-match`: `params.requiredFields`, by default the fields of the expected object.
 * - `contains`: the share of the expected texts that the answer contains; `params.caseSensitive`.
 * - `regex`: expected is a pattern or `{ pattern, flags }`; linear time, so no lookaround and no back-references.
 * - `numeric-range`: expected is a number, `{ min, max }` or `{ value, tolerance }`; 1 inside, 0 outside.
 * - `semantic-similarity`: `params.embed`, or `params.apiKey` and `params.model` of OpenAI.
 * - `llm-judge`: `params.model(prompt)`, or the options of `LLMJudgeScorer`; `params.rubric` or `judgePrompt`.
 * - `recall-at-k`, `mrr`, `ndcg`: ids or documents; `params.k` is 5, and 10 for ndcg. For ndcg expected may be grades by id.
 *
 * Throws a `TypeError` or `RangeError` for a configuration that cannot be used.
 */
export function createScorer(config: CreateScorerConfig): TestCaseScorer {
  if (typeof config !== 'object' || config === null) wrongType('config', 'an object with type or strategy', config);
  const type = config.type ?? (config.strategy && STRATEGIES[config.strategy]);
  if (type === undefined || !Object.hasOwn(TYPES, type)) {
    return outOfRange('type', `one of ${Object.keys(TYPES).join(', ')}`, config.type ?? config.strategy);
  }
  const threshold = numberIn(0, 1, TYPES[type].threshold)('threshold', config.threshold);
  const evaluate = TYPES[type].build(config.params ?? {}, config, threshold);
  return {
    name: type,
    threshold,
    async score(_testCaseId, expected, actual, metadata) {
      const scored = await evaluate(expected, actual, metadata);
      return { ...scored, value: scored.score, passed: scored.score >= threshold };
    },
  };
}

/** A result of a run that can be scored. */
export interface ScorableResult {
  testCaseId?: string | undefined;
  testCase?: { id: string; expected?: unknown } | undefined;
  expected?: unknown;
  actual: unknown;
  metadata?: unknown;
}

/** Scores a result of a run by a configuration of {@link createScorer}. */
export function scoreResult(result: ScorableResult, config: CreateScorerConfig): Promise<ValuedScore> {
  const expected = result.expected === undefined ? result.testCase?.expected : result.expected;
  return createScorer(config).score(
    result.testCaseId ?? result.testCase?.id ?? '',
    expected,
    result.actual,
    result.metadata,
  );
}

function explained(explanation: string | undefined): { explanation?: string } {
  return explanation === undefined ? {} : { explanation };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : (JSON.stringify(value) ?? String(value));
}

function textOr(name: string, value: unknown, fallback: string): string {
  return value === undefined ? fallback : string(name, value);
}

function membersOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The number that a value is, as a whole: `'5 apples'` is none. */
function numberOf(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

function isInRange(expected: unknown, actual: unknown): boolean {
  const number = numberOf(actual);
  const range = membersOf(expected);
  if (range === undefined) return number === finite('expected', expected);
  if (range.value !== undefined) {
    const [value, tolerance] = [
      finite('expected.value', range.value),
      finite('expected.tolerance', range.tolerance ?? 0),
    ];
    // The tolerance is inclusive: 1.1 is within 0.1 of 1 although binary fractions put it one rounding step further away.
    return Math.abs(number - value) <= tolerance + Number.EPSILON * Math.max(Math.abs(number), Math.abs(value));
  }
  if (range.min === undefined && range.max === undefined) {
    return wrongType('expected', 'a number, { min, max } or { value, tolerance }', expected);
  }
  const [min, max] = [range.min ?? Number.NEGATIVE_INFINITY, range.max ?? Number.POSITIVE_INFINITY];
  return number >= numberOf(min) && number <= numberOf(max);
}

function finite(name: string, value: unknown): number {
  const number = numberOf(value);
  return Number.isFinite(number) ? number : wrongType(name, 'a number', value);
}

function retrieved(actual: unknown): string[] | undefined {
  return actual === null || actual === undefined ? undefined : documentIds('actual', actual, false);
}

/** Relevant ids, or grades by id. Documents may carry theirs as `relevance`, `grade` or `score`. */
function relevant(expected: unknown): string[] | Record<string, number> {
  const grades = membersOf(expected);
  if (grades !== undefined && Object.values(grades).every((grade) => typeof grade === 'number')) {
    return grades as Record<string, number>;
  }
  const ids = documentIds('expected', expected, false);
  const graded = (Array.isArray(expected) ? expected : []).map((document) => {
    const { relevance, grade, score } = membersOf(document) ?? {};
    return relevance ?? grade ?? score;
  });
  if (graded.length === 0 || !graded.every((grade) => typeof grade === 'number')) return ids;
  return Object.fromEntries(ids.map((id, i) => [id, graded[i] as number]));
}

const anyParam: OptionCheck<unknown> = (_name, value) => value;

function semantic(params: Params, _config: CreateScorerConfig, threshold: number): Evaluate {
  const checked = readOptions('createScorer: params', params, {
    embed: anyParam,
    apiKey: anyParam,
    model: anyParam,
    baseURL: anyParam,
    minimum: anyParam,
  });
  const { apiKey, model = 'text-embedding-3-large', baseURL } = checked as Record<string, string | undefined>;
  const access = () => ({ apiKey: string('createScorer: params.apiKey (or embed)', apiKey), baseURL });
  const embed = checked.embed as Parameters<typeof semanticSimilarity>[0]['embed'] | undefined;
  if (embed === undefined) access();
  const scorer = semanticSimilarity({
    embed: embed ?? ((texts) => openaiEmbeddings(access(), model, texts)),
    threshold,
    minimum: checked.minimum as number | undefined,
  });
  return (expected, actual) => scorer.score(expected as string, actual as string);
}

function judge(params: Params, { judgeModelId, judgePrompt }: CreateScorerConfig, threshold: number): Evaluate {
  const rubric = params.rubric ?? judgePrompt ?? CommonRubrics.general;
  if (typeof params.model === 'function') {
    const model = params.model as (prompt: string) => unknown;
    const scorer = rubricJudge(readRubric('createScorer: params.rubric', rubric), threshold, model);
    return (expected, actual) => scorer.score(expected, actual);
  }
  const { apiKey } = params as { apiKey?: string };
  const options = { ...params, apiKey: string('createScorer: params.apiKey (or model)', apiKey), rubric, threshold };
  const scorer = new LLMJudgeScorer({
    ...options,
    ...(judgeModelId !== undefined && params.model === undefined ? { model: judgeModelId } : {}),
  } as ConstructorParameters<typeof LLMJudgeScorer>[0]);
  return async (expected, actual) => {
    const { score, reason, breakdown } = await scorer.score(actual, expected);
    return { score, ...explained(reason), ...(breakdown === undefined ? {} : { breakdown }) };
  };
}
