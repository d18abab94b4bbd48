/**
 * Values as bytes, for caches that are held outside one thread's heap, and back.
 *
 * A value comes back as it went in: text as its characters, plain data as JSON where that is exact (it is the fastest to
 * read), vectors as their numbers, and everything else that structured cloning knows (`Date`, `Map`, `Set`, `RegExp`,
 * `BigInt`, typed arrays, shared and cyclic references) that way. What would come back as something else is refused.
 */
import { types } from 'node:util';
import { ArgumentTypeError } from '../errors.js';
import { deserialize, serialize } from '../structured_clone.js';
import { isPlain } from './content.js';

/** How a payload is to be read. Never renumber: files hold it. */
const Form = {
  Latin1: 0,
  Utf8: 1,
  Utf16: 2,
  /** JSON as characters of one byte, which are read faster than UTF-8. */
  JsonLatin1: 3,
  JsonUtf8: 4,
  Clone: 5,
  Numbers: 6,
  Float32: 7,
  Float64: 8,
} as const;

/** A value as bytes. */
export interface Encoded {
  form: number;
  payload: Uint8Array;
}

const WIDE = /[^\0-\xff]/;
const UNPAIRED = /\p{Surrogate}/u;

/** @throws TypeError naming the path of a part that would not come back as it is. */
export function encode(value: unknown): Encoded {
  if (typeof value === 'string') return encodeText(value);
  if (isNumbers(value)) return { form: Form.Numbers, payload: bytesOf(Float64Array.from(value)) };
  const kind = kindOf(value);
  if (kind === 'float32') return { form: Form.Float32, payload: bytesOf(value as Float32Array) };
  if (kind === 'float64') return { form: Form.Float64, payload: bytesOf(value as Float64Array) };
  switch (storable(value)) {
    case 'json':
      return encodeJson(JSON.stringify(value));
    case 'clone':
      return { form: Form.Clone, payload: serialize(value) };
    default:
      throw refusal(value);
  }
}

/** The value of {@link encode}, whose payload is `bytes` from `start` to `end`; the value holds on to none of them. */
export function decode(form: number, bytes: Buffer, start: number, end: number): unknown {
  switch (form) {
    case Form.Latin1:
      return bytes.toString('latin1', start, end);
    case Form.Utf8:
      return bytes.toString('utf8', start, end);
    case Form.Utf16:
      return bytes.toString('utf16le', start, end);
    case Form.JsonLatin1:
      return JSON.parse(bytes.toString('latin1', start, end));
    case Form.JsonUtf8:
      return JSON.parse(bytes.toString('utf8', start, end));
    case Form.Clone:
      return deserialize(bytes.subarray(start, end));
    case Form.Numbers:
      return Array.from(new Float64Array(copyOf(bytes, start, end)));
    case Form.Float32:
      return new Float32Array(copyOf(bytes, start, end));
    case Form.Float64:
      return new Float64Array(copyOf(bytes, start, end));
    default:
      throw new TypeError(`a stored value has the unknown form ${form}`);
  }
}

function encodeJson(json: string): Encoded {
  return WIDE.test(json)
    ? { form: Form.JsonUtf8, payload: Buffer.from(json, 'utf8') }
    : { form: Form.JsonLatin1, payload: Buffer.from(json, 'latin1') };
}

function encodeText(text: string): Encoded {
  if (!WIDE.test(text)) return { form: Form.Latin1, payload: Buffer.from(text, 'latin1') };
  // Unpaired surrogates have no UTF-8.
  return !UNPAIRED.test(text)
    ? { form: Form.Utf8, payload: Buffer.from(text, 'utf8') }
    : { form: Form.Utf16, payload: Buffer.from(text, 'utf16le') };
}

/** Whether a value is an array of at least one number and of nothing but numbers, without holes or other members. */
function isNumbers(value: unknown): value is number[] {
  if (!Array.isArray(value) || typeof value[0] !== 'number') return false;
  return value.every((element) => typeof element === 'number') && Object.keys(value).length === value.length;
}

function kindOf(value: unknown): 'float32' | 'float64' | undefined {
  if (types.isFloat32Array(value) && isBare(value)) return 'float32';
  return types.isFloat64Array(value) && isBare(value) ? 'float64' : undefined;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Bytes in memory of their own, aligned for any type. */
function copyOf(bytes: Uint8Array, start: number, end: number): ArrayBuffer {
  const copy = new ArrayBuffer(end - start);
  new Uint8Array(copy).set(bytes.subarray(start, end));
  return copy;
}

/** How a value can be stored: as JSON that is exact, by structured cloning, or not at all. */
function storable(value: unknown): 'json' | 'clone' | 'refused' {
  const pending: unknown[] = [value];
  const seen = new Set<object>();
  let form: 'json' | 'clone' = 'json';
  while (pending.length > 0) {
    const part = pending.pop();
    const kind = typeof part === 'object' && part !== null ? objectKind(part, seen, pending) : scalarKind(part);
    if (kind === 'refused') return 'refused';
    if (kind === 'clone') form = 'clone';
  }
  return form;
}

function scalarKind(value: unknown): 'json' | 'clone' | 'refused' {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? 'json' : 'clone';
    case 'undefined':
    case 'bigint':
      return 'clone';
    case 'function':
    case 'symbol':
      return 'refused';
    default:
      return 'json';
  }
}

function objectKind(value: object, seen: Set<object>, pending: unknown[]): 'json' | 'clone' | 'refused' {
  // Met twice: shared or cyclic, which JSON would copy or refuse.
  if (seen.has(value)) return 'clone';
  seen.add(value);
  if (Array.isArray(value)) {
    const { length } = value;
    for (let i = 0; i < length; i += 1) pending.push(value[i]);
    // Holes and other members are kept by cloning.
    const names = Object.keys(value);
    if (names.length === length) return 'json';
    for (const name of names.slice(-1)) if (!/^\d+$/.test(name)) pending.push(...Object.values(value));
    return 'clone';
  }
  if (!isPlain(value)) return builtinKind(value, pending);
  for (const name of Object.getOwnPropertySymbols(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, name)) return 'refused';
  }
  let kind: 'json' | 'clone' = 'json';
  for (const name of Object.keys(value)) {
    pending.push((value as Record<string, unknown>)[name]);
    if (name === 'toJSON' || name === '__proto__') kind = 'clone';
  }
  return kind;
}

function builtinKind(value: object, pending: unknown[]): 'clone' | 'refused' {
  if (!isBare(value)) return 'refused';
  if (types.isMap(value)) for (const [key, member] of value) pending.push(key, member);
  else if (types.isSet(value)) for (const member of value) pending.push(member);
  return 'clone';
}

const BUILTINS: readonly [string, (value: unknown) => boolean][] = [
  ['Date', types.isDate],
  ['RegExp', types.isRegExp],
  ['Map', types.isMap],
  ['Set', types.isSet],
  ['ArrayBuffer', types.isArrayBuffer],
  ['DataView', types.isDataView],
];

/** Whether an object is what the language itself makes, without members of its own: no subclass, no `Buffer`. */
function isBare(value: object): boolean {
  const made: unknown = Object.getPrototypeOf(value)?.constructor;
  const name = typeof made === 'function' ? made.name : '';
  if (types.isTypedArray(value)) return name === value[Symbol.toStringTag] && types.isArrayBuffer(value.buffer);
  const builtin = BUILTINS.find(([, is]) => is(value));
  return builtin !== undefined && name === builtin[0] && Object.keys(value).length === 0;
}

/** The error for a value that is not storable: where in it the culprit is, and what it is. */
function refusal(value: unknown): ArgumentTypeError {
  const [path, what] = culprit(value, 'value', new Set()) ?? ['value', 'something'];
  return new ArgumentTypeError(
    `${path} is ${what}, which cannot be held outside this thread's heap (shared, persist); store plain data instead`,
  );
}

function culprit(value: unknown, path: string, seen: Set<object>): [path: string, what: string] | undefined {
  if (typeof value === 'function') return [path, `a function (${value.name || 'anonymous'})`];
  if (typeof value === 'symbol') return [path, `a symbol (${String(value)})`];
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  const kind = objectKind(value, new Set(), []);
  if (kind === 'refused') {
    if (isPlain(value)) return [path, 'an object with members named by symbols'];
    return [path, `an instance of ${value.constructor?.name || 'an unnamed class'}`];
  }
  seen.add(value);
  const members: Iterable<[unknown, unknown]> = types.isMap(value)
    ? value.entries()
    : types.isSet(value)
      ? Array.from(value, (member, i): [unknown, unknown] => [i, member])
      : Object.entries(value);
  for (const [name, member] of members) {
    const found = culprit(member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${String(name)}`, seen);
    if (found) return found;
    if (types.isMap(value)) {
      const inKey = culprit(name, `${path} (a key)`, seen);
      if (inKey) return inKey;
    }
  }
  return undefined;
}
