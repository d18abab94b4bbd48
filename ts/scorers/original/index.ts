/** Scorers under the names that code written against the original package uses. */
export {
  type CaseMetrics,
  type CaseResult,
  calculateMetrics,
  type GroupMetrics,
  type ScorerMetrics,
} from './case_metrics.js';
export type { CaseScore, CaseScorer } from './case_score.js';
export { CommonRubrics, type Criterion, type Rubric } from './common_rubrics.js';
export {
  type CreateScorerConfig,
  type CustomResult,
  type CustomScorer,
  createScorer,
  type ScorableResult,
  type ScorerStrategy,
  type ScorerType,
  scoreResult,
  type TestCaseScorer,
  type ValuedScore,
} from './create_scorer.js';
export { ExactMatchScorer, type ExactMatchScorerOptions } from './exact_match_scorer.js';
export { LLMJudgeScorer, type LLMJudgeScorerOptions } from './llm_judge_scorer.js';
export { formatMetricsReport, metricsToCSV, metricsToJSON } from './metrics_report.js';
export {
  f1Scorer,
  PrecisionRecallScorer,
  type PrecisionRecallScorerOptions,
  precisionScorer,
  recallScorer,
} from './precision_recall_scorer.js';
export {
  CommonRecallConfigs,
  RecallAtKScorer,
  type RecallAtKScorerOptions,
  RecallAtKSuite,
  type RecallAtKSuiteOptions,
} from './recall_at_k_scorer.js';
export { SemanticSimilarityScorer, type SemanticSimilarityScorerOptions } from './semantic_similarity_scorer.js';
