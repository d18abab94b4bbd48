/** The errors behind a failure, as data: what was thrown, its causes, and what clients wrap in fields of their own. */
import { inspect } from 'node:util';
import type { TroubleValues } from '../binding.cjs';
import { rateLimitHeaders } from '../limiter/headers.js';
import type { ErrorCause } from '../types.js';

type Fields = Record<string, unknown>;

/** Errors looked at, at most: a chain may be a circle. */
const MOST = 16;
/** Fields in which clients carry the error that they stand for, or the provider's answer. */
const INNER = ['lastError', 'cause', 'error', 'response', 'data', 'body', '$response', 'originalError', 'reason'];
const STATUS = ['status', 'statusCode', 'httpStatus', 'http_status', 'httpStatusCode', 'code', 'error_code'];
const CODES = ['code', 'errno', 'type', 'Code', '__type', 'status', 'reason', 'error_type'];

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

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The text of what was thrown; that of a non-error is the value itself. */
export function messageOf(thrown: unknown): string {
  const fields = fieldsOf(thrown);
  const message = read(fields, 'message');
  if (typeof message === 'string') return message;
  if (fields === undefined) return String(thrown);
  try {
    return inspect(thrown, { depth: 2, breakLength: Number.POSITIVE_INFINITY });
  } catch {
    return 'an object that cannot be read';
  }
}

/** Lists what was thrown and everything within it that tells about the failure, outermost first. */
function linksOf(thrown: unknown): Fields[] {
  const links: Fields[] = [];
  const seen = new Set<unknown>();
  const add = (value: unknown, depth: number): void => {
    const fields = fieldsOf(parsed(value));
    if (fields === undefined || depth > 6 || links.length >= MOST || seen.has(fields)) return;
    seen.add(fields);
    // A retrying client's last error is the failure; those before it, and its own text, are history.
    const last = read(fields, 'lastError');
    if (fieldsOf(last) !== undefined) {
      add(last, depth + 1);
      return;
    }
    links.push(fields);
    for (const key of INNER) add(read(fields, key), depth + 1);
    add(read(fields, 'responseBody'), depth + 1);
    const parts = read(fields, 'errors');
    if (Array.isArray(parts)) for (const part of parts) add(part, depth + 1);
  };
  add(thrown, 0);
  return links;
}

/** A body that a client has left as text. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('{')) return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function statusOf(link: Fields): number {
  for (const source of [link, fieldsOf(read(link, '$metadata')), fieldsOf(read(link, 'output'))]) {
    for (const key of source === undefined ? [] : STATUS) {
      const value = read(source, key);
      const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
      if (typeof status === 'number' && status >= 100 && status < 600) return status;
    }
  }
  return 0;
}

/** The code of a gRPC error: a small number beside `details` or `metadata`, as grpc-js and Connect have it. */
function grpcStatusOf(link: Fields): number {
  const code = read(link, 'code');
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 1 || code > 16) return 0;
  const message = text(read(link, 'message'));
  const isGrpc =
    typeof read(link, 'details') === 'string' ||
    fieldsOf(read(link, 'metadata')) !== undefined ||
    read(link, 'rawMessage') !== undefined ||
    message.startsWith(`${code} `);
  return isGrpc ? code : 0;
}

/** The opinion an error has of itself. */
function opinionOf(link: Fields): boolean | undefined {
  for (const key of ['retryable', 'isRetryable']) {
    const said = read(link, key);
    if (typeof said === 'boolean') return said;
  }
  const headers = headersIn(link);
  const at = headers.indexOf('x-should-retry');
  if (at >= 0 && (headers[at + 1] === 'true' || headers[at + 1] === 'false')) return headers[at + 1] === 'true';
  // The AWS SDK marks what it would have tried again.
  return fieldsOf(read(link, '$retryable')) === undefined ? undefined : true;
}

/** The chain as the engine judges it. */
export function troubles(thrown: unknown): TroubleValues[] {
  const links = linksOf(thrown);
  if (links.length === 0) {
    return [{ status: 0, grpc: 0, codes: '', name: '', message: String(thrown) }];
  }
  return links.map((link, index) => {
    const codes = CODES.map((key) => read(link, key)).filter((code) => typeof code === 'string' && !code.includes(' '));
    const trouble: TroubleValues = {
      status: statusOf(link),
      grpc: grpcStatusOf(link),
      codes: codes.join(' '),
      name: text(read(link, 'name')),
      message: index === 0 ? messageOf(link) : text(read(link, 'message')),
    };
    const retryable = opinionOf(link);
    if (retryable !== undefined) trouble.retryable = retryable;
    return trouble;
  });
}

function headersIn(link: Fields): string[] {
  return [...rateLimitHeaders(read(link, 'headers')), ...rateLimitHeaders(read(link, 'responseHeaders'))];
}

/** Rate-limit headers that came with a failure, and its `retryAfter` fields, as pairs of name and value. */
export function headersOf(thrown: unknown): string[] {
  for (const link of linksOf(thrown)) {
    const found = [...headersIn(link), ...rateLimitHeaders(read(link, 'metadata'))];
    const [seconds, milliseconds] = [read(link, 'retryAfter'), read(link, 'retryAfterMs')];
    if (seconds instanceof Date) found.push('retry-after', seconds.toUTCString());
    else if (typeof seconds === 'number' || typeof seconds === 'string') found.push('retry-after', String(seconds));
    if (typeof milliseconds === 'number') found.push('retry-after-ms', String(milliseconds));
    if (found.length > 0) return found;
  }
  return [];
}

/** The cause of an error and those behind it, as data; `undefined` when there is none. */
export function causeOf(thrown: unknown): ErrorCause | undefined {
  return describe(read(fieldsOf(thrown), 'cause'), new Set([thrown]), 0);
}

/** The parts of an `AggregateError`, as data. */
export function partsOf(thrown: unknown): ErrorCause[] | undefined {
  return describeParts(fieldsOf(thrown), new Set([thrown]), 0);
}

/** Describes what was thrown as a cause. */
export function asCause(thrown: unknown): ErrorCause | undefined {
  return describe(thrown, new Set(), 0);
}

function describe(value: unknown, seen: Set<unknown>, depth: number): ErrorCause | undefined {
  if (value === undefined || value === null || seen.has(value) || depth >= MOST) return undefined;
  seen.add(value);
  const fields = fieldsOf(value);
  const cause: ErrorCause = { message: messageOf(value) };
  for (const key of ['name', 'stack'] as const) {
    const told = read(fields, key);
    if (typeof told === 'string') cause[key] = told;
  }
  const code = read(fields, 'code');
  if (typeof code === 'string' || typeof code === 'number') cause.code = code;
  const [inner, errors] = [describe(read(fields, 'cause'), seen, depth + 1), describeParts(fields, seen, depth + 1)];
  if (inner !== undefined) cause.cause = inner;
  if (errors !== undefined) cause.errors = errors;
  return cause;
}

function describeParts(fields: Fields | undefined, seen: Set<unknown>, depth: number): ErrorCause[] | undefined {
  const parts = read(fields, 'errors');
  if (!Array.isArray(parts) || !(fields instanceof Error || typeof read(fields, 'message') === 'string'))
    return undefined;
  const described = parts.slice(0, 100).map((part) => describe(part, seen, depth + 1));
  return described.filter((part) => part !== undefined);
}
