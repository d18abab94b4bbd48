/** Failures of a task as data. */
import { native } from '../native.js';
import type { EvalError as TaskError } from '../types.js';
import { asCause, causeOf, headersOf, messageOf, partsOf, troubles } from './failure_chain.js';

/** A failure as the scheduler takes it. */
export interface TaskFailure {
  error: TaskError;
  /** 0: no refusal; 1: refused for its rate; 2: refused because the provider is overloaded. */
  refusal: number;
  /** Milliseconds to wait that its text names, 0 for none. */
  retryAfter: number;
  /** Rate-limit headers that came with it, as pairs of name and value. */
  headers: string[];
  /** The value that was thrown. */
  thrown: unknown;
}

/** Describes what was thrown: its text, its causes, the parts of an `AggregateError`, and whether trying again can help. */
export function describeFailure(thrown: unknown, testCaseId: string | undefined): TaskFailure {
  const judgement = native.classifyFailure(troubles(thrown));
  const error = evalError('execution', 'error', messageOf(thrown), judgement.retryable, testCaseId);
  const stack = stackOf(thrown);
  if (stack !== undefined) error.stack = stack;
  const [cause, errors] = [causeOf(thrown), partsOf(thrown)];
  if (cause !== undefined) error.cause = cause;
  if (errors !== undefined) error.errors = errors;
  const { refusal, retryAfter } = judgement;
  return { error, refusal, retryAfter, headers: headersOf(thrown), thrown };
}

function stackOf(thrown: unknown): string | undefined {
  try {
    const stack: unknown = (thrown as { stack?: unknown } | null | undefined)?.stack;
    return typeof stack === 'string' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** The error of a task that was given up, with the reason as its cause. */
export function givenUp(message: string, reason: unknown): TaskError {
  const error = evalError('execution', 'error', message, false);
  const cause = asCause(reason);
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** An {@link TaskError} of now. */
export function evalError(
  type: TaskError['type'],
  severity: TaskError['severity'],
  message: string,
  retryable: boolean,
  testCaseId?: string,
): TaskError {
  const error: TaskError = { type, severity, message, retryable, timestamp: new Date() };
  if (testCaseId !== undefined) error.testCaseId = testCaseId;
  return error;
}
