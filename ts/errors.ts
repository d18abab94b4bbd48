/**
 * Errors of the package: real subclasses of the realm's own `Error`, `RangeError` and `TypeError` (so `instanceof` holds
 * inside Jest's sandbox too), each with a stable `code` to branch on and a message that says what was wrong and what to do.
 */

/** The codes an {@link AiEvalsError} can carry. */
export type AiEvalsErrorCode =
  | 'ERR_NATIVE_LOAD'
  | 'ERR_NATIVE_PANIC'
  | 'ERR_NATIVE'
  | 'ERR_TIMEOUT'
  | 'ERR_ABORTED'
  | 'ERR_CLOSED'
  | 'ERR_DATASET'
  | 'ERR_STORAGE'
  | 'ERR_QUOTA_EXHAUSTED'
  | 'ERR_BENCHMARK'
  | 'ERR_BASELINE';

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
