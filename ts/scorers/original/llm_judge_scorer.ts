/** A judge by a rubric of weighted criteria, with OpenAI's or Anthropic's models. */
import { outOfRange, string, wrongType } from '../../arguments.js';
import { createJudge } from '../llm_judge.js';
import { flag, numberIn, oneOf, readOptions } from '../options.js';
import type { Scorer } from '../scorer.js';
import type { Verdict } from '../verdict.js';
import type { CaseScore, CaseScorer } from './case_score.js';
import { CommonRubrics, type Criterion, type Rubric, readRubric, type WeightedCriterion } from './common_rubrics.js';
import { anthropicChat, openaiChat } from './provider_client.js';
import { text } from './semantic_similarity_scorer.js';

/** Options of {@link LLMJudgeScorer}. */
export interface LLMJudgeScorerOptions {
  apiKey: string;
  /** Default `'openai'`. */
  provider?: 'openai' | 'anthropic' | undefined;
  /** Default `'gpt-4o'`, or `'claude-3-5-sonnet-20241022'` of Anthropic. */
  model?: string | undefined;
  /** Criteria with their weights, or a text. Default {@link CommonRubrics}`.general`. */
  rubric?: Rubric | readonly Criterion[] | string | undefined;
  /** Default 0. */
  temperature?: number | undefined;
  /** Has the provider enforce JSON, where it can. Default true. */
  useStructuredOutput?: boolean | undefined;
  /** The least score that passes, 0–1. Default 0.7. */
  threshold?: number | undefined;
  /** Base of the addresses, for a server that speaks the provider's language. */
  baseURL?: string | undefined;
}

const MODELS = { openai: 'gpt-4o', anthropic: 'claude-3-5-sonnet-20241022' };

/**
 * Scores an output by a model and a rubric. Each criterion gets a score from 0 to 1; the score is their mean by weight, and
 * `breakdown` has each. Whether it passes is decided here, never by the model. A verdict that is malformed or out of range
 * is asked for again, twice; then `score` rejects with `ERR_MALFORMED_VERDICT`.
 */
export class LLMJudgeScorer implements CaseScorer {
  readonly name = 'LLMJudge';
  readonly #judge: Scorer<unknown, unknown>;
  readonly #model: string;

  /** Throws a `TypeError` or `RangeError` for options that cannot be used. */
  constructor(options: LLMJudgeScorerOptions) {
    const checked = readOptions('LLMJudgeScorer', options ?? {}, {
      apiKey: string,
      provider: oneOf('openai', 'anthropic'),
      model: text(),
      rubric: (name: string, value: unknown) => readRubric(name, value ?? CommonRubrics.general),
      temperature: numberIn(0, 2, 0),
      useStructuredOutput: flag(true),
      threshold: numberIn(0, 1, 0.7),
      baseURL: text(),
    });
    const { provider, temperature, threshold, useStructuredOutput: json } = checked;
    const model = checked.model ?? MODELS[provider];
    const chat = provider === 'openai' ? openaiChat : anthropicChat;
    this.#model = model;
    this.#judge = rubricJudge(checked.rubric, threshold, (prompt, { signal }) =>
      chat(checked, { model, prompt, temperature, json, signal }),
    );
  }

  async score(output: unknown, expected: unknown): Promise<CaseScore> {
    const { score, passed, explanation, breakdown } = await this.#judge.score(expected, output);
    return {
      score,
      passed,
      ...(explanation === undefined ? {} : { reason: explanation }),
      ...(breakdown === undefined ? {} : { breakdown }),
      metadata: { model: this.#model },
    };
  }
}

/** A judge by a rubric that was read; without criteria it gives one score. */
export function rubricJudge(
  { instructions, criteria }: ReturnType<typeof readRubric>,
  threshold: number,
  model: (prompt: string, context: { signal: AbortSignal }) => unknown,
): Scorer<unknown, unknown> {
  if (criteria.length === 0) return createJudge({ model, rubric: instructions, threshold });
  const lines = criteria.map(({ name, description }) => `- ${name}${description === '' ? '' : `: ${description}`}`);
  const rubric = [...(instructions === '' ? [] : [instructions]), ...lines].join('\n');
  const names = criteria.map(({ name }) => JSON.stringify(name)).join(', ');
  const fields = `"scores": an object with a number from 0 (worst) to 1 (best) for each of ${names}`;
  return createJudge({ model, rubric, threshold, parse: (reply) => weighed(criteria, reply) }, fields);
}

function weighed(criteria: readonly WeightedCriterion[], reply: unknown): Verdict {
  const value: unknown = typeof reply === 'string' ? JSON.parse(withoutFence(reply)) : reply;
  const { scores, score: whole, reasoning } = (value ?? {}) as Reply;
  // A model that gives one score for the whole has judged, though not criterion by criterion.
  if (scores === undefined && whole !== undefined) return { score: whole, ...reasonOf(reasoning) };
  if (typeof scores !== 'object' || scores === null) return wrongType('"scores"', 'an object', scores);
  const breakdown: Record<string, number> = {};
  let [sum, weights] = [0, 0];
  for (const { name, weight } of criteria) {
    const score = Object.hasOwn(scores, name) ? scores[name] : undefined;
    if (typeof score !== 'number') return wrongType(`the score of "${name}"`, 'a number', score);
    if (!(score >= 0 && score <= 1)) outOfRange(`the score of "${name}"`, 'from 0 to 1', score);
    breakdown[name] = score;
    sum += weight * score;
    weights += weight;
  }
  return { score: Math.min(1, sum / weights), breakdown, ...reasonOf(reasoning) };
}

/** A model's reply, unchecked. */
interface Reply {
  scores?: Record<string, unknown>;
  score?: number;
  reasoning?: string;
}

function reasonOf(reasoning: string | undefined): { reasoning?: string } {
  return reasoning === undefined ? {} : { reasoning };
}

function withoutFence(reply: string): string {
  return /^\s*```[\w-]*\s*\n([\s\S]*?)\n?```\s*$/.exec(reply)?.[1] ?? reply;
}
