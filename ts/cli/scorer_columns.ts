/** The scorers of a run, built from `--scorer`: each gives every answer a score, a column of the results. */
import { EmbeddingCache } from '../cache/index.js';
import * as factories from '../scorers/index.js';
import type { Score, ScoredPair, Scorer } from '../scorers/scorer.js';
import { type Matcher, matcherFor, matchText, scoreMatches } from '../scoring/match.js';
import { NOT_ONE_NUMBER } from './cases.js';
import type { JudgeAccess } from './judge_access.js';
import type { RunOptions } from './run_options.js';
import {
  FACTORIES,
  type FactoryName,
  isMatcher,
  type MatcherName,
  readOptionFile,
  readScorerArgument,
  type ScorerArgument,
} from './scorer_argument.js';
import { UsageError, UserError } from './user_error.js';

/** The means by which judges are asked. */
type Access = () => Pick<JudgeAccess, 'executor' | 'cache' | 'ask' | 'embed'>;

/** A score, or why there is none. */
export type Scored = Score | { problem: string };

/** A value that was expected, and an answer. */
export type Pair = ScoredPair<unknown, unknown>;

/** One scorer of a run. */
export interface Column {
  label: string;
  /** `true` when it asks a model. */
  asksModel: boolean;
  /** Scores pairs, in order. A pair that cannot be scored does not disturb the others. Rejects for an abort alone. */
  score(pairs: readonly Pair[], signal: AbortSignal): Promise<Scored[]>;
}

/** Scorers whose values are texts or lists of texts. The others take JSON values. */
const TAKE_VALUES = new Set<FactoryName>([
  ...(['averagePrecision', 'classification', 'cosine', 'hitAtK', 'listOverlap', 'ndcg', 'numericDiff'] as const),
  ...(['precisionAtK', 'recallAtK', 'reciprocalRank'] as const),
]);
/** Scorers that read values and texts themselves. */
const TAKE_ANYTHING = new Set<FactoryName>([
  'allOf',
  'anyOf',
  'jsonDiff',
  'jsonMatch',
  'jsonSchema',
  'llmJudge',
  'weighted',
]);

/** Options that are scorers, given by name. */
const SCORER_OPTIONS = new Set(['pairwise', 'strings', 'numbers']);

/** Options that only a program can give. */
const ONLY_IN_CODE = new Set(['executor', 'cache', 'parse', 'embed']);

const NEVER = new AbortController().signal;

/** Tells whether a scorer, or a part of it, asks a model. */
export function asksModel({ name, options, made }: Pick<ScorerArgument, 'name' | 'options' | 'made'>): boolean {
  if (made !== undefined) return false;
  if (name === 'llmJudge' || name === 'semanticSimilarity') return true;
  return /\b(?:llmJudge|semanticSimilarity)\b/.test(JSON.stringify(options));
}

/**
 * Builds the scorers. `access` is what judges are asked through. Throws a {@link UsageError} with the factory's own message
 * for options that it refuses.
 */
export function scorerColumns(
  { scorers, tolerance, threshold }: Pick<RunOptions, 'scorers' | 'tolerance' | 'threshold'>,
  access: Access,
): Column[] {
  return scorers.map((argument) => {
    const { name, label, made } = argument;
    if (made !== undefined) {
      // It brings its own model, if it asks one, and takes its values as they are.
      return { label, asksModel: false, score: (pairs, signal) => scoredBy(made, 'made', pairs, signal) };
    }
    if (isMatcher(name)) return matcherColumn(label, name, tolerance, threshold);
    const scorer = built(argument, access, threshold);
    const asks = asksModel(argument);
    // Native batches are short: what an abort finds under way is still scored.
    const score: Column['score'] = (pairs, signal) => scoredBy(scorer, name, pairs, asks ? signal : NEVER);
    return { label, asksModel: asks, score };
  });
}

/** Builds the scorers to find mistakes in their options. Throws as {@link scorerColumns} does. */
export function checkScorers(options: Pick<RunOptions, 'scorers' | 'tolerance' | 'threshold'>): void {
  const ask = async (): Promise<never> => {
    throw new Error('nothing is asked while scorers are checked');
  };
  scorerColumns(options, () => ({ executor: undefined, cache: undefined, ask, embed: ask }));
}

/** The error of a case whose expected value a matcher cannot use. */
const UNUSABLE: Record<Matcher, string> = {
  exact: 'the expected value cannot be compared',
  numeric: NOT_ONE_NUMBER,
  json: 'the expected value is nested more than 1,000 deep and cannot be compared',
};

function matcherColumn(label: string, name: MatcherName, tolerance: number, threshold = 1): Column {
  const score = async (pairs: readonly Pair[]): Promise<Scored[]> => {
    const scored: Scored[] = new Array(pairs.length);
    const groups = new Map<Matcher, { at: number; expected: string; actual: string }[]>();
    for (const [at, { expected, actual }] of pairs.entries()) {
      try {
        const texts = { at, expected: matchText(expected), actual: matchText(actual) };
        const matcher = name === 'auto' ? matcherFor(expected) : name;
        const group = groups.get(matcher);
        if (group) group.push(texts);
        else groups.set(matcher, [texts]);
      } catch (error) {
        scored[at] = { problem: `the expected value or the answer cannot be compared: ${(error as Error).message}` };
      }
    }
    for (const [matcher, group] of groups) {
      for (const [i, { score }] of scoreMatches(matcher, group, { tolerance }).entries()) {
        const at = group[i]!.at;
        scored[at] = Number.isNaN(score) ? { problem: UNUSABLE[matcher] } : { score, passed: score >= threshold };
      }
    }
    return scored;
  };
  return { label, asksModel: false, score };
}

/** Scores the pairs in one batch; where one of them is refused, each by itself, so that the error is its own. */
async function scoredBy(
  scorer: Scorer<unknown, unknown>,
  name: FactoryName | 'made',
  pairs: readonly Pair[],
  signal: AbortSignal,
): Promise<Scored[]> {
  const given: Pair[] = [];
  const places: number[] = [];
  const scored: Scored[] = new Array(pairs.length);
  for (const [at, pair] of pairs.entries()) {
    try {
      given.push({ expected: taken(name, pair.expected, true), actual: taken(name, pair.actual, false) });
      places.push(at);
    } catch (error) {
      scored[at] = { problem: (error as Error).message };
    }
  }
  try {
    const scores = await scorer.scoreAll(given, { signal });
    for (const [i, score] of scores.entries()) scored[places[i]!] = usable(score);
  } catch (error) {
    if (signal.aborted) throw error;
    for (const [i, pair] of given.entries()) scored[places[i]!] = await scoredAlone(scorer, pair, signal);
  }
  return scored;
}

async function scoredAlone(scorer: Scorer<unknown, unknown>, pair: Pair, signal: AbortSignal): Promise<Scored> {
  try {
    return usable((await scorer.scoreAll([pair], { signal }))[0]!);
  } catch (error) {
    if (signal.aborted) throw error;
    return { problem: (error as Error).message.replace(/results\[0\](?:\.|: )/, '') };
  }
}

function usable(score: Score): Scored {
  return Number.isNaN(score.score) ? { problem: score.explanation ?? 'the scorer gives it no score' } : score;
}

/** Returns a value of a case as the scorer takes it. */
function taken(name: FactoryName | 'made', value: unknown, isExpected: boolean): unknown {
  if (name === 'made' || TAKE_ANYTHING.has(name)) return value;
  if (TAKE_VALUES.has(name)) return typeof value === 'string' ? valueIn(value) : value;
  if (isExpected && Array.isArray(value)) return value.map(matchText);
  return typeof value === 'object' && value !== null ? matchText(value) : value;
}

/** Returns the JSON value of a text, alone or in a code fence; the text itself where it is none. */
function valueIn(text: string): unknown {
  const [, fenced] = /^\s*```[\w-]*\s*\n([\s\S]*?)\n?```\s*$/.exec(text) ?? [];
  try {
    return JSON.parse(fenced ?? text) as unknown;
  } catch {
    return text;
  }
}

type Factory = (...args: unknown[]) => Scorer<unknown, unknown>;

/** Checked against the names of the option: the build fails where one has no factory. */
const byName: Record<FactoryName, unknown> = factories;

function built(argument: ScorerArgument, access: Access, threshold?: number): Scorer<unknown, unknown> {
  const { name, label } = argument;
  const options = { ...argument.options };
  for (const option of Object.keys(options)) {
    if (ONLY_IN_CODE.has(option) || (name === 'llmJudge' && option === 'model')) {
      throw new UsageError(`--scorer ${label}: the option ${option} is for programs; the command line has its own`);
    }
  }
  const part = (value: unknown): Scorer<unknown, unknown> => partOf(value, argument, access);
  for (const option of Object.keys(options).filter((key) => SCORER_OPTIONS.has(key))) {
    options[option] = part(options[option]);
  }
  if (threshold !== undefined) options.threshold ??= threshold;
  if (name === 'llmJudge') Object.assign(options, judgeOptions(options, argument, access));
  if (name === 'semanticSimilarity') Object.assign(options, embeddingOptions(options, access));
  const first = FACTORIES[name as FactoryName];
  const args = first === undefined ? [options] : [firstArgument(name, first, options, argument, part), options];
  try {
    return (byName[name as FactoryName] as Factory)(...args);
  } catch (error) {
    throw new UsageError(`--scorer ${label}: ${(error as Error).message}`, { cause: error });
  }
}

/** Takes the first argument of a factory out of the options. */
function firstArgument(
  name: string,
  first: string,
  options: Record<string, unknown>,
  argument: ScorerArgument,
  part: (value: unknown) => Scorer<unknown, unknown>,
): unknown {
  const { label } = argument;
  if (name === 'jsonSchema' && options.file !== undefined) {
    options.schema = schemaIn(String(options.file), argument);
    delete options.file;
  }
  const value = options[first];
  if (value === undefined) {
    const shown = name === 'jsonSchema' ? 'file=schema.json' : `${first}=…`;
    throw new UsageError(`--scorer ${label}: ${first} is missing; write ${name}:${shown}`);
  }
  delete options[first];
  if (first === 'scorers' && Array.isArray(value)) return value.map(part);
  if (first !== 'parts' || !Array.isArray(value)) return value;
  return value.map((entry: { scorer?: unknown } | null) => ({ ...entry, scorer: part(entry?.scorer) }));
}

function partOf(value: unknown, whole: ScorerArgument, access: Access): Scorer<unknown, unknown> {
  const { label, directory } = whole;
  if (typeof value !== 'string') {
    throw new UsageError(`--scorer ${label}: a scorer in it must be a text such as "rouge:type=rougeL"`);
  }
  const argument = readScorerArgument(value);
  if (isMatcher(argument.name)) {
    throw new UsageError(
      `--scorer ${label}: ${argument.name} stands alone; inside another scorer use exactMatch, numericAnswer or jsonMatch`,
    );
  }
  return built(directory === undefined ? argument : { ...argument, directory }, access);
}

function schemaIn(file: string, argument: ScorerArgument): unknown {
  const text = readOptionFile(file, argument);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UserError(`${file} (--scorer ${argument.label}) is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function judgeOptions(options: Record<string, unknown>, argument: ScorerArgument, access: Access): object {
  const { rubric } = options;
  const { label } = argument;
  if (rubric === undefined)
    throw new UsageError(`--scorer ${label}: rubric is missing; write llmJudge:rubric=… or rubric=@FILE`);
  const { executor, cache, ask } = access();
  const isFile = typeof rubric === 'string' && rubric.startsWith('@');
  const text = isFile ? readOptionFile(rubric.slice(1), argument) : rubric;
  return { rubric: text, executor, cache, model: ask };
}

function embeddingOptions(options: Record<string, unknown>, access: Access): object {
  const model = options.model === undefined ? 'text-embedding-3-small' : String(options.model);
  delete options.model;
  const { embed } = access();
  return { embed: (texts: string[]) => embed(texts, model), cache: new EmbeddingCache({ maxSize: 10_000 }) };
}
