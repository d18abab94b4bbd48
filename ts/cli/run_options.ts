/** The command line of `ai-evals run`, checked as a whole before anything happens. */
import { join } from 'node:path';
import type { CacheMode } from '../cache/index.js';
import { FieldPath } from '../datasets/field_path.js';
import { PACKAGE_ROOT } from '../package_root.js';
import { ABOVE_0, FROM_0, type Given, readFlags, SHARE, WHOLE_FROM_0, WHOLE_FROM_1 } from './flags.js';
import { readScorerArgument, type ScorerArgument } from './scorer_argument.js';
import { storeLocation } from './store_location.js';
import { UsageError } from './user_error.js';

/** The file that keeps answers between runs, below the directory of the run. */
const DEFAULT_CACHE_FILE = join('.ai-evals', 'answers.db');

/** The dataset that ships with the package. */
export const DEFAULT_DATASET = join(PACKAGE_ROOT, 'datasets', 'everyday.jsonl');

/** The dataset that is named `-`. */
const STANDARD_INPUT = '/dev/stdin';

/** The value of `--allow-errors` without a number. */
const ANY = 'any';

/** The paths of the parts of a case in a record. */
export interface Fields {
  /** `undefined`: `id` where there is one. */
  id: FieldPath | undefined;
  /** `undefined`: `input`, which is needed only when a model is called. */
  input: FieldPath | undefined;
  expected: FieldPath;
  /** `undefined`: `metadata.category` or `category`, where there is one. */
  category: FieldPath | undefined;
  /** Recorded answers to score instead of calling a model. */
  actual: FieldPath | undefined;
}

export interface RunOptions {
  /** The path of a file; `/dev/stdin` for `-`. */
  dataset: string;
  fields: Fields;
  /** At least one, each with another label. */
  scorers: readonly ScorerArgument[];
  tolerance: number;
  /** The least score that passes, for scorers that say nothing else; `undefined`: their defaults. */
  threshold: number | undefined;
  limit: number;
  jsonFile: string | undefined;
  /** Takes a line of JSON per result while the run goes on. */
  linesFile: string | undefined;
  minPassRate: number | undefined;
  /** Cases that may end without a verdict before the run counts as failed. */
  allowErrors: number;
  /** Failed cases that are shown. */
  showFailures: number;
  /** The mode of the cache of answers. */
  cacheMode: CacheMode;
  /** The file that holds the answers. */
  cacheFile: string;
  /** The URL or path of the store of runs; `undefined`: the run is not kept. */
  store: string | undefined;
  /** The run to go on with: its id, or `last`. */
  resume: string | undefined;
  /** Resume a run also where its settings differ or another process holds it. */
  force: boolean;
  /** Use the local model even where the environment names a provider. */
  local: boolean;
  model: string | undefined;
  system: string | undefined;
  temperature: number | undefined;
  maxTokens: number | undefined;
  /** Milliseconds per attempt. */
  timeout: number;
  /** Attempts after the first. */
  retries: number;
  concurrency: number;
  requestsPerMinute: number | undefined;
  tokensPerMinute: number | undefined;
  /** US dollars per million tokens. */
  priceIn: number | undefined;
  priceOut: number | undefined;
}

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** Every flag of `run`. */
export const RUN_FLAGS = {
  'id-field': text,
  'input-field': text,
  'expected-field': text,
  'category-field': text,
  'actual-field': text,
  scorer: { type: 'string', multiple: true },
  tolerance: text,
  threshold: text,
  limit: text,
  json: text,
  'json-lines': text,
  'show-failures': text,
  'min-pass-rate': text,
  'allow-errors': text,
  'no-cache': flag,
  replay: flag,
  record: flag,
  'cache-file': text,
  store: text,
  'no-store': flag,
  resume: text,
  force: flag,
  local: flag,
  model: text,
  system: text,
  temperature: text,
  'max-tokens': text,
  timeout: text,
  retries: text,
  concurrency: text,
  rpm: text,
  tpm: text,
  'price-in': text,
  'price-out': text,
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** Reads the arguments after `run`; `'help'` or `'version'` when that is all that was asked for. */
export function readRunOptions(args: string[], env: NodeJS.ProcessEnv): RunOptions | 'help' | 'version' {
  const given = readFlags(withErrorsAllowed(args), RUN_FLAGS);
  if (given.on('help')) return 'help';
  if (given.on('version')) return 'version';
  const [dataset, ...more] = given.positionals;
  if (more.length > 0) throw new UsageError(`one DATASET at a time, got also ${JSON.stringify(more[0])}`);
  if (dataset === '') throw new UsageError('DATASET must be the path of a file, got ""');
  const [priceIn, priceOut] = [given.number('price-in', FROM_0), given.number('price-out', FROM_0)];
  if ((priceIn === undefined) !== (priceOut === undefined)) {
    throw new UsageError('--price-in and --price-out belong together: give both');
  }
  return {
    dataset: dataset === '-' ? STANDARD_INPUT : (dataset ?? DEFAULT_DATASET),
    fields: {
      id: path(given, 'id-field'),
      input: path(given, 'input-field'),
      expected: path(given, 'expected-field') ?? new FieldPath('expected'),
      category: path(given, 'category-field'),
      actual: path(given, 'actual-field'),
    },
    scorers: scorers(given),
    tolerance: given.number('tolerance', FROM_0) ?? 0,
    threshold: given.number('threshold', SHARE),
    limit: given.number('limit', WHOLE_FROM_1) ?? Number.POSITIVE_INFINITY,
    jsonFile: nonEmpty(given, 'json'),
    linesFile: nonEmpty(given, 'json-lines'),
    minPassRate: given.number('min-pass-rate', SHARE),
    allowErrors:
      given.text('allow-errors') === ANY ? Number.POSITIVE_INFINITY : (given.number('allow-errors', WHOLE_FROM_0) ?? 0),
    showFailures: given.number('show-failures', WHOLE_FROM_0) ?? 5,
    cacheMode: cacheMode(given),
    cacheFile: nonEmpty(given, 'cache-file') ?? (env.AI_EVALS_CACHE_FILE || DEFAULT_CACHE_FILE),
    ...storeOptions(given, env),
    local: given.on('local'),
    model: nonEmpty(given, 'model'),
    system: given.text('system'),
    temperature: given.number('temperature', FROM_0),
    maxTokens: given.number('max-tokens', WHOLE_FROM_1),
    timeout: (given.number('timeout', ABOVE_0) ?? 60) * 1000,
    retries: given.number('retries', WHOLE_FROM_0) ?? 4,
    concurrency: given.number('concurrency', WHOLE_FROM_1) ?? 10,
    requestsPerMinute: given.number('rpm', WHOLE_FROM_1),
    tokensPerMinute: given.number('tpm', WHOLE_FROM_1),
    priceIn,
    priceOut,
  };
}

/** `args` with a value for an `--allow-errors` that has no number behind it: its number may be left out. */
function withErrorsAllowed(args: string[]): string[] {
  const isBare = (arg: string, i: number) => arg === '--allow-errors' && !/^\d+$/.test(args[i + 1] ?? '');
  return args.map((arg, i) => (isBare(arg, i) ? `${arg}=${ANY}` : arg));
}

function cacheMode(given: Given): CacheMode {
  const asked = (['no-cache', 'replay', 'record'] as const).filter((name) => given.on(name));
  if (asked.length > 1) throw new UsageError(`--${asked[0]} and --${asked[1]} exclude each other`);
  const [mode = 'on'] = asked;
  return mode === 'no-cache' ? 'off' : mode;
}

function storeOptions(given: Given, env: NodeJS.ProcessEnv): Pick<RunOptions, 'store' | 'resume' | 'force'> {
  const [resume, force] = [nonEmpty(given, 'resume'), given.on('force')];
  if (given.on('no-store')) {
    const other = ['store', 'resume'].find((name) => given.text(name) !== undefined);
    if (other !== undefined) throw new UsageError(`--no-store and --${other} exclude each other`);
  }
  if (force && resume === undefined) throw new UsageError('--force belongs to --resume RUN');
  return { store: given.on('no-store') ? undefined : storeLocation(given, env), resume, force };
}

function nonEmpty(given: Given, name: string): string | undefined {
  const value = given.text(name);
  if (value === '') throw new UsageError(`--${name} must not be empty`);
  return value;
}

function path(given: Given, name: string): FieldPath | undefined {
  const value = nonEmpty(given, name);
  return value === undefined ? undefined : new FieldPath(value);
}

function scorers(given: Given): ScorerArgument[] {
  const texts = given.texts('scorer');
  const repeated = texts.find((text, i) => texts.indexOf(text) < i);
  if (repeated !== undefined) throw new UsageError(`--scorer ${repeated} is given twice`);
  return (texts.length === 0 ? ['auto'] : texts).map(readScorerArgument);
}
