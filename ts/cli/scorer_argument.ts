/** The values of `--scorer`: a name, and options behind a colon. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Scorer } from '../scorers/scorer.js';
import { nearest } from './flags.js';
import { UsageError, UserError } from './user_error.js';

/** The matchers of the command line, which are no factories of `@aah/ai-evals/scorers`. */
export const MATCHERS = ['auto', 'exact', 'numeric', 'json'] as const;

/** Factories by the option of the command line that is their first argument; `undefined` where they have none. */
export const FACTORIES = {
  allOf: 'scorers',
  anyOf: 'scorers',
  averagePrecision: undefined,
  bleu: undefined,
  chrf: undefined,
  classification: undefined,
  contains: undefined,
  cosine: undefined,
  damerauLevenshtein: undefined,
  endsWith: undefined,
  exactMatch: undefined,
  fuzzy: undefined,
  hitAtK: 'k',
  indel: undefined,
  jaro: undefined,
  jaroWinkler: undefined,
  jsonDiff: undefined,
  jsonMatch: undefined,
  jsonSchema: 'schema',
  lcs: undefined,
  levenshtein: undefined,
  listOverlap: undefined,
  llmJudge: undefined,
  meteor: undefined,
  ndcg: undefined,
  numericAnswer: undefined,
  numericDiff: undefined,
  osa: undefined,
  pattern: 'source',
  precisionAtK: 'k',
  recallAtK: 'k',
  reciprocalRank: undefined,
  rouge: undefined,
  semanticSimilarity: undefined,
  squadExact: undefined,
  startsWith: undefined,
  ter: undefined,
  tokenF1: undefined,
  weighted: 'parts',
} as const;

export type MatcherName = (typeof MATCHERS)[number];
export type FactoryName = keyof typeof FACTORIES;

/** A scorer as it was asked for. */
export interface ScorerArgument {
  /** The text of the argument, which names the scorer in summaries. */
  label: string;
  name: MatcherName | FactoryName;
  options: Record<string, unknown>;
  /** The directory that files in the options are relative to. Default: the working directory. */
  directory?: string;
  /** The scorer itself, where a configuration made it. */
  made?: Scorer<unknown, unknown>;
}

/** Options whose values are texts, also where they look like numbers or booleans. */
const TEXTS = new Set(['source', 'flags', 'rubric', 'file', 'model']);

/** Commas between options: those behind which an option's name stands. */
const BETWEEN_OPTIONS = /,(?=[A-Za-z]\w*(?:=|,|$))/;

/**
 * Reads one argument: `NAME`, `NAME:option=value,option` or `NAME:{JSON}`. An option without a value is `true`. Throws a
 * {@link UsageError} for an unknown name, with the nearest one, and for options that cannot be read.
 */
export function readScorerArgument(text: string): ScorerArgument {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  if (!isMatcher(name) && !Object.hasOwn(FACTORIES, name)) {
    const near = nearest(name, [...MATCHERS, ...Object.keys(FACTORIES)], 1 / 2);
    const hint = near === undefined ? 'the names are those of @aah/ai-evals/scorers' : `did you mean ${near}?`;
    throw new UsageError(`there is no scorer ${JSON.stringify(name)} (--scorer); ${hint}`);
  }
  const options = colon < 0 ? {} : optionsIn(text.slice(colon + 1).trim(), text);
  if (isMatcher(name) && Object.keys(options).length > 0) {
    throw new UsageError(`--scorer ${name} takes no options, got ${JSON.stringify(text)}`);
  }
  return { label: text, name: name as FactoryName, options };
}

/** Tells the command line's own matchers from factories. */
export function isMatcher(name: string): name is MatcherName {
  return (MATCHERS as readonly string[]).includes(name);
}

function optionsIn(text: string, whole: string): Record<string, unknown> {
  if (text.startsWith('{')) return jsonOptions(text, whole);
  const options: Record<string, unknown> = {};
  for (const part of text === '' ? [] : text.split(BETWEEN_OPTIONS)) {
    const [, name, value] = /^\s*([A-Za-z]\w*)\s*(?:=([\s\S]*))?$/.exec(part) ?? [];
    if (name === undefined) {
      throw new UsageError(`--scorer ${whole}: ${JSON.stringify(part)} is not an option; write name=value, or {JSON}`);
    }
    if (Object.hasOwn(options, name)) throw new UsageError(`--scorer ${whole}: the option ${name} is given twice`);
    options[name] = value === undefined ? true : valueOf(name, value);
  }
  return options;
}

function jsonOptions(text: string, whole: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`--scorer ${whole}: the options are not a JSON object: ${(error as Error).message}`);
  }
}

function valueOf(name: string, value: string): unknown {
  if (TEXTS.has(name)) return value;
  // What is JSON is meant as JSON: numbers, true, false, lists, objects and quoted texts.
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** Returns the text of a file that an option names. Throws a {@link UserError} with its path. */
export function readOptionFile(
  file: string,
  { label, directory = '' }: Pick<ScorerArgument, 'label' | 'directory'>,
): string {
  try {
    return readFileSync(resolve(directory, file), 'utf8');
  } catch (error) {
    throw new UserError(`${file} (--scorer ${label}) cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
