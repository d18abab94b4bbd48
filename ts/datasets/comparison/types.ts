/** Types of comparisons of models. Rates are 0–1 unless they say percent, durations milliseconds, costs US dollars. */
import type { ParallelExecutor, RateLimitConfig } from '../../executor/index.js';
import type { Scorer } from '../../scorers/scorer.js';
import type { EvalStore } from '../../store/eval_store.js';
import type { RunnerConfig, RunResult, TestCaseInput, TokenUsage } from '../../types.js';
import type { AiSdkModel } from '../model/ai_sdk_model.js';
import type { EndpointModel, ModelSource } from '../model/model_source.js';
import type { ModelRunnerOptions, ModelRunResult, RunnerContext, RunnerTask } from '../model_runner.js';

/** A function that answers the case of a task, as {@link modelRunner} makes it. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export type CaseRunner<TInput = any, TOutput = any> = (
  task: RunnerTask<TInput>,
  context: RunnerContext,
) => PromiseLike<ModelRunResult<TOutput> | RunResult<TOutput>>;

/** A runner in the form of an object, such as a `BaseRunner`. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface RunnerObject<TInput = any, TOutput = any> {
  readonly run: CaseRunner<TInput, TOutput>;
}

/** A model of a comparison under a name of its own. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface NamedModel<TInput = any, TOutput = any> {
  /** Default: the id of the model. */
  name?: string | undefined;
  /** Asked with the prompt of the comparison. */
  model?: ModelSource | undefined;
  /** Answers by itself, in place of `model`. */
  runner?: CaseRunner<TInput, TOutput> | RunnerObject<TInput, TOutput> | undefined;
  /** Settings of this model alone. */
  config?: Partial<RunnerConfig> | undefined;
}

/** A model of a comparison: a source of one, a runner, or either under a name. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export type ComparedModel<TInput = any, TOutput = any> =
  | string
  | EndpointModel
  | AiSdkModel
  | CaseRunner<TInput, TOutput>
  | RunnerObject<TInput, TOutput>
  | NamedModel<TInput, TOutput>;

/** A verdict on an answer. A number is a score that passes from 1 on; `value` is another name of `score`. */
export type AnswerVerdict =
  | boolean
  | number
  | { passed: boolean; score?: number | undefined; value?: number | undefined };

/** The way answers are judged: a scorer of `@aah/ai-evals/scorers`, or a function. */
// biome-ignore lint/suspicious/noExplicitAny: scorers of any value
export type ComparisonScorer<TInput = any, TOutput = any> =
  // biome-ignore lint/suspicious/noExplicitAny: as above
  | Scorer<any, any>
  | ((result: ModelRunResult<TOutput>, testCase: TestCaseInput<TInput>) => AnswerVerdict | PromiseLike<AnswerVerdict>);

/** Cases to compare models on. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface ComparedDataset<TInput = any> {
  id: string;
  name?: string | undefined;
  version?: string | undefined;
  testCases: readonly TestCaseInput<TInput>[];
}

/** Options of {@link runModelComparison}. `prompt`, `parse` and the like are for models that have no runner of their own. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface ModelComparisonOptions<TInput = any, TOutput = any>
  extends Omit<ModelRunnerOptions<TInput, TOutput>, 'model'> {
  /** A dataset, its path or id, or cases. */
  dataset: ComparedDataset<TInput> | readonly TestCaseInput<TInput>[] | string;
  /** At least one. Names are unique. */
  models: readonly ComparedModel<TInput, TOutput>[];
  /** Judges every answer. There is no default: an answer that nobody judged is not right by half. */
  scorer: ComparisonScorer<TInput, TOutput>;
  /** Answers of each model to each case, from 1. Default 1. */
  repeats?: number | undefined;
  /** Calls in flight at once, of all models. Default 5. */
  concurrency?: number | undefined;
  /** Attempts after the first that failed, from 0. Default 3. */
  retries?: number | undefined;
  /** Limits of each model. Default: none. */
  rateLimit?: RateLimitConfig | undefined;
  /** Limits of single models, by name. */
  limits?: Readonly<Record<string, RateLimitConfig>> | undefined;
  /** Runs the calls, in place of one made of the four options above. */
  executor?: ParallelExecutor | undefined;
  /** Keeps every answer as it comes, a run for each model. With the same `id` a comparison goes on where it ended. */
  store?: EvalStore | undefined;
  /** Name of the comparison. Default: a new one. */
  id?: string | undefined;
  /** Confidence of intervals, and of the difference that makes a winner. Default 0.95. */
  confidence?: number | undefined;
  /** Starts nothing more and aborts the calls under way. The report is then of what was answered. */
  signal?: AbortSignal | undefined;
  /** Called after every answer with the number of those done, and of all to be made now. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An interval. */
export interface RateInterval {
  low: number;
  high: number;
}

/** The figures of one model. */
export interface ModelFigures {
  name: string;
  /** `passed` + `failed` + `errors`: cases × repeats, less what a cancelled comparison did not ask. */
  total: number;
  passed: number;
  failed: number;
  /** Calls without a verdict. They are not passes: their score is 0. */
  errors: number;
  /** Share of `total`. */
  passRate: number;
  /** Wilson's for one answer a case, and where all or none passed; else by bootstrap over the cases. */
  passRateInterval: RateInterval;
  avgScore: number;
  /** By bootstrap over the cases. */
  avgScoreInterval: RateInterval;
  /** Percent of the cases in which no other model scored higher. A case that several models lead is split among them. */
  winRate: number;
  /** Mean over the cases of the share of pairs of its answers with the same verdict. */
  agreement: number;
  /** pass@k for k from 1 to `repeats`. */
  passAtK: number[];
  /** pass^k for k from 1 to `repeats`. */
  passHatK: number[];
  /** Mean over the calls that were answered; `NaN` without any. */
  latency: { mean: number; p50: number; p95: number };
  tokens: TokenUsage;
  /** Sum of the costs that are known; left out where none is. */
  cost?: number;
  /** Answers whose cost is unknown. */
  unpriced: number;
  /** The errors, by their text, with their number. */
  errorMessages: Record<string, number>;
}

/** The difference of two models on the same cases. */
export interface ModelDifference {
  a: string;
  b: string;
  /** Mean score of `a` less that of `b`. */
  difference: number;
  low: number;
  high: number;
  /** Probability of such a difference by chance. */
  p: number;
  /** The same after Holm's correction for the number of pairs. */
  pAdjusted: number;
  /** Cases in which `a`, and in which `b`, has the higher score. */
  better: number;
  worse: number;
}

/** The answers of one model to one case. */
export interface CaseAnswers {
  passed: number;
  errors: number;
  /** Answers there are. */
  repeats: number;
  /** Mean; errors count 0. */
  score: number;
  /** Share of pairs of its answers with the same verdict. */
  agreement: number;
}

/** The answers of all models to one case. */
export interface CaseComparison {
  testCaseId: string;
  category?: string;
  /** By name of the model. */
  models: Record<string, CaseAnswers>;
  /** Share of pairs of answers, of all models, with the same verdict. */
  agreement: number;
}

/** The outcome of a comparison. */
export interface ComparisonReport {
  id: string;
  datasetId: string;
  datasetVersion: string;
  cases: number;
  repeats: number;
  confidence: number;
  /** `'cancelled'` when the signal ended it: then calls were not made. */
  status: 'completed' | 'cancelled';
  notRun: number;
  startTime: Date;
  endTime: Date;
  /** Milliseconds of wall time. */
  duration: number;
  /** In the order in which they were given. */
  models: ModelFigures[];
  /** Every pair of models. */
  differences: ModelDifference[];
  /** The model with the highest score, where it is better than each other by more than chance; else `null`. */
  winner: string | null;
  /** The model with the highest score, and those that are not worse than it by more than chance. Best first. */
  leaders: string[];
  /** The same in a sentence. */
  verdict: string;
  byCase: CaseComparison[];
  /** Ids of the runs in the store, by name of the model. */
  runIds?: Record<string, string>;
}
