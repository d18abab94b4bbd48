/**
 * The one form of every value as JSON text, for files, prompts and comparisons.
 *
 * | value | form |
 * | --- | --- |
 * | string, boolean, `null`, array, object | as `JSON.stringify` writes them; half a surrogate pair is its escape |
 * | integer beyond ±(2^53 − 1), `BigInt` | its digits; read as a `BigInt` where a number would lose some |
 * | other numbers | the shortest text that reads back; with an exponent where digits alone would be a `BigInt`; `-0` |
 * | `NaN`, `Infinity`, `-Infinity` | these words as strings |
 * | `Date` | its ISO 8601 text, with the digits of a {@link PreciseDate}; `null` when it is invalid |
 * | `Map` | an object when every key is a string, else an array of `[key, value]` |
 * | `Set`, typed array | an array |
 * | `Uint8Array`, `Buffer`, `ArrayBuffer`, `DataView` | its bytes in base64 |
 * | `Error` | an object of `name`, `message`, its own members, `cause` and `errors`; not the stack, which names files |
 * | `RegExp` | its text, `/a/g` |
 * | anything with `toJSON` | the form of what that returns |
 *
 * `undefined`, functions and symbols have no form: members are left out, elements are `null`.
 */
import { randomBytes } from 'node:crypto';
import { types } from 'node:util';
import { wrongType } from '../arguments.js';

/** A `Date` whose moment has more digits than milliseconds, as Parquet files have them. `toISOString` and JSON show all. */
export class PreciseDate extends Date {
  readonly #text: string;

  /** Takes the ISO 8601 text of a moment in UTC. */
  constructor(text: string) {
    super(text);
    this.#text = text;
  }

  /** Nanoseconds within the millisecond, from 0 to 999,999. */
  get nanoseconds(): number {
    const digits = /\.\d{3}(\d*)/.exec(this.#text)?.[1] ?? '';
    return Number(digits.slice(0, 6).padEnd(6, '0'));
  }

  /** Returns the moment with all of its digits. */
  override toISOString(): string {
    return this.#text;
  }

  /** Returns the same as {@link toISOString}. */
  override toJSON(): string {
    return this.#text;
  }
}

/** Returns the moment of so many milliseconds since 1970, or of an ISO 8601 text: that text when no `Date` holds it. */
export function momentOf(moment: number | string): Date | string {
  if (typeof moment === 'number') return new Date(moment);
  const date = new PreciseDate(moment);
  return Number.isNaN(date.getTime()) ? moment : date;
}

/**
 * Returns the JSON text of `value`, `undefined` when it has none (a function, a symbol, `undefined`). O(size of the value).
 * Throws `TypeError` for a value that holds itself, or is nested too deep for the call stack (some thousand levels).
 */
export function toJsonText(value: unknown): string | undefined {
  try {
    if (isPlain(value)) return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  try {
    return written(value, '', []);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return wrongType('value', 'nested less deep, to have a JSON text', value);
  }
}

/** Returns whether `JSON.stringify` writes the form of `value`. Throws `RangeError` when it is nested too deep. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return isPlainNumber(value);
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  if (Array.isArray(value)) {
    for (const element of value) if (!isPlain(element)) return false;
    return !('toJSON' in value);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) return false;
  for (const name in value) if (!isPlain((value as Record<string, unknown>)[name])) return false;
  return true;
}

function isPlainNumber(value: number): boolean {
  if (Number.isSafeInteger(value)) return !Object.is(value, -0);
  // From 1e21 on JavaScript writes an exponent by itself.
  return Number.isFinite(value) && (!Number.isInteger(value) || Math.abs(value) >= 1e21);
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  if (Object.is(value, -0)) return '-0';
  return isPlainNumber(value) ? String(value) : value.toExponential();
}

function written(given: unknown, key: string, within: readonly object[]): string | undefined {
  if (typeof given !== 'object' || given === null) return scalar(given);
  const bytes = bytesOf(given);
  if (bytes) return JSON.stringify(bytes.toString('base64'));
  let value: object = given;
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const made: unknown = value.toJSON(key);
    if (typeof made !== 'object' || made === null) return scalar(made);
    value = made;
  }
  if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) return scalar(value.valueOf());
  if (types.isRegExp(value)) return JSON.stringify(String(value));
  if (within.includes(value)) return wrongType('value', 'free of references to itself, to have a JSON text', given);
  return container(value, [...within, value]);
}

function scalar(value: unknown): string | undefined {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'bigint') return String(value);
  return JSON.stringify(value);
}

function bytesOf(value: object): Buffer | undefined {
  if (types.isAnyArrayBuffer(value)) return Buffer.from(value);
  if (!types.isUint8Array(value) && !types.isDataView(value)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function container(value: object, within: readonly object[]): string {
  if (types.isMap(value)) {
    const pairs = [...value];
    return pairs.every(([name]) => typeof name === 'string') ? members(pairs, within) : elements(pairs, within);
  }
  if (Array.isArray(value) || types.isSet(value) || types.isTypedArray(value)) return elements(value, within);
  if (types.isNativeError(value) || value instanceof Error) return members(errorMembers(value as Error), within);
  return members(Object.entries(value), within);
}

/** Returns the members of an error's form. Those that the language hides come first and last. */
function errorMembers(error: Error): [string, unknown][] {
  const own = Object.entries(error).filter(([name]) => !['name', 'message', 'stack', 'cause', 'errors'].includes(name));
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  return [['name', error.name], ['message', error.message], ...own, ['cause', cause], ['errors', errors]];
}

function elements(values: Iterable<unknown>, within: readonly object[]): string {
  const texts: string[] = [];
  for (const value of values) texts.push(written(value, String(texts.length), within) ?? 'null');
  return `[${texts.join(',')}]`;
}

function members(pairs: Iterable<[unknown, unknown]>, within: readonly object[]): string {
  const texts: string[] = [];
  for (const [name, value] of pairs) {
    const text = written(value, name as string, within);
    if (text !== undefined) texts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${texts.join(',')}}`;
}

/** An integer with more digits than every number holds. */
const LONG = /\d{16}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The start of a string that stands for a `BigInt` while a text is parsed. Nobody who writes a text can know it. */
let secretMark: string | undefined;
const markOfAll = (): string => (secretMark ??= `\0${randomBytes(12).toString('base64url')}:`);

/**
 * Returns the value of a JSON text as `JSON.parse` does, but for integers beyond ±(2^53 − 1): those are `BigInt`s, with every
 * digit. Throws the `SyntaxError` of `JSON.parse`. O(characters); a text without such an integer costs one look at it more.
 */
export function fromJsonText(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text);
  const marked = withMarks(text);
  if (marked === text) return JSON.parse(text);
  let value: unknown;
  try {
    value = JSON.parse(marked);
  } catch {
    // The error names a place in the text, which has to be the caller's.
    return JSON.parse(text);
  }
  return unmarked(value);
}

/** Returns `text` with a marked string in place of each integer that a number does not hold. */
function withMarks(text: string): string {
  let out = '';
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const outside = text.slice(at, quote < 0 ? text.length : quote);
    out += LONG.test(outside) ? outside.replace(NUMBER, mark) : outside;
    if (quote < 0) break;
    at = stringEnd(text, quote);
    out += text.slice(quote, at);
  }
  return out;
}

function mark(number: string): string {
  return /^-?[1-9]\d*$/.test(number) && !Number.isSafeInteger(Number(number))
    ? JSON.stringify(markOfAll() + number)
    : number;
}

/** Returns the place behind the string that starts at `quote`. */
function stringEnd(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Makes `BigInt`s of the marked strings in `value`. Containers are changed in place, on no call stack. */
function unmarked(value: unknown): unknown {
  const mark = markOfAll();
  const root = { value };
  const pending: object[] = [root];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const holder = next as Record<string, unknown>;
    for (const name of Object.keys(holder)) {
      const member = holder[name];
      if (typeof member === 'object' && member !== null) pending.push(member);
      if (typeof member !== 'string' || !member.startsWith(mark)) continue;
      // Not an assignment: a member may be named `__proto__`.
      const big = BigInt(member.slice(mark.length));
      Object.defineProperty(holder, name, { value: big, enumerable: true, configurable: true, writable: true });
    }
  }
  return root.value;
}
