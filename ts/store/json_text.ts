/** JSON texts of columns: what `JSON.stringify` gives, or an error that names the place. */
import { ArgumentTypeError } from '../errors.js';
import { memberPath } from '../value/path.js';
import { isStackOverflow } from '../value/stack_overflow.js';

/** A place in the arguments, for messages: made only when one is needed. */
export type Place = () => string;

/**
 * Returns the JSON text of `value`. Throws {@link ArgumentTypeError}, with the path, for a `bigint`, a function, a value
 * that holds itself, `undefined`, and one nested too deep for the call stack. O(size of the value).
 */
export function jsonText(value: unknown, place: Place): string {
  if (typeof value === 'string') return JSON.stringify(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
    if (text !== undefined && (typeof value !== 'object' || value === null || !holdsFunction(value))) return text;
  } catch (error) {
    if (isStackOverflow(error)) throw new ArgumentTypeError(`${place()} is nested too deep to have a JSON text`);
    if (!(error instanceof TypeError) && !isTypeError(error)) throw error;
    return refuse(value, place(), error);
  }
  return refuse(value, place());
}

/** Errors of another realm, such as Jest's sandbox. */
function isTypeError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TypeError';
}

/** Returns whether JSON would lose a function of `value`, which is known to hold no cycle. */
function holdsFunction(value: object): boolean {
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false;
  if (Array.isArray(value)) {
    for (const element of value) if (loses(element)) return true;
    return false;
  }
  for (const name in value) {
    if (Object.hasOwn(value, name) && loses((value as Record<string, unknown>)[name])) return true;
  }
  return false;
}

function loses(value: unknown): boolean {
  if (typeof value === 'function') return typeof (value as { toJSON?: unknown }).toJSON !== 'function';
  return typeof value === 'object' && value !== null && holdsFunction(value);
}

/** Throws the error for what has no JSON text, with its path. */
function refuse(value: unknown, start: string, cause?: unknown): never {
  const found = faultIn(value, start, []);
  const [path, what] = found ?? [start, cause instanceof Error ? `has no JSON text: ${cause.message}` : 'is undefined'];
  const advice = found?.[1].startsWith('is a bigint') ? '; pass a number or a text' : '';
  const options = cause === undefined ? undefined : { cause };
  throw Object.assign(new ArgumentTypeError(`${path} ${what}, which JSON cannot hold${advice}`, options), { path });
}

function faultIn(value: unknown, path: string, within: readonly object[]): [path: string, what: string] | undefined {
  if (typeof value === 'bigint') return [path, 'is a bigint'];
  if (typeof value === 'function') return [path, 'is a function'];
  if (typeof value === 'symbol' && within.length === 0) return [path, 'is a symbol'];
  if (typeof value !== 'object' || value === null) return undefined;
  if (within.includes(value)) return [path, 'holds itself'];
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return faultIn((value as { toJSON(key: string): unknown }).toJSON(''), path, [...within, value]);
  }
  const inside = [...within, value];
  const members: Iterable<[string, unknown]> = Array.isArray(value)
    ? value.map((element, i) => [`${path}[${i}]`, element] as [string, unknown])
    : Object.entries(value).map(([name, member]) => [memberPath(path, name), member] as [string, unknown]);
  for (const [at, member] of members) {
    const fault = faultIn(member, at, inside);
    if (fault) return fault;
  }
  return undefined;
}
