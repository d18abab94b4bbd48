/** Failures of a task as data. */
import { inspect } from 'node:util';
import { rateLimitHeaders } from '../limiter/headers.js';
import { native } from '../native.js';
import type { EvalError as TaskError } from '../types.js';

/** What the scheduler wants to know of a failure. */
export interface TaskFailure {
  error: TaskError;
  /** The provider refused the call for its rate (429). */
  refused: boolean;
  /** Rate-limit headers that came with it, as pairs of name and value. */
  headers: string[];
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown): Fields | undefined {
  return (typeof value === 'object' && value !== null) || typeof value === 'function' ? (value as Fields) : undefined;
}

/** Reads a property of a value that may throw when read. */
function read(value: Fields | undefined, key: string): unknown {
  try {
    return value?.[key];
  } catch {
    return undefined;
  }
}

/** An HTTP status in `status`, `statusCode` or `code` of the error, its response or its cause; 0 if there is none. */
function statusOf(error: Fields | undefined, depth = 0): number {
  if (error === undefined || depth > 3) return 0;
  for (const key of ['status', 'statusCode', 'code']) {
    const value = read(error, key);
    const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
    if (typeof status === 'number' && status >= 100 && status < 600) return status;
  }
  return statusOf(fieldsOf(read(error, 'response')), depth + 1) || statusOf(fieldsOf(read(error, 'cause')), depth + 1);
}

function codeOf(error: Fields | undefined, depth = 0): string {
  if (error === undefined || depth > 3) return '';
  const code = read(error, 'code') ?? read(error, 'errno');
  if (typeof code === 'string') return code;
  return codeOf(fieldsOf(read(error, 'cause')), depth + 1);
}

function messageOf(thrown: unknown, fields: Fields | undefined): string {
  const message = read(fields, 'message');
  if (typeof message === 'string') return message;
  if (fields === undefined) return String(thrown);
  return inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
}

/** Headers in `headers` or `responseHeaders` of the error, its response or its cause, and its `retryAfter` fields. */
function headersOf(error: Fields | undefined, depth = 0): string[] {
  if (error === undefined || depth > 3) return [];
  const found = [...rateLimitHeaders(read(error, 'headers')), ...rateLimitHeaders(read(error, 'responseHeaders'))];
  const [seconds, milliseconds] = [read(error, 'retryAfter'), read(error, 'retryAfterMs')];
  if (seconds instanceof Date) found.push('retry-after', seconds.toUTCString());
  else if (typeof seconds === 'number' || typeof seconds === 'string') found.push('retry-after', String(seconds));
  if (typeof milliseconds === 'number') found.push('retry-after-ms', String(milliseconds));
  if (found.length > 0) return found;
  const response = headersOf(fieldsOf(read(error, 'response')), depth + 1);
  return response.length > 0 ? response : headersOf(fieldsOf(read(error, 'cause')), depth + 1);
}

/** What was thrown, as data. A non-error's text is the message; a boolean `retryable` of its own is believed. */
export function describeFailure(thrown: unknown, testCaseId: string | undefined): TaskFailure {
  const fields = fieldsOf(thrown);
  const message = messageOf(thrown, fields);
  const status = statusOf(fields);
  const [name, stack, said] = [read(fields, 'name'), read(fields, 'stack'), read(fields, 'retryable')];
  const retryable =
    typeof said === 'boolean'
      ? said
      : native.retryable(status, codeOf(fields), typeof name === 'string' ? name : '', message);
  return {
    error: evalError(
      'execution',
      'error',
      message,
      retryable,
      testCaseId,
      typeof stack === 'string' ? stack : undefined,
    ),
    refused: status === 429,
    headers: headersOf(fields),
  };
}

/** An {@link TaskError} of now. */
export function evalError(
  type: TaskError['type'],
  severity: TaskError['severity'],
  message: string,
  retryable: boolean,
  testCaseId?: string,
  stack?: string,
): TaskError {
  const error: TaskError = { type, severity, message, retryable, timestamp: new Date() };
  if (testCaseId !== undefined) error.testCaseId = testCaseId;
  if (stack !== undefined) error.stack = stack;
  return error;
}
