/** The command line of `ai-evals run`, with the configuration behind it, checked as a whole before anything happens. */
import { join, resolve } from 'node:path';
import type { CacheMode } from '../cache/index.js';
import type { EvalConfig, ModelEntry, RegressionSeverity, ReportFormat } from '../config/index.js';
import { FieldPath } from '../datasets/field_path.js';
import { PACKAGE_ROOT } from '../package_root.js';
import type { LoadedConfig } from './config/config_file.js';
import { REPORT_FORMATS, SEVERITIES } from './config/config_shape.js';
import { configuredScorers } from './config/configured_scorers.js';
import { datasetNamed } from './dataset_name.js';
import { ABOVE_0, FROM_0, type Given, readFlags, SHARE, WHOLE_FROM_0, WHOLE_FROM_1, withDefaultFor } from './flags.js';
import { readScorerArgument, type ScorerArgument } from './scorer_argument.js';
import { fileOf, storeLocation } from './store_location.js';
import { UsageError, UserError } from './user_error.js';

/** The file that keeps answers between runs, below the directory of the run. */
const DEFAULT_CACHE_FILE = join('.ai-evals', 'answers.db');

/** The dataset that ships with the package. */
export const DEFAULT_DATASET = join(PACKAGE_ROOT, 'datasets', 'everyday.jsonl');

/** The dataset that is named `-`. */
export const STANDARD_INPUT = '/dev/stdin';

/** The file that is named `-`: the standard output. */
export const STANDARD_OUTPUT = '-';

/** The value of `--allow-errors` without a number. */
const ANY = 'any';

/** Defaults of the calls: of a command line alone, and of a configuration. */
const CALLS = {
  flags: { timeout: 60_000, retries: 4, concurrency: 10 },
  config: { timeout: 30_000, retries: 3, concurrency: 5 },
} as const;

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

/** A model that was asked for; the default one has no `modelId`. */
export type ModelChoice = Partial<ModelEntry>;

/** The settings of one run: of one dataset with one model. */
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
  /** Answers to each case. */
  repeat: number;
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
  /** The name of the model; `undefined`: by the environment. */
  model: string | undefined;
  /** The rest of the model's entry. */
  choice: ModelChoice;
  /** The model of judges; `undefined`: the one that answers. */
  judge: string | undefined;
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

/** A report that a command writes. */
export interface ReportTarget {
  format: ReportFormat;
  /** `undefined`: the standard output. */
  file: string | undefined;
}

/** A baseline that runs are compared with. */
export interface BaselineGate {
  /** Its name or id. */
  name: string;
  /** The least severity of a regression that fails the command; `undefined`: none does. */
  failOn: RegressionSeverity | undefined;
}

/** The whole command: its runs, the settings that they share (or those of the first), and what is done with them. */
export interface RunCommand extends RunOptions {
  /** The settings of each run, at least one: every dataset with every model. */
  runs: readonly RunOptions[];
  /** The name of the evaluation. */
  name: string | undefined;
  /** The configuration that was asked for by name. */
  configFile: string | undefined;
  /** `false`: the configuration of the working directory is left alone. */
  findsConfig: boolean;
  /** The run whose failed cases alone are run: an id, `last` or a file of `--json`. */
  onlyFailed: string | undefined;
  /** `true`: the run of `resume` has come to its end, and its errors are tried again. */
  retriesErrors: boolean;
  /** The store that is read, also where the run is not kept. */
  readStore: string;
  baseline: BaselineGate | undefined;
  report: ReportTarget | undefined;
  dryRun: boolean;
  watch: boolean;
  verbose: boolean;
  interactive: boolean;
}

const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean' } as const;

/** Every flag of `run`. */
export const RUN_FLAGS = {
  config: { ...text, short: 'c' },
  'no-config': flag,
  dataset: { ...texts, short: 'd' },
  'id-field': text,
  'input-field': text,
  'expected-field': text,
  'category-field': text,
  'actual-field': text,
  scorer: texts,
  judge: text,
  tolerance: text,
  threshold: text,
  limit: text,
  repeat: text,
  json: text,
  'json-lines': text,
  output: { ...text, short: 'o' },
  format: { ...text, short: 'f' },
  'show-failures': text,
  'min-pass-rate': text,
  'allow-errors': text,
  baseline: { ...text, short: 'b' },
  'fail-on': text,
  'no-cache': flag,
  replay: flag,
  record: flag,
  'cache-file': text,
  store: text,
  'no-store': flag,
  resume: text,
  'retry-errors': text,
  'only-failed': text,
  force: flag,
  local: flag,
  model: { ...texts, short: 'm' },
  system: text,
  temperature: text,
  'max-tokens': text,
  timeout: text,
  retries: text,
  concurrency: text,
  parallel: flag,
  'no-parallel': flag,
  rpm: text,
  tpm: text,
  'price-in': text,
  'price-out': text,
  'dry-run': flag,
  watch: flag,
  interactive: { ...flag, short: 'i' },
  verbose: { ...flag, short: 'v' },
  help: { ...flag, short: 'h' },
  version: flag,
} as const;

/**
 * Reads the arguments after `run`, over a configuration where there is one; `'help'` or `'version'` when that is all that was
 * asked for. Throws a {@link UsageError} that names the flag, or a `UserError` that names the key. `isPreview`: the
 * configuration is still to be read, and may hold the datasets that are named.
 */
export function readRunOptions(
  args: string[],
  env: NodeJS.ProcessEnv,
  loaded?: LoadedConfig,
  { isPreview = false } = {},
): RunCommand | 'help' | 'version' {
  const given = readFlags(withDefaultFor('json', STANDARD_OUTPUT, withErrorsAllowed(args)), RUN_FLAGS);
  if (given.on('help')) return 'help';
  if (given.on('version')) return 'version';
  if (given.on('no-config') && given.text('config') !== undefined) {
    throw new UsageError('--config and --no-config exclude each other');
  }
  const config = loaded?.config ?? {};
  const at = (path: string): string => (loaded === undefined ? path : resolve(loaded.directory, path));
  const [priceIn, priceOut] = [given.number('price-in', FROM_0), given.number('price-out', FROM_0)];
  if ((priceIn === undefined) !== (priceOut === undefined)) {
    throw new UsageError('--price-in and --price-out belong together: give both');
  }
  const { runner = {} } = config;
  const calls = CALLS[loaded === undefined ? 'flags' : 'config'];
  const seconds = given.number('timeout', ABOVE_0);
  const output = typeof config.output === 'string' ? { file: config.output } : (config.output ?? {});
  const datasets = datasetsOf(given, loaded, isPreview);
  const allowed = config.allowErrors === true ? Number.POSITIVE_INFINITY : Number(config.allowErrors ?? 0);
  const shared = {
    fields: fieldsOf(given, config),
    scorers: scorers(given, loaded),
    judge: nonEmpty(given, 'judge'),
    tolerance: given.number('tolerance', FROM_0) ?? config.tolerance ?? 0,
    threshold: given.number('threshold', SHARE) ?? config.threshold,
    limit: given.number('limit', WHOLE_FROM_1) ?? config.limit ?? Number.POSITIVE_INFINITY,
    repeat: given.number('repeat', WHOLE_FROM_1) ?? config.repeat ?? 1,
    jsonFile: nonEmpty(given, 'json') ?? (output.json && at(output.json)),
    linesFile: nonEmpty(given, 'json-lines') ?? (output.jsonLines && at(output.jsonLines)),
    minPassRate: given.number('min-pass-rate', SHARE) ?? config.minPassRate,
    allowErrors:
      given.text('allow-errors') === ANY
        ? Number.POSITIVE_INFINITY
        : (given.number('allow-errors', WHOLE_FROM_0) ?? allowed),
    showFailures: given.number('show-failures', WHOLE_FROM_0) ?? output.showFailures ?? 5,
    cacheMode: cacheMode(given, config),
    cacheFile: nonEmpty(given, 'cache-file') ?? cacheFileOf(config, at, env),
    ...storeOptions(given, env, config, at),
    local: given.on('local'),
    timeout: seconds === undefined ? (runner.timeout ?? calls.timeout) : seconds * 1000,
    retries: given.number('retries', WHOLE_FROM_0) ?? runner.retries ?? calls.retries,
    concurrency: concurrencyOf(given, runner, calls.concurrency),
    requestsPerMinute: given.number('rpm', WHOLE_FROM_1) ?? runner.requestsPerMinute,
    tokensPerMinute: given.number('tpm', WHOLE_FROM_1) ?? runner.tokensPerMinute,
  };
  const settingsOf = (choice: ModelChoice) => ({
    model: choice.modelId,
    choice,
    system: given.text('system') ?? choice.system ?? runner.system,
    temperature: given.number('temperature', FROM_0) ?? choice.temperature ?? runner.temperature,
    maxTokens: given.number('max-tokens', WHOLE_FROM_1) ?? choice.maxTokens ?? runner.maxTokens,
    priceIn: priceIn ?? choice.price?.input,
    priceOut: priceOut ?? choice.price?.output,
  });
  const models = modelsOf(given, loaded);
  const runs = datasets.flatMap((dataset) => models.map((choice) => ({ ...shared, dataset, ...settingsOf(choice) })));
  return {
    ...runs[0]!,
    runs,
    name: config.name,
    configFile: nonEmpty(given, 'config'),
    findsConfig: !given.on('no-config'),
    readStore: storeLocationOf(given, env, config, at),
    report: reportTarget(given, output.format, output.file && at(output.file)),
    baseline: baselineGate(given, config),
    ...modes(given, datasets, models),
  };
}

/** `args` with a value for an `--allow-errors` that has no number behind it: its number may be left out. */
function withErrorsAllowed(args: string[]): string[] {
  const isBare = (arg: string, i: number) => arg === '--allow-errors' && !/^\d+$/.test(args[i + 1] ?? '');
  return args.map((arg, i) => (isBare(arg, i) ? `${arg}=${ANY}` : arg));
}

function datasetsOf(given: Given, loaded: LoadedConfig | undefined, isPreview: boolean): string[] {
  const [dataset, ...more] = given.positionals;
  if (more.length > 0) throw new UsageError(`one DATASET at a time, got also ${JSON.stringify(more[0])}`);
  if (dataset === '') throw new UsageError('DATASET must be the path of a file, got ""');
  const named = namesIn(given, 'dataset').map((name) => (isPreview ? name : datasetNamed(name, loaded)));
  if (dataset !== undefined) named.unshift(dataset === '-' ? STANDARD_INPUT : dataset);
  const configured = loaded?.config.datasets?.map((path) => resolve(loaded.directory, path));
  const datasets = named.length > 0 ? named : (configured ?? [DEFAULT_DATASET]);
  const repeated = datasets.find((path, i) => datasets.indexOf(path) < i);
  if (repeated !== undefined) throw new UsageError(`the dataset ${repeated} is given twice`);
  return datasets;
}

/** The values of a flag that may be given several times, or once with commas. */
function namesIn(given: Given, name: string): string[] {
  return given.texts(name).flatMap((value) => {
    const names = value.split(',').map((part) => part.trim());
    if (names.includes('')) throw new UsageError(`--${name} must not be empty`);
    return names;
  });
}

function modelsOf(given: Given, loaded: LoadedConfig | undefined): ModelChoice[] {
  const configured = (loaded?.config.models ?? []).map((entry) =>
    typeof entry === 'string' ? { modelId: entry } : entry,
  );
  const nameOf = ({ name, modelId }: ModelChoice) => name ?? modelId;
  // A name of the configuration means its entry.
  const asked = namesIn(given, 'model').map(
    (name) => configured.find((entry) => nameOf(entry) === name) ?? { modelId: name },
  );
  const models = asked.length > 0 ? asked : configured;
  const names = models.map(nameOf);
  const at = names.findIndex((name, i) => names.indexOf(name) < i);
  if (at >= 0 && asked.length > 0) throw new UsageError(`--model ${names[at]} is given twice`);
  if (at >= 0) {
    const place = loaded!.place(['models', at]);
    throw new UserError(`${place}: two models are named ${names[at]}; give one of them another name`);
  }
  return models.length > 0 ? models : [{}];
}

function fieldsOf(given: Given, { fields = {} }: EvalConfig): Fields {
  const path = (name: keyof typeof fields): FieldPath | undefined => {
    const value = nonEmpty(given, `${name}-field`) ?? fields[name];
    return value === undefined ? undefined : new FieldPath(value);
  };
  return {
    id: path('id'),
    input: path('input'),
    expected: path('expected') ?? new FieldPath('expected'),
    category: path('category'),
    actual: path('actual'),
  };
}

function scorers(given: Given, loaded: LoadedConfig | undefined): readonly ScorerArgument[] {
  const named = given.texts('scorer');
  const repeated = named.find((each, i) => named.indexOf(each) < i);
  if (repeated !== undefined) throw new UsageError(`--scorer ${repeated} is given twice`);
  if (named.length > 0) return named.map(readScorerArgument);
  const configured = loaded === undefined ? [] : configuredScorers(loaded);
  return configured.length > 0 ? configured : [readScorerArgument('auto')];
}

function concurrencyOf(
  given: Given,
  { concurrency, parallel }: NonNullable<EvalConfig['runner']>,
  byDefault: number,
): number {
  if (given.on('parallel') && given.on('no-parallel')) {
    throw new UsageError('--parallel and --no-parallel exclude each other');
  }
  const asked = given.number('concurrency', WHOLE_FROM_1);
  if (given.on('no-parallel')) {
    if (asked !== undefined && asked > 1) throw new UsageError('--no-parallel and --concurrency exclude each other');
    return 1;
  }
  const isParallel = given.on('parallel') || asked !== undefined || parallel !== false;
  return isParallel ? (asked ?? concurrency ?? byDefault) : 1;
}

function cacheMode(given: Given, { cache }: EvalConfig): CacheMode {
  const asked = (['no-cache', 'replay', 'record'] as const).filter((name) => given.on(name));
  if (asked.length > 1) throw new UsageError(`--${asked[0]} and --${asked[1]} exclude each other`);
  const [mode] = asked;
  if (mode !== undefined) return mode === 'no-cache' ? 'off' : mode;
  if (cache === false) return 'off';
  return (typeof cache === 'object' ? cache.mode : undefined) ?? 'on';
}

function cacheFileOf({ cache }: EvalConfig, at: (path: string) => string, env: NodeJS.ProcessEnv): string {
  const file = typeof cache === 'object' ? cache.file : cache;
  if (file) return at(file);
  return env.AI_EVALS_CACHE_FILE || DEFAULT_CACHE_FILE;
}

type KeepingOptions = Pick<RunOptions, 'store' | 'resume' | 'force'>;

function storeOptions(
  given: Given,
  env: NodeJS.ProcessEnv,
  config: EvalConfig,
  at: (path: string) => string,
): KeepingOptions {
  const [resume, retryErrors] = [nonEmpty(given, 'resume'), nonEmpty(given, 'retry-errors')];
  const force = given.on('force');
  if (given.on('no-store')) {
    const other = ['store', 'resume', 'retry-errors'].find((name) => given.text(name) !== undefined);
    if (other !== undefined) throw new UsageError(`--no-store and --${other} exclude each other`);
  }
  const exclusive = (['resume', 'retry-errors', 'only-failed'] as const).filter(
    (name) => given.text(name) !== undefined,
  );
  if (exclusive.length > 1) throw new UsageError(`--${exclusive[0]} and --${exclusive[1]} exclude each other`);
  const taken = resume ?? retryErrors;
  if (force && taken === undefined) throw new UsageError('--force belongs to --resume RUN');
  const isKept = given.text('store') !== undefined || (!given.on('no-store') && config.store !== false);
  if (taken !== undefined && !isKept)
    throw new UserError('the configuration keeps no run (store: false); add --store URL');
  return { store: isKept ? storeLocationOf(given, env, config, at) : undefined, resume: taken, force };
}

/** The store of the flags, the configuration or the environment. */
function storeLocationOf(
  given: Given,
  env: NodeJS.ProcessEnv,
  { store }: EvalConfig,
  at: (path: string) => string,
): string {
  if (given.text('store') !== undefined || !store) return storeLocation(given, env);
  // A file is named from the configuration, a URL is the same everywhere.
  return fileOf(store) === store ? at(store) : store;
}

function baselineGate(given: Given, { baseline }: EvalConfig): BaselineGate | undefined {
  const entry = typeof baseline === 'string' ? { baselineId: baseline } : baseline;
  const name = nonEmpty(given, 'baseline') ?? (entry?.enabled === false ? undefined : entry?.baselineId);
  const severity = given.text('fail-on');
  if (severity !== undefined && !(SEVERITIES as readonly string[]).includes(severity)) {
    throw new UsageError(`--fail-on must be critical, major or minor, got ${JSON.stringify(severity)}`);
  }
  if (name === undefined) {
    if (severity !== undefined) throw new UsageError('--fail-on belongs to --baseline NAME');
    return undefined;
  }
  const configured = entry?.failOn ?? (entry?.failOnRegression === true ? 'minor' : undefined);
  return { name, failOn: (severity as RegressionSeverity | undefined) ?? configured };
}

const FORMAT_BY_ENDING: Record<string, ReportFormat> = {
  json: 'json',
  md: 'markdown',
  markdown: 'markdown',
  html: 'html',
  htm: 'html',
  csv: 'csv',
  xml: 'junit',
};

/** Returns the form of a report by `--format` and `--output`. Throws a {@link UsageError} for one that is not offered. */
export function reportFormat(given: Given, configured?: ReportFormat, file?: string): ReportFormat | undefined {
  const asked = given.text('format');
  if (asked === undefined) {
    const ending = /\.(\w+)$/.exec(file ?? '')?.[1]?.toLowerCase() ?? '';
    return configured ?? (Object.hasOwn(FORMAT_BY_ENDING, ending) ? FORMAT_BY_ENDING[ending] : undefined);
  }
  if (asked === 'md') return 'markdown';
  if (asked === 'pdf') {
    throw new UsageError('--format pdf is not offered; write --format html and print that page to PDF from a browser');
  }
  if ((REPORT_FORMATS as readonly string[]).includes(asked)) return asked as ReportFormat;
  throw new UsageError(`--format must be one of ${REPORT_FORMATS.join(', ')}, got ${JSON.stringify(asked)}`);
}

function reportTarget(given: Given, configured?: ReportFormat, configuredFile?: string): ReportTarget | undefined {
  const file = nonEmpty(given, 'output') ?? configuredFile;
  const format = reportFormat(given, configured, file);
  if (file === STANDARD_OUTPUT) return { format: format ?? 'table', file: undefined };
  if (file === undefined) return format === undefined || format === 'table' ? undefined : { format, file };
  return { format: format ?? 'table', file };
}

function modes(
  given: Given,
  datasets: readonly string[],
  models: readonly ModelChoice[],
): Pick<RunCommand, 'onlyFailed' | 'retriesErrors' | 'dryRun' | 'watch' | 'verbose' | 'interactive'> {
  const once = datasets.includes(STANDARD_INPUT);
  if (once && models.length > 1)
    throw new UsageError('standard input can be read once: name a file to ask several models');
  if (once && given.on('watch')) throw new UsageError('standard input cannot be watched: name a file');
  if (once && given.on('interactive')) throw new UsageError('--interactive reads the keyboard: name a file as DATASET');
  if (given.on('watch') && given.on('dry-run')) throw new UsageError('--watch and --dry-run exclude each other');
  return {
    onlyFailed: nonEmpty(given, 'only-failed'),
    retriesErrors: given.text('retry-errors') !== undefined,
    dryRun: given.on('dry-run'),
    watch: given.on('watch'),
    verbose: given.on('verbose'),
    interactive: given.on('interactive'),
  };
}

function nonEmpty(given: Given, name: string): string | undefined {
  const value = given.text(name);
  if (value === '') throw new UsageError(`--${name} must not be empty`);
  return value;
}
