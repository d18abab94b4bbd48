/** JSON texts of columns: what `JSON.stringify` gives, or an error that names the place. */
import { ArgumentTypeError } from '../errors.js';
import { memberPath } from '../value/path.js';
import { isStackOverflow } from '../value/stack_overflow.js';
import { holdsFunction } from './json_losses.js';
import { isLarge, jsonPieces, NoJson, PIECE_UNITS } from './json_pieces.js';

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
    throw refusal(value, place, error);
  }
  throw withoutText(value, place());
}

/** Errors of another realm, such as Jest's sandbox. */
function isTypeError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TypeError';
}

/**
 * Returns the JSON text of `value`; of a large one, the pieces of its text, which are made as they are taken. Throws, or the
 * pieces do, as {@link jsonText} does.
 */
export function jsonTextOrPieces(value: unknown, place: Place): string | Generator<string, void> {
  const isLong = typeof value === 'string' ? value.length > PIECE_UNITS : isLarge(value);
  return isLong ? checkedPieces(value, place) : jsonText(value, place);
}

function* checkedPieces(value: unknown, place: Place): Generator<string, void> {
  try {
    yield* jsonPieces(value);
  } catch (error) {
    throw error instanceof NoJson ? withoutText(value, place()) : refusal(value, place, error);
  }
}

/** Returns the error of a value of which `JSON.stringify` has thrown `error`. One of the value's own getters stays as it is. */
function refusal(value: unknown, place: Place, error: unknown): unknown {
  if (isStackOverflow(error)) return new ArgumentTypeError(`${place()} is nested too deep to have a JSON text`);
  if (!(error instanceof TypeError) && !isTypeError(error)) return error;
  return withoutText(value, place(), error);
}

/** Returns the error for what has no JSON text, with its path. */
function withoutText(value: unknown, start: string, cause?: unknown): ArgumentTypeError {
  const found = faultIn(value, start, []);
  const [path, what] = found ?? [start, cause instanceof Error ? `has no JSON text: ${cause.message}` : 'is undefined'];
  const advice = found?.[1].startsWith('is a bigint') ? '; pass a number or a text' : '';
  const options = cause === undefined ? undefined : { cause };
  return Object.assign(new ArgumentTypeError(`${path} ${what}, which JSON cannot hold${advice}`, options), { path });
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
