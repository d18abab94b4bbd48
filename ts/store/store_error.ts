/** Errors of the result store. */
import { AiEvalsError, type AiEvalsErrorCode, ArgumentRangeError, ArgumentTypeError } from '../errors.js';
import { fromNative } from '../native.js';

/** The codes of a {@link StoreError}. */
export type StoreErrorCode = Extract<AiEvalsErrorCode, `ERR_STORE_${string}` | 'ERR_CLOSED'>;

/** A difference between a stored run and the one that was to be resumed. */
export interface RunDifference {
  /** The place, such as `modelConfig.temperature`. */
  path: string;
  stored: unknown;
  given: unknown;
}

/** Facts that an error of the store may carry. */
export interface StoreErrorFacts {
  retryable?: boolean | undefined;
  written?: number | undefined;
  row?: number | undefined;
  column?: string | undefined;
  sqlState?: string | undefined;
  differences?: RunDifference[] | undefined;
}

/** A failure of the store. The message says what was wrong, where, and what to do. The store works on after it. */
export class StoreError extends AiEvalsError {
  declare readonly code: StoreErrorCode;
  /** True if the same call can succeed later. */
  readonly retryable: boolean;
  /** Rows that are stored all the same, when a call that stores several fails. */
  declare readonly written?: number;
  /** The row that is at fault, from 0. */
  declare readonly row?: number;
  /** The column that is at fault. */
  declare readonly column?: string;
  /** The SQLSTATE of PostgreSQL, or the result code of SQLite. */
  declare readonly sqlState?: string;
  /** The reasons of `ERR_STORE_RUN_MISMATCH`. */
  declare readonly differences?: RunDifference[];

  constructor(code: StoreErrorCode, message: string, facts: StoreErrorFacts = {}, options?: ErrorOptions) {
    super(code, message, options);
    this.retryable = facts.retryable ?? false;
    const { written, row, column, sqlState, differences } = facts;
    if (written !== undefined) this.written = written;
    if (row !== undefined) this.row = row;
    if (column !== undefined) this.column = column;
    if (sqlState !== undefined) this.sqlState = sqlState;
    if (differences !== undefined) this.differences = differences;
  }
}

/** Errors after which the same transaction may succeed at once: deadlocks, and connections that were lost. */
const transient = new WeakSet<object>();

/** Returns whether a transaction that failed with `error` is worth being repeated at once. */
export function isTransient(error: unknown): boolean {
  return typeof error === 'object' && error !== null && transient.has(error);
}

/** Takes note that a transaction may have been stored in spite of `error`: it must not be repeated. */
export function markUncertain(error: unknown): void {
  if (typeof error === 'object' && error !== null) transient.delete(error);
}

interface EngineError extends StoreErrorFacts {
  transient?: boolean;
  code: string;
  message: string;
}

/** Turns what a call of the engine rejected with into an error of this realm. */
export function fromStore(error: unknown): Error {
  if (error instanceof AiEvalsError || error instanceof ArgumentRangeError || error instanceof ArgumentTypeError) {
    return error;
  }
  const told = engineError(error);
  if (told === undefined) return fromNative(error);
  const { code, message, ...facts } = told;
  const { row, column } = facts;
  if (code === 'ERR_OUT_OF_RANGE') return Object.assign(new ArgumentRangeError(message), defined({ row, column }));
  if (code === 'ERR_INVALID_ARG_TYPE') return Object.assign(new ArgumentTypeError(message), defined({ row, column }));
  if (code === 'ERR_CLOSED' || code.startsWith('ERR_STORE_')) {
    const made = new StoreError(code as StoreErrorCode, message, facts);
    if (facts.transient) transient.add(made);
    return made;
  }
  return fromNative(Object.assign(new Error(message), { code }));
}

/** Resolves as `call`, a call of the engine, does; what it rejects with becomes an error of this realm. */
export async function engine<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromStore(error);
  }
}

/** The error of an object that was closed. */
export function closed(what: string): StoreError {
  return new StoreError('ERR_CLOSED', `${what} was closed; open another`);
}

/** Adds to `error`, of whatever kind, how many rows are stored all the same. */
export function withWritten(error: unknown, written: number): unknown {
  if (typeof error !== 'object' || error === null) return error;
  try {
    Object.defineProperty(error, 'written', { value: written, enumerable: true, configurable: true, writable: true });
  } catch {
    // A frozen error of the caller's own stays as it is.
  }
  return error;
}

function defined<T extends object>(facts: T): Partial<T> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function engineError(error: unknown): EngineError | undefined {
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  const text = String(error.message);
  if (!text.startsWith('{')) return undefined;
  try {
    const told = JSON.parse(text) as Partial<EngineError>;
    return typeof told.code === 'string' && typeof told.message === 'string' ? (told as EngineError) : undefined;
  } catch {
    return undefined;
  }
}
