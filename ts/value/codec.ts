/**
 * Encodes a value as bytes and decodes it, for caches outside one thread's heap.
 *
 * A value comes back as it went in:
 * - text as its characters, vectors as their numbers;
 * - plain data as JSON where that is exact, since it is the fastest to read;
 * - everything else that structured cloning knows (`Date`, `Map`, `Set`, `RegExp`, `BigInt`, typed arrays, shared and
 *   cyclic references) by cloning.
 *
 * A value that would come back as something else is refused; see `storable.ts`.
 */
import { ArgumentTypeError } from '../errors.js';
import { isStackOverflow } from './stack_overflow.js';
import { hasElementsOnly, inspect, type Refusal, refusedView } from './storable.js';
import { deserialize, serialize } from './structured_clone.js';

/** The encoding of a payload. Never renumber: files hold it. */
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
  Int8: 9,
  Uint8: 10,
  Uint8Clamped: 11,
  Int16: 12,
  Uint16: 13,
  Int32: 14,
  Uint32: 15,
  BigInt64: 16,
  BigUint64: 17,
  /** A clone of the value and of a list of the objects in it that have no prototype. */
  BareClone: 18,
} as const;

/** Typed arrays whose payload is their bytes. */
const VECTORS: readonly (readonly [form: number, made: Vector])[] = [
  [Form.Float32, Float32Array],
  [Form.Float64, Float64Array],
  [Form.Int8, Int8Array],
  [Form.Uint8, Uint8Array],
  [Form.Uint8Clamped, Uint8ClampedArray],
  [Form.Int16, Int16Array],
  [Form.Uint16, Uint16Array],
  [Form.Int32, Int32Array],
  [Form.Uint32, Uint32Array],
  [Form.BigInt64, BigInt64Array],
  [Form.BigUint64, BigUint64Array],
];
const FORM_OF: ReadonlyMap<string, number> = new Map(VECTORS.map(([form, { name }]) => [name, form]));
const VECTOR_OF: ReadonlyMap<number, Vector> = new Map(VECTORS);

/** A class of typed arrays. */
interface Vector {
  readonly name: string;
  new (buffer: ArrayBuffer): ArrayBufferView;
}

/** A value as bytes. */
export interface Encoded {
  form: number;
  payload: Uint8Array;
}

const WIDE = /[^\0-\xff]/;
const UNPAIRED = /\p{Surrogate}/u;
/** Longest path in an error, in characters. */
const LONGEST_PATH = 200;

/**
 * Encodes `value`. The payload may be memory of the value itself: copy it before the caller goes on.
 *
 * @throws TypeError naming the path of a part that would not come back as it is.
 */
export function encode(value: unknown): Encoded {
  if (typeof value === 'string') return encodeText(value);
  if (isNumbers(value)) return { form: Form.Numbers, payload: bytesOf(new Float64Array(value)) };
  if (ArrayBuffer.isView(value)) {
    const form = FORM_OF.get((value as Uint8Array)[Symbol.toStringTag]);
    if (form !== undefined) {
      const refusal = refusedView(value);
      if (refusal) throw refusalError(refusal);
      return { form, payload: bytesOf(value) };
    }
  }
  let isInspected = false;
  try {
    const inspected = inspect(value, 'read');
    if ('what' in inspected) throw refusalError(inspected);
    isInspected = true;
    const { isJson, bare } = inspected;
    if (isJson) return encodeJson(JSON.stringify(value));
    if (bare.length === 0) return { form: Form.Clone, payload: serialize(value, 'shown') };
    return { form: Form.BareClone, payload: serialize([value, bare], 'shown') };
  } catch (error) {
    // Also what a getter throws as it is inspected.
    if (!isInspected && !isStackOverflow(error)) throw error;
    // V8 says: larger than any text or buffer can be, or no stack left.
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArgumentTypeError(`value cannot be written as bytes (${reason}); store it in smaller parts`);
  }
}

/** Decodes what {@link encode} made of a value, from `start` to `end`. The value holds on to none of the bytes. */
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
    case Form.BareClone:
      return withoutPrototypes(deserialize(bytes.subarray(start, end)) as [unknown, object[]]);
    default:
      return decodeVector(form, copyOf(bytes, start, end));
  }
}

function decodeVector(form: number, own: ArrayBuffer): ArrayBufferView {
  const Made = VECTOR_OF.get(form);
  if (Made === undefined) throw new TypeError(`a stored value has the unknown form ${form}`);
  return new Made(own);
}

function withoutPrototypes([value, bare]: [unknown, object[]]): unknown {
  for (const object of bare) Object.setPrototypeOf(object, null);
  return value;
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

/** Returns true if a value is an array of at least one number and of nothing but numbers, without holes or other members. */
function isNumbers(value: unknown): value is number[] {
  if (!Array.isArray(value) || typeof value[0] !== 'number') return false;
  const { length } = value;
  for (let i = 1; i < length; i += 1) if (typeof value[i] !== 'number') return false;
  return hasElementsOnly(value);
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Copies bytes into memory of their own, aligned for any type. */
function copyOf(bytes: Uint8Array, start: number, end: number): ArrayBuffer {
  const copy = new ArrayBuffer(end - start);
  new Uint8Array(copy).set(bytes.subarray(start, end));
  return copy;
}

/** Makes the error for a value that cannot be stored: the path of the culprit, and what it is. */
function refusalError({ steps, what }: Refusal): ArgumentTypeError {
  const path = `value${steps.reverse().join('')}`;
  const shown = path.length <= LONGEST_PATH ? path : `${path.slice(0, LONGEST_PATH)}…`;
  return new ArgumentTypeError(
    `${shown} is ${what}, which cannot be held outside this thread's heap (shared, persist); store plain data instead`,
  );
}
