/** Types of jobs, their reports and comparisons. Times are `Date`s, durations milliseconds, costs US dollars. */
import type { ExecutionMetrics, TaskContext, WorkerConfig } from '../executor/types.js';
import type { Scorer } from '../scorers/scorer.js';
import type { EvalStore } from '../store/eval_store.js';
import type { EvalError, RunnerConfig, RunResult, TestCaseInput } from '../types.js';

/** Test cases under an id, as a job takes them. A `Dataset` of `loadDataset` is one. */
// biome-ignore lint/suspicious/noExplicitAny: code written against the original reads fields of any case
export interface JobDataset<TInput = any, TOutput = any> {
  id: string;
  name?: string | undefined;
  description?: string | undefined;
  /** Default: a digest of the cases. */
  version?: string | undefined;
  testCases: readonly TestCaseInput<TInput, TOutput>[];
}

/** The verdict on an answer, under all names that scorers give it. */
export interface AnswerScore {
  passed: boolean;
  /** 0–1. Where it is left out, `value` stands for it, and without both 1 or 0 for `passed`. */
  score?: number | undefined;
  value?: number | undefined;
  /** 0–1. */
  confidence?: number | undefined;
  explanation?: string | undefined;
  /** Figures behind the score, by name. */
  breakdown?: Readonly<Record<string, unknown>> | undefined;
}

/** A configuration of the scorer. A job hands it to the scorer as it is; `createScorer` takes it too. */
export interface ScorerConfig {
  strategy?: 'exact' | 'semantic' | 'llm-judge' | 'custom' | undefined;
  /** The least score that passes, 0–1. */
  threshold?: number | undefined;
  judgeModelId?: string | undefined;
  judgePrompt?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: any function that code written against the original has here
  customScorer?: ((...args: any[]) => any) | undefined;
  params?: Readonly<Record<string, unknown>> | undefined;
  /** A type of `createScorer`, in place of `strategy`. */
  type?: string | undefined;
}

/** A state of a job. */
export type JobStatus = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A job to be created. */
export interface JobConfig {
  /** Ids of the datasets that `executeJob` is given. */
  datasetIds: readonly string[];
  /** Each answers every case. The same model may be there twice, with other settings. */
  runnerConfigs: readonly RunnerConfig[];
  scorerConfig: ScorerConfig;
  /** Id of the baseline to compare with; with a store its name too. Default: the active baseline, if there is one. */
  baseline?: string | undefined;
  /** `false` makes one call after the other. Default `true`. */
  parallel?: boolean | undefined;
  /** Calls of the job in flight at once. Default 10. */
  concurrency?: number | undefined;
  /** Answers to each case by each of `runnerConfigs`. Default 1. */
  repeats?: number | undefined;
}

/** A job. */
export interface EvalJob extends JobConfig {
  id: string;
  createdAt: Date;
  updatedAt: Date;
  status: JobStatus;
  /** The reason why it failed. */
  error?: string;
}

/** Progress of a job. */
export interface JobProgress {
  jobId: string;
  status: JobStatus;
  /** Calls to make: cases × runnerConfigs × repeats. 0 until the job runs. */
  totalTests: number;
  /** Calls that were answered. */
  completedTests: number;
  /** Calls that failed. */
  failedTests: number;
  /** 0–100: `completedTests` and `failedTests` of `totalTests`, rounded. */
  progress: number;
  /** Id of the case whose call began last. */
  currentTest?: string;
  /** Milliseconds; left out while nothing is known. */
  estimatedTimeRemaining?: number;
  errors: EvalError[];
}

/** Numbers of jobs by state. */
export interface QueueStats {
  pending: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
  total: number;
  maxConcurrent: number;
  /** Jobs that may start now. */
  availableSlots: number;
}

/** The answers of one `runnerConfig` to one dataset. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface RunSummary<TOutput = any> {
  datasetId: string;
  runId: string;
  config: RunnerConfig;
  /** One of each call, in the order of the dataset. */
  results: RunResult<TOutput>[];
  startTime: Date;
  endTime: Date;
  /** Milliseconds from the first call's start to the last one's end. */
  totalDuration: number;
  /** Sum of the costs that are known. */
  totalCost: number;
  totalTokens: number;
}

/** The verdict on one answer. */
export interface ScoringResult {
  testCaseId: string;
  datasetId?: string | undefined;
  modelId?: string | undefined;
  runId?: string | undefined;
  /** The how-manieth answer to the case; left out for the first. */
  repeat?: number | undefined;
  score: AnswerScore;
  scorerConfig: ScorerConfig;
  /** Set when the scorer threw. The case then counts as an error, whatever `score` says. */
  error?: EvalError | undefined;
}

/** Figures of the cases of a category. */
export interface CategoryMetrics {
  category: string;
  /** `passed` + `failed` + `errors`. */
  totalTests: number;
  passed: number;
  failed: number;
  errors: number;
  /** Percent of `totalTests`. */
  accuracy: number;
  /** Mean of the scores that there are. */
  avgScore: number;
  /** Milliseconds, mean of the calls that were answered. */
  avgLatency: number;
  /** US dollars, mean of the costs that are known. */
  avgCost: number;
}

/** The outcome of one case, for comparisons case by case. */
export interface CaseOutcome {
  testCaseId: string;
  datasetId?: string;
  /** Model, and `#2` for the second configuration of the same one. */
  modelId?: string;
  category: string;
  /** `false` for errors too. */
  passed: boolean;
  /** `true` where there is no verdict. */
  error?: true;
  /** Left out where there is no score. */
  score?: number;
  /** Milliseconds; left out where there was no answer. */
  latency?: number;
  /** US dollars; left out where it is unknown. */
  cost?: number;
}

/** Figures of a job. */
export interface Metrics {
  /** `passed` + `failed` + `errors`: every call counts once. */
  totalTests: number;
  passed: number;
  /** Answered, but not right. */
  failed: number;
  /** Without a verdict: the call failed, the scorer threw, or nobody scored the answer. */
  errors: number;
  /** Percent of `totalTests`. Errors are not passes. */
  accuracy: number;
  /** The same as `accuracy`. */
  passRate: number;
  /** Mean of the scores that there are; 0 without any. */
  avgScore: number;
  /** Milliseconds, mean of the calls that were answered; 0 without any. */
  avgLatency: number;
  /** Sum of the costs that are known. */
  totalCost: number;
  /** Answers whose cost is unknown; left out when there are none. */
  unpriced?: number;
  breakdown: Record<string, CategoryMetrics>;
  /** Outcomes case by case: comparisons are paired where both sides have them. */
  cases?: CaseOutcome[];
}

/** Metrics that code written by hand may pass in. */
export type GivenMetrics = Omit<Metrics, 'errors' | 'breakdown' | 'passed' | 'failed'> & {
  passed?: number | undefined;
  failed?: number | undefined;
  errors?: number | undefined;
  breakdown?: Readonly<Record<string, Partial<CategoryMetrics>>> | undefined;
};

/** A metric that is compared with a baseline. */
export type ComparedMetric = 'accuracy' | 'passRate' | 'avgScore' | 'avgLatency' | 'totalCost';

/** Changes for the worse, in percent of the baseline. `critical` and `major` are reached, `minor` is exceeded. */
export interface Thresholds {
  critical: number;
  major: number;
  minor: number;
}

/** A change of a metric, with its confidence. */
export interface MetricChange {
  /** The category, or `'overall'`. */
  testCaseId: string;
  category?: string;
  metric: ComparedMetric;
  baseline: number;
  current: number;
  /** `current` less `baseline`. */
  absoluteChange: number;
  /** Percent of the baseline. */
  percentChange: number;
  /** 95 % interval of `absoluteChange`; left out where there are too few cases to tell. */
  interval?: { low: number; high: number };
  /** Probability of a change as large as this by chance; left out like `interval`. */
  pValue?: number;
  /** Cases that both sides have, when the comparison is paired. */
  pairedCases?: number;
}

/** A change for the worse. */
export interface Regression extends MetricChange {
  severity: 'critical' | 'major' | 'minor';
}

/** A change for the better by more than the threshold `minor`. */
export interface Improvement extends MetricChange {
  /** By the same thresholds: `critical` is reached, `major` is reached, or `minor` is exceeded. */
  magnitude: 'major' | 'moderate' | 'minor';
}

/** A comparison that could not be made. */
export interface Unjudged {
  reason: 'zero-baseline' | 'not-a-number' | 'vanished-category' | 'new-category' | 'vanished-cases' | 'new-cases';
  /** The category, or `'overall'`. */
  category: string;
  /** Left out where the reason is about categories or cases. */
  metric?: ComparedMetric;
  baseline?: number;
  current?: number;
  /** Ids of vanished or new cases. */
  testCaseIds?: string[];
  message: string;
}

/** Metrics under a name, to compare others with. */
export interface Baseline {
  id: string;
  name: string;
  description: string;
  runId: string;
  metrics: Metrics;
  isActive: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** A comparison of metrics with a baseline. */
export interface BaselineComparison {
  baselineId: string;
  currentRunId: string;
  metrics: { baseline: Metrics; current: Metrics };
  regressions: Regression[];
  improvements: Improvement[];
  /** Everything that was not compared, and why. */
  unjudged: Unjudged[];
  summary: {
    totalRegressions: number;
    criticalRegressions: number;
    majorRegressions: number;
    minorRegressions: number;
    totalImprovements: number;
    /** Percent: 0.4 accuracy + 0.3 avgScore + 0.2 latency + 0.1 cost, of which less is better; others are left out. */
    overallChange: number;
  };
}

/** Advice that follows from a report. */
export interface Recommendation {
  type: 'regression' | 'accuracy' | 'performance' | 'cost';
  severity: 'high' | 'medium' | 'low';
  title: string;
  description: string;
  actionable: boolean;
  suggestedActions?: string[];
}

/** The head of a report. */
export interface ReportSummary {
  /** `passed` + `failed` + `errors`. */
  totalTests: number;
  passed: number;
  failed: number;
  errors: number;
  /** Calls that a cancelled job did not make; left out when there are none. */
  notRun?: number;
  /** Percent of `totalTests`. */
  accuracy: number;
  avgLatency: number;
  totalCost: number;
  /** Milliseconds from the first call's start to the last one's end. */
  duration: number;
  status: JobStatus;
}

/** The report of a job. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface EvalReport<TOutput = any> {
  jobId: string;
  summary: ReportSummary;
  runSummaries: RunSummary<TOutput>[];
  scoringResults: ScoringResult[];
  metrics: Metrics;
  regressions: Regression[];
  /** The whole comparison, of a job that had a baseline. */
  comparison?: Omit<BaselineComparison, 'metrics'>;
  recommendations: Recommendation[];
  executionMetrics?: ExecutionMetrics;
  generatedAt: Date;
}

/** A result as a `run` function may return it. What is left out is taken from the task. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export type RunOutcome<TOutput = any> = Partial<Omit<RunResult<TOutput>, 'metadata'>> & {
  metadata?: Partial<Omit<RunResult['metadata'], 'error'>> & { error?: string | EvalError | undefined };
};

/** A function that makes a call and resolves to its result. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export type RunFunction<TInput = any, TOutput = any> = (
  task: JobTask<TInput, TOutput>,
  context: TaskContext,
) => RunOutcome<TOutput> | PromiseLike<RunOutcome<TOutput>>;

/** One call of a job. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface JobTask<TInput = any, TOutput = any> {
  /** `CASE-MODEL`. */
  id: string;
  testCase: TestCaseInput<TInput, TOutput>;
  runnerConfig: RunnerConfig;
  datasetId: string;
  /** The how-manieth answer to the case, from 0. */
  repeat: number;
}

/** A scorer of a job: a function of the result, or a scorer of `@aah/ai-evals/scorers`. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export type JobScorer<TOutput = any> =
  | ((
      result: RunResult<TOutput>,
      scorerConfig: ScorerConfig,
      context: { signal: AbortSignal },
    ) => AnswerScore | PromiseLike<AnswerScore>)
  | Pick<Scorer<TOutput, TOutput>, 'score'>;

/** Options of an orchestrator. */
export interface OrchestratorOptions {
  /** Jobs that run at once; further ones wait as `pending`. From 1, default 5. */
  maxConcurrentJobs?: number | undefined;
  /**
   * The executor that the calls of all jobs share. Its limits and its `concurrency` hold for all of them together; `concurrency`
   * of a job bounds that job. Default: the limits of `ParallelExecutor`, and any `concurrency`.
   */
  workerConfig?: WorkerConfig | undefined;
  /** A store that keeps answers as they come, and baselines. Default: all is held in memory. */
  store?: EvalStore | undefined;
  /** Thresholds of comparisons, over the defaults. */
  thresholds?: Partial<Record<ComparedMetric, Thresholds>> | undefined;
}
