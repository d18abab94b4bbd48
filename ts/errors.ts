/**
 * Errors of the package: real subclasses of the realm's own `Error`, `RangeError` and `TypeError` (so `instanceof` holds
 * inside Jest's sandbox too), each with a stable `code` to branch on and a message that says what was wrong and what to do.
 */

/** The codes an {@link AiEvalsError} can carry, besides `ERR_OUT_OF_RANGE` and `ERR_INVALID_ARG_TYPE` of wrong arguments. */
export type AiEvalsErrorCode =
  /** The native library is missing, does not open, or is of another version ({@link NativeLoadError}). */
  | 'ERR_NATIVE_LOAD'
  /** A bug in the engine, caught at the boundary ({@link NativePanicError}). */
  | 'ERR_NATIVE_PANIC'
  /** Node-API refused a call; a bug of the facade. */
  | 'ERR_NATIVE'
  /** The object was used after its `close()` or `end()`. */
  | 'ERR_CLOSED'
  /** A dataset cannot be read; the message names the file, the line and the field. */
  | 'ERR_DATASET'
  /** A temporary file or another store cannot be written or read. */
  | 'ERR_STORAGE'
  /** A provider's daily or monthly budget is used up; the message says until when. */
  | 'ERR_QUOTA_EXHAUSTED'
  /** A benchmarked function threw; the message names the benchmark, `cause` is what it threw. */
  | 'ERR_BENCHMARK'
  /** The object's options do not offer this call; the message says what to do instead. */
  | 'ERR_UNSUPPORTED'
  /** A cache in mode `'replay'` has no entry ({@link CacheMissError}). */
  | 'ERR_CACHE_MISS'
  /** A function that computes a value for a cache asked that cache for the same value, itself or through another. */
  | 'ERR_CIRCULAR_WAIT'
  /** The worker thread of an `executeModule` call exited or ran out of memory; its task alone is lost. */
  | 'ERR_WORKER_DIED'
  /** A regular expression uses look-around or back-references, which linear time does not allow. */
  | 'ERR_UNSUPPORTED_PATTERN'
  /** A judging model gave no usable verdict, however often it was asked. */
  | 'ERR_MALFORMED_VERDICT'
  /** The imported or loaded document is no baseline. */
  | 'ERR_BASELINE'
  /** There is no such baseline of an orchestrator, or none at all. */
  | 'ERR_BASELINE_NOT_FOUND'
  /** There is no such job. */
  | 'ERR_JOB_NOT_FOUND'
  /** A job is in a state that does not allow the call. */
  | 'ERR_JOB_STATE'
  /** No URL of a result store, or a parameter of it that there is not. */
  | 'ERR_STORE_URL'
  /** The server of a result store cannot be reached; can be tried again. */
  | 'ERR_STORE_CONNECT'
  /** The server of a result store refuses user or password. */
  | 'ERR_STORE_AUTH'
  /** No encrypted connection to the server of a result store. */
  | 'ERR_STORE_TLS'
  /** The tables of a result store are newer, lack columns, or may not be created. */
  | 'ERR_STORE_SCHEMA'
  /** Others held a lock for too long; can be tried again. */
  | 'ERR_STORE_BUSY'
  /** No connection was free in time, or a statement took too long; can be tried again. */
  | 'ERR_STORE_TIMEOUT'
  /** The disk of a result store is full. */
  | 'ERR_STORE_FULL'
  /** The file or the transaction of a result store is read-only. */
  | 'ERR_STORE_READ_ONLY'
  /** The file of a result store is damaged, or is none. */
  | 'ERR_STORE_CORRUPT'
  /** A row of this key is there already. */
  | 'ERR_STORE_CONFLICT'
  /** There is no such run. */
  | 'ERR_STORE_NOT_FOUND'
  /** The stored run has other settings than the one that was to be resumed. */
  | 'ERR_STORE_RUN_MISMATCH'
  /** Another process holds the run. */
  | 'ERR_STORE_RUN_BUSY';

/** Base of every error that is not a plain misuse of an argument. */
export class AiEvalsError extends Error {
  /** Stable, machine-readable reason. */
  readonly code: AiEvalsErrorCode;

  constructor(code: AiEvalsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The native library could not be loaded. The message names the missing package and the innermost reason. */
export class NativeLoadError extends AiEvalsError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NATIVE_LOAD', message, options);
  }
}

/** A bug in the native engine: a panic that was caught at the boundary. The process goes on. */
export class NativePanicError extends AiEvalsError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NATIVE_PANIC', message, options);
  }
}

/** A dataset that cannot be read. The message names the file and, for a bad record, its line and byte offset. */
export class DatasetError extends AiEvalsError {
  /** The file. */
  readonly file: string;
  /** First line of the bad record, from 1; `undefined` when the file as a whole is the problem. */
  readonly line: number | undefined;
  /** Offset of the bad record's first byte (in the decompressed text of a compressed file). */
  readonly byteOffset: number | undefined;

  constructor(file: string, line: number | undefined, byteOffset: number | undefined, reason: string) {
    const place = line === undefined ? '' : `:${line}`;
    const offset = line === undefined || byteOffset === undefined ? '' : ` (line ${line}, byte offset ${byteOffset})`;
    super('ERR_DATASET', `${file}${place}: ${reason}${offset}`);
    this.file = file;
    this.line = line;
    this.byteOffset = byteOffset;
  }
}

/** An argument of the right type with a value that cannot be used (0, negative, NaN, fractional, too large). */
export class ArgumentRangeError extends RangeError {
  readonly code = 'ERR_OUT_OF_RANGE';
  override name = 'ArgumentRangeError';
}

/** An argument of the wrong type. */
export class ArgumentTypeError extends TypeError {
  readonly code = 'ERR_INVALID_ARG_TYPE';
  override name = 'ArgumentTypeError';
}
