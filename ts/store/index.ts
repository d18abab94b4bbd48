/** The result store. */
export { EvalStore } from './eval_store.js';
export type { ResultRows } from './result_rows.js';
export type { RunWriter } from './run_writer.js';
export { type RunDifference, StoreError, type StoreErrorCode } from './store_error.js';
export { type StoreLogEvent, setLogger } from './store_log.js';
export type {
  EvalBaseline,
  EvalMetrics,
  EvalResult,
  EvalRun,
  ExportOptions,
  InsertOptions,
  NewBaseline,
  NewMetrics,
  NewResult,
  NewRun,
  Page,
  PageRequest,
  ResultFilter,
  ResultKey,
  ResultOrder,
  RunComparison,
  RunEnd,
  RunFilter,
  RunStatus,
  StoreOptions,
  StorePoolStats,
  StoreSchema,
  StoreTls,
  WriterOptions,
} from './types.js';
