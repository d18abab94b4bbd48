/** Types of the result store. Times are `Date`s, durations milliseconds, sizes bytes, costs US dollars. */

/** A state of a run. Rows of other programs may hold others. */
export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled';

/** Certificates and checks of an encrypted connection to PostgreSQL. */
export interface StoreTls {
  /** Certificate authorities to trust, as PEM text. Default: those of the system. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate, as PEM text. */
  cert?: string | Uint8Array | undefined;
  /** The key of `cert`, as PEM text. */
  key?: string | Uint8Array | undefined;
  /** `false` accepts any certificate. Default `true`. */
  rejectUnauthorized?: boolean | undefined;
  /** The name that the server's certificate has to hold. Default: the host of the URL. */
  servername?: string | undefined;
}

/** Options of {@link EvalStore.open}. */
export interface StoreOptions {
  /** Connections to PostgreSQL, from 1. Default 10. SQLite has one that writes and four that read. */
  maxConnections?: number | undefined;
  /** Milliseconds that a call waits for a connection, retries of lost ones included. Default 30,000. */
  acquireTimeout?: number | undefined;
  /** Milliseconds that a write waits for the writes of others, then `ERR_STORE_BUSY`. Default 30,000. */
  lockTimeout?: number | undefined;
  /** Milliseconds that a statement may take, then `ERR_STORE_TIMEOUT`. Default 60,000. */
  statementTimeout?: number | undefined;
  /** `'auto'` (default) creates and extends tables; `'check'` refuses with `ERR_STORE_SCHEMA` instead. */
  migrate?: 'auto' | 'check' | undefined;
  /** PostgreSQL schema of what Prisma does not know. Default `'ai_evals'`. */
  schema?: string | undefined;
  /** The largest row, in bytes of its texts. Default 64 MiB. */
  maxRowBytes?: number | undefined;
  /**
   * - `'process'` (default): what was acknowledged survives `kill -9`.
   * - `'power'`: it survives a power cut too, at the price of a sync for each commit.
   */
  durability?: 'process' | 'power' | undefined;
  /** The password, or a function that gives it; called before connecting, and again when the server refuses the last one. */
  password?: string | (() => string | Promise<string>) | undefined;
  /** TLS of a PostgreSQL connection. */
  tls?: StoreTls | undefined;
}

/** The tables that {@link EvalStore.open} found or made. */
export interface StoreSchema {
  /** Version of our own objects. */
  version: number;
  /** `true` when another program, such as Prisma, had made the tables. */
  adopted: boolean;
  /** Names of the objects that this `open` added. */
  added: string[];
}

/** Connections of a store. */
export interface StorePoolStats {
  max: number;
  /** Open connections. */
  size: number;
  /** Open connections that nobody uses. */
  idle: number;
  /** Calls that wait for a connection. */
  waiting: number;
}

/** A run, as it is stored. A column that holds NULL is left out. */
export interface EvalRun {
  id: string;
  datasetId: string;
  datasetVersion: string;
  datasetName?: string;
  modelId: string;
  modelConfig: unknown;
  runnerType: string;
  scorerConfig: unknown;
  startTime: Date;
  endTime?: Date;
  durationMs?: number;
  /** A {@link RunStatus}, or what another program wrote. */
  status: string;
  error?: string;
  metadata?: unknown;
  createdAt: Date;
  updatedAt: Date;
}

/** A run to be created. */
export interface NewRun {
  /** Default: a new one. */
  id?: string | undefined;
  datasetId: string;
  datasetVersion: string;
  datasetName?: string | null | undefined;
  modelId: string;
  /** Any JSON value. Default `{}`. */
  modelConfig?: unknown;
  /** Default `'custom'`. */
  runnerType?: string | undefined;
  /** Any JSON value. Default `{}`. */
  scorerConfig?: unknown;
  /** Default: now. */
  startTime?: Date | undefined;
  endTime?: Date | null | undefined;
  /** Milliseconds, from 0 to 2^31 − 1. */
  durationMs?: number | null | undefined;
  /** Default `'running'`; of `saveRun` `'completed'`. */
  status?: string | undefined;
  error?: string | null | undefined;
  /** Any JSON value. */
  metadata?: unknown;
}

/** A result to be stored. Its key is (`runId`, `testCaseId`, `repeat`). */
export interface NewResult {
  runId: string;
  /** 1–1024 UTF-16 units. */
  testCaseId: string;
  /** The how-manieth answer to the case, from 0 to 2^31 − 1. Default 0. */
  repeat?: number | undefined;
  /** The place in the dataset, from 0 to 2^31 − 1. */
  index?: number | undefined;
  category?: string | undefined;
  /** Any JSON value. */
  input: unknown;
  /** Any JSON value. */
  expected: unknown;
  /** Any JSON value. Default `null`. */
  actual?: unknown;
  passed: boolean;
  /** Any finite number. */
  score: number;
  /** Any finite number. */
  confidence?: number | undefined;
  explanation?: string | undefined;
  /** Milliseconds, from 0 to 2^31 − 1; stored as a whole number. */
  latencyMs: number;
  /** Any JSON value, such as `{ prompt, completion, total }`. Default `{}`. */
  tokenUsage?: unknown;
  /** Any finite number. Default 0. */
  cost?: number | undefined;
  /** Any JSON value. */
  metadata?: unknown;
  /** Default: now. */
  createdAt?: Date | undefined;
}

/** A result, as it is stored. A column that holds NULL is left out. */
export interface EvalResult {
  /** Made of `runId`, `testCaseId` and `repeat`; another text where another program wrote the row. */
  id: string;
  runId: string;
  testCaseId: string;
  repeat: number;
  index?: number;
  category?: string;
  input: unknown;
  expected: unknown;
  actual: unknown;
  passed: boolean;
  score: number;
  confidence?: number;
  explanation?: string;
  latencyMs: number;
  tokenUsage: unknown;
  cost: number;
  metadata?: unknown;
  createdAt: Date;
}

/** The figures of a run. Rates are 0–1. */
export interface EvalMetrics {
  id: string;
  runId: string;
  totalTests: number;
  passedTests: number;
  failedTests: number;
  accuracy: number;
  passRate: number;
  avgScore: number;
  avgLatencyMs: number;
  totalCost: number;
  /** Clamped to 2^31 − 1; exact in `EvalRun.metadata.aiEvals`. */
  totalTokens: number;
  categoryBreakdown?: unknown;
  failuresByType?: unknown;
  scoreDistribution?: unknown;
  createdAt: Date;
}

/** Figures that take the place of computed ones. */
export type NewMetrics = Partial<Omit<EvalMetrics, 'id' | 'runId' | 'createdAt'>>;

/** A named run that others are compared with. */
export interface EvalBaseline {
  id: string;
  name: string;
  description: string;
  runId: string;
  datasetId: string;
  modelId: string;
  isActive: boolean;
  tags: string[];
  metadata?: unknown;
  createdAt: Date;
  updatedAt: Date;
}

/** A baseline to be set. One of the same name is replaced. */
export interface NewBaseline {
  name: string;
  /** Default `''`. */
  description?: string | undefined;
  runId: string;
  /** Default: the run's. */
  datasetId?: string | undefined;
  /** Default: the run's. */
  modelId?: string | undefined;
  /** Default `true`. */
  isActive?: boolean | undefined;
  tags?: readonly string[] | undefined;
  /** Any JSON value. */
  metadata?: unknown;
}

/** The changes from run A to run B, by test case and repeat. */
export interface RunComparison {
  /** Cases in both runs. */
  both: number;
  onlyA: number;
  onlyB: number;
  /** Cases that B alone passes. */
  fixed: number;
  /** Cases that A alone passes. */
  broken: number;
  /** Mean score of B less that of A, over the cases in both. */
  scoreDelta: number;
  /** McNemar's exact p of `fixed` and `broken`. */
  pValue: number;
}

/** The end of a run. */
export interface RunEnd {
  /** Default `'completed'`. */
  status?: 'completed' | 'failed' | 'cancelled' | undefined;
  error?: string | undefined;
}

/** The key of a result within its run. */
export interface ResultKey {
  testCaseId: string;
  /** Default 0. */
  repeat?: number | undefined;
}

/** Options of {@link EvalStore.insertResults}. */
export interface InsertOptions {
  /** `true` (default) leaves a row alone that is there; `false` makes the first one `ERR_STORE_CONFLICT`. */
  skipDuplicates?: boolean | undefined;
  /** `true` stores all rows or none. Rows of an asynchronous source are then gathered first. Default `false`. */
  atomic?: boolean | undefined;
  /** Rows of a transaction, 1–10,000. Default 1000. */
  batchSize?: number | undefined;
  /** Ends the call between two batches. */
  signal?: AbortSignal | undefined;
}

/** Options of {@link EvalStore.writer}. */
export interface WriterOptions {
  /** Milliseconds a row waits for others, from 0. Default 50. */
  flushMs?: number | undefined;
  /** Rows that are written without waiting any longer. Default 500. */
  maxRows?: number | undefined;
  /** Bytes of texts that are written without waiting any longer. Default 4 MiB. */
  maxBytes?: number | undefined;
}

/** A part of a list. */
export interface PageRequest {
  /** 1–10,000. Default 100. */
  limit?: number | undefined;
  /** `next` of the page before. */
  cursor?: string | undefined;
}

/** A page of a list; `next` is the cursor of the page behind it, `undefined` on the last. */
export interface Page<T> {
  items: T[];
  next: string | undefined;
}

/** Runs to be listed, newest first. */
export interface RunFilter {
  datasetId?: string | undefined;
  modelId?: string | undefined;
  runnerType?: string | undefined;
  status?: string | undefined;
  /** Runs that started then or later. */
  since?: Date | undefined;
  /** Runs that started then or earlier. */
  until?: Date | undefined;
}

/** An order of results. `'dataset'`: by `index`, then `repeat`. */
export type ResultOrder = 'dataset' | 'createdAt' | 'score' | '-score';

/** Results to be listed. */
export interface ResultFilter {
  passed?: boolean | undefined;
  /** Inclusive. */
  minScore?: number | undefined;
  /** Inclusive. */
  maxScore?: number | undefined;
  testCaseId?: string | undefined;
  category?: string | undefined;
  /** Default `'dataset'`. */
  order?: ResultOrder | undefined;
}

/** Options of {@link EvalStore.export}. */
export interface ExportOptions {
  /** Default: by the ending of the file, else `'jsonl'`. */
  format?: 'jsonl' | 'csv' | undefined;
}
