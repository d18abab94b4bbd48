/** Datasets, runners that ask models about them, and comparisons of models. */
export { passAtK, passHatK, verdictAgreement } from './comparison/consistency.js';
export { formatComparisonReport } from './comparison/format.js';
export { runModelComparison, runParallelComparison } from './comparison/run_model_comparison.js';
export type {
  AnswerVerdict,
  CaseAnswers,
  CaseComparison,
  CaseRunner,
  ComparedDataset,
  ComparedModel,
  ComparisonReport,
  ComparisonScorer,
  ModelComparisonOptions,
  ModelDifference,
  ModelFigures,
  NamedModel,
  RateInterval,
  RunnerObject,
} from './comparison/types.js';
export type { Dataset, DatasetCase, DatasetProblem, LoadedMetadata } from './dataset.js';
export type { ExportDatasetOptions } from './dataset_export.js';
export type { DatasetFileOptions } from './dataset_file.js';
export { type DatasetListing, DatasetManager, type DatasetValidation, type NewDataset } from './dataset_manager.js';
export { type LoadDatasetOptions, loadDataset } from './load_dataset.js';
export type { AiSdkModel } from './model/ai_sdk_model.js';
export { AnswerFormError } from './model/answer_json.js';
export { ChatError } from './model/chat_client.js';
export type { ChatMessage, ToolCall } from './model/language_model.js';
export type { EndpointModel, ModelProvider, ModelSource } from './model/model_source.js';
export type {
  AiSdkSchema,
  JsonSchemaObject,
  OutputSchema,
  SchemaOutput,
  StandardSchema,
} from './model/output_schema.js';
export type { Tool, ToolRun, ToolSet } from './model/tools.js';
export {
  type AnswerContext,
  type ModelRunMetadata,
  type ModelRunner,
  type ModelRunnerOptions,
  type ModelRunResult,
  modelRunner,
  type RunnerContext,
  type RunnerTask,
} from './model_runner.js';
export { costOfUsage, PRICES, PRICES_AS_OF, type Price, type PriceTable, priceOf } from './prices.js';
export type { Prompt, PromptSource } from './prompt.js';
export { type AdvisingInput, type AdvisingOutput, AdvisingRunner } from './runners/advising_runner.js';
export { BaseRunner, type RunDatasetOptions, type RunnerOptions } from './runners/base_runner.js';
export { type ComplianceInput, type ComplianceOutput, ComplianceRunner } from './runners/compliance_runner.js';
export {
  type ConversationalInput,
  type ConversationalOutput,
  ConversationalRunner,
} from './runners/conversational_runner.js';
export { RAGRunner, type RagDocument, type RagInput, type RagOutput } from './runners/rag_runner.js';
export {
  type RiskPredictionInput,
  type RiskPredictionOutput,
  RiskPredictionRunner,
} from './runners/risk_prediction_runner.js';
export type { CaseFields } from './test_case_form.js';
