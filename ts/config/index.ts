/** The configuration of `ai-evals run`. */
import type { Scorer } from '../scorers/scorer.js';

/** A severity of a regression. */
export type RegressionSeverity = 'critical' | 'major' | 'minor';

/** A form in which `ai-evals run` and `ai-evals report` write a report. */
export type ReportFormat = 'table' | 'json' | 'markdown' | 'html' | 'csv' | 'junit' | 'github';

/** A model that answers. */
export interface ModelEntry {
  /** The name of the model as its provider knows it, such as `'gpt-4o-mini'`. */
  modelId: string;
  /**
   * - `'openai'`: `OPENAI_API_KEY`, at `OPENAI_BASE_URL` where it is set.
   * - `'anthropic'`: `ANTHROPIC_API_KEY`, at Anthropic's OpenAI-compatible address.
   * - `'local'`: the local model that ships with the package.
   *
   * Default: `'openai'` where the environment names it, else `'local'`.
   */
  provider?: 'openai' | 'anthropic' | 'local' | undefined;
  /** The base URL of another OpenAI-compatible server, such as `'http://localhost:11434/v1'`. */
  baseUrl?: string | undefined;
  /** The environment variable that holds the key. Default: the provider's. */
  apiKeyEnv?: string | undefined;
  /** The name in reports. Default: `modelId`. Two entries of one model need different names. */
  name?: string | undefined;
  /** A system message before every prompt. Default: the runner's. */
  system?: string | undefined;
  /** At least 0. Default: the runner's. */
  temperature?: number | undefined;
  /** Upper bound of an answer, in tokens. Default: the runner's. */
  maxTokens?: number | undefined;
  /** US dollars per million tokens. Default: the package's table. */
  price?: { input: number; output: number } | undefined;
}

/** The way in which models are asked. */
export interface RunnerEntry {
  /** Milliseconds that an attempt may take, above 0. Default 30,000. */
  timeout?: number | undefined;
  /** Further attempts after 5xx, timeouts and broken connections. Default 3. */
  retries?: number | undefined;
  /** Calls in flight, over all models. Default 5. */
  concurrency?: number | undefined;
  /** `false` makes one call at a time. Default `true`. */
  parallel?: boolean | undefined;
  /** Requests to an address in any 60 s. Default 500; 1,800 for the local model. */
  requestsPerMinute?: number | undefined;
  /** Tokens of an address in any 60 s. Default 150,000; 400,000 for the local model. */
  tokensPerMinute?: number | undefined;
  /** A system message before every prompt. Default: none. */
  system?: string | undefined;
  /** At least 0. Default: not sent. */
  temperature?: number | undefined;
  /** Upper bound of an answer, in tokens. Default: not sent. */
  maxTokens?: number | undefined;
}

/**
 * A scorer:
 *
 * - the text of a `--scorer`, such as `'exact'` or `'rouge:type=rougeL'`;
 * - a name and options of a factory of `@aah/ai-evals/scorers`;
 * - the strategy of the original configuration;
 * - a scorer that such a factory made (in configurations that are programs).
 */
export type ScorerEntry =
  | string
  | { name: string; options?: Record<string, unknown> | undefined }
  | {
      strategy: 'exact' | 'semantic' | 'llm-judge';
      /** The least score that passes, 0–1. Default: the scorer's own. */
      threshold?: number | undefined;
      /** The rubric of `'llm-judge'`. */
      judgePrompt?: string | undefined;
    }
  // biome-ignore lint/suspicious/noExplicitAny: a scorer of any types
  | Scorer<any, any>;

/** Dotted paths of the parts of a case in a record, such as `'choices.0.text'`. */
export interface FieldsEntry {
  /** Default `'id'`. */
  id?: string | undefined;
  /** Default `'input'`. */
  input?: string | undefined;
  /** Default `'expected'`. */
  expected?: string | undefined;
  /** Default `'metadata.category'`, else `'category'`. */
  category?: string | undefined;
  /** Recorded answers, which are scored in place of a model's. Default: none. */
  actual?: string | undefined;
}

/** The baseline that a run is compared with. */
export interface BaselineEntry {
  /** The name or id of a baseline of the store. */
  baselineId: string;
  /** `false` turns the comparison off. Default `true`. */
  enabled?: boolean | undefined;
  /** The least severity of a regression that ends the command with exit code 1. Default: none. */
  failOn?: RegressionSeverity | undefined;
  /** `true` is `failOn: 'minor'`. */
  failOnRegression?: boolean | undefined;
}

/** The files that a run writes. */
export interface OutputEntry {
  /** The form of `file`, or of the standard output without one. Default: by the ending of `file`, else `'table'`. */
  format?: ReportFormat | undefined;
  /** The file that takes the report. */
  file?: string | undefined;
  /** The file that takes the summary and every result (`--json`). */
  json?: string | undefined;
  /** The file that takes a line of JSON for each result as it comes (`--json-lines`). */
  jsonLines?: string | undefined;
  /** Failed cases in the summary. Default 5. */
  showFailures?: number | undefined;
}

/**
 * A configuration of `ai-evals run`. Every key has a flag, which takes precedence. Paths are relative to the file of the
 * configuration.
 */
export interface EvalConfig {
  /** The name of the evaluation, kept with its runs. */
  name?: string | undefined;
  /** A remark for readers. */
  description?: string | undefined;
  /** Paths of datasets: JSONL, JSON, CSV or Parquet. Default: the dataset that ships with the package. */
  datasets?: readonly string[] | undefined;
  /** Models to compare. Each dataset is run with each model. Default: one, by the environment. */
  models?: readonly (string | ModelEntry)[] | undefined;
  runner?: RunnerEntry | undefined;
  /** The scorer. Default `'auto'`. */
  scorer?: ScorerEntry | undefined;
  /** Several scorers: a case passes when every one passes it. Excludes `scorer`. */
  scorers?: readonly ScorerEntry[] | undefined;
  /** The least score that passes, 0–1, for scorers that name none. */
  threshold?: number | undefined;
  /** The difference that numbers may have, inclusive. Default 0. */
  tolerance?: number | undefined;
  fields?: FieldsEntry | undefined;
  /** Answers to each case. Default 1. */
  repeat?: number | undefined;
  /** Cases of each dataset. Default: all. */
  limit?: number | undefined;
  /** The share of passed cases, 0–1, below which the exit code is 1. Default: none. */
  minPassRate?: number | undefined;
  /** Cases that may end without an answer or verdict; `true` for any number. Default 0. */
  allowErrors?: number | boolean | undefined;
  /** A baseline, or its name. */
  baseline?: string | BaselineEntry | undefined;
  /** Output, or the file of the report. */
  output?: string | OutputEntry | undefined;
  /** The store of runs: a path or URL; `false` keeps no run. Default `.ai-evals/runs.db`. */
  store?: string | false | undefined;
  /** The file of kept answers, or how it is used; `false` keeps none. Default `.ai-evals/answers.db`. */
  cache?: string | false | { file?: string | undefined; mode?: 'on' | 'record' | 'replay' | undefined } | undefined;
}

/** A configuration, or a function that makes one when the command begins. */
export type EvalConfigExport = EvalConfig | (() => EvalConfig | Promise<EvalConfig>);

/**
 * Returns its argument. In a configuration file it makes an editor complete and check the keys.
 *
 * ```ts
 * import { defineConfig } from '@aah/ai-evals';
 *
 * export default defineConfig({ datasets: ['cases.jsonl'], models: ['gpt-4o-mini', 'gpt-4.1-mini'], scorer: 'numeric' });
 * ```
 */
export function defineConfig<const T extends EvalConfigExport>(config: T): T {
  return config;
}
