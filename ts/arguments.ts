/**
 * The one place where arguments are checked: a wrong type is an {@link ArgumentTypeError}, a value that cannot be used an
 * {@link ArgumentRangeError}; both name the argument, what it must be and what it was. Each check returns the value.
 */
import { inspect } from 'node:util';
import { ArgumentRangeError, ArgumentTypeError } from './errors.js';

function shown(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 60, maxArrayLength: 3, breakLength: Number.POSITIVE_INFINITY });
}

/** Throws the error for an argument of the wrong type. */
export function wrongType(name: string, expected: string, value: unknown): never {
  throw new ArgumentTypeError(`${name} must be ${expected}, got ${shown(value)}`);
}

/** Throws the error for an argument of the right type with an unusable value. */
export function outOfRange(name: string, expected: string, value: unknown): never {
  throw new ArgumentRangeError(`${name} must be ${expected}, got ${shown(value)}`);
}

function number(name: string, expected: string, value: unknown): number {
  return typeof value === 'number' ? value : wrongType(name, expected, value);
}

/** A whole number of at least 1 (and at most `max`, by default 2^53 − 1). */
export function positiveInteger(name: string, value: unknown, max = Number.MAX_SAFE_INTEGER): number {
  const expected = max === Number.MAX_SAFE_INTEGER ? 'a whole number of at least 1' : `a whole number from 1 to ${max}`;
  const n = number(name, expected, value);
  return Number.isInteger(n) && n >= 1 && n <= max ? n : outOfRange(name, expected, value);
}

/** A whole number of at least 0. */
export function nonNegativeInteger(name: string, value: unknown): number {
  const n = number(name, 'a whole number of at least 0', value);
  return Number.isSafeInteger(n) && n >= 0 ? n : outOfRange(name, 'a whole number of at least 0', value);
}

/** A number above 0; `Infinity` passes. */
export function positiveNumber(name: string, value: unknown): number {
  const n = number(name, 'a number above 0', value);
  return n > 0 ? n : outOfRange(name, 'a number above 0', value);
}

/** A finite number of at least 0. */
export function nonNegativeNumber(name: string, value: unknown): number {
  const n = number(name, 'a finite number of at least 0', value);
  return n >= 0 && Number.isFinite(n) ? n : outOfRange(name, 'a finite number of at least 0', value);
}

/** A string. */
export function string(name: string, value: unknown): string {
  return typeof value === 'string' ? value : wrongType(name, 'a string', value);
}

/** A function. */
export function callable<F extends (...args: never[]) => unknown>(name: string, value: F): F {
  return typeof value === 'function' ? value : wrongType(name, 'a function', value);
}

/** An options object; `undefined` and `null` read as `{}`. */
export function options<T extends object>(name: string, value: T | null | undefined): Partial<T> {
  if (value === undefined || value === null) return {};
  const isOptions = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isOptions ? value : wrongType(name, 'an options object', value);
}

/** An `AbortSignal`, of any realm, or `undefined`. */
export function signal(name: string, value: AbortSignal | undefined): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const isSignal = typeof value === 'object' && value !== null && typeof value.addEventListener === 'function';
  return isSignal ? value : wrongType(name, 'an AbortSignal', value);
}

/** Anything that can be iterated, but for a string (which is rarely meant). */
export function iterable<T extends Iterable<unknown>>(name: string, value: T): T {
  const iterates = typeof value === 'object' && value !== null && typeof value[Symbol.iterator] === 'function';
  return iterates ? value : wrongType(name, 'an iterable', value);
}
