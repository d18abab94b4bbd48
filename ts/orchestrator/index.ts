/** Jobs, their comparison with baselines, and reports. */
export { BaselineComparator } from './baseline_comparator.js';
export { EvalOrchestrator, type ExecuteOptions } from './eval_orchestrator.js';
export { JobManager, type ProgressUpdate } from './job_manager.js';
export { persistEvalReport } from './persist_report.js';
export type { ReportOptions } from './report/report_parts.js';
export { ReportGenerator, type ReportInput } from './report_generator.js';
export type { AllThresholds } from './thresholds.js';
export type {
  AnswerScore,
  Baseline,
  BaselineComparison,
  CaseOutcome,
  CategoryMetrics,
  ComparedMetric,
  EvalJob,
  EvalReport,
  GivenMetrics,
  Improvement,
  JobConfig,
  JobDataset,
  JobProgress,
  JobScorer,
  JobStatus,
  JobTask,
  MetricChange,
  Metrics,
  OrchestratorOptions,
  QueueStats,
  Recommendation,
  Regression,
  ReportSummary,
  RunFunction,
  RunOutcome,
  RunSummary,
  ScorerConfig,
  ScoringResult,
  Thresholds,
  Unjudged,
} from './types.js';
