/**
 * Estimates the size of a value on V8's heap from its structure (64 bits, no pointer compression, as Node is built).
 *
 * Layouts, in bytes:
 * - string: a header of 16 and 1 or 2 per UTF-16 unit; a single Latin-1 character is shared by the whole program;
 * - number: nothing for a small integer, 16 for any other, 8 in an array of numbers alone;
 * - object: a header of 24 and 8 per member, or a hash table for many members or without a prototype;
 * - array: 32, and 16 and 8 per element unless it is empty;
 * - `Map` and `Set`: a hash table whose capacity is a power of two.
 *
 * An object, or a long string, that a value refers to several times counts once. Cost: O(members) up to 10,000 members;
 * of larger values the arrays and the largest objects are sampled, so that the cost has a bound.
 */
import { types } from 'node:util';

const POINTER = 8;
/** Size of a string, an object, an empty array and a hash table without their contents. */
const STRING = 16;
const OBJECT = 24;
const ARRAY = 32;
const ELEMENTS = 16;
const TABLE = 64;
const BOXED_NUMBER = 16;
const FUNCTION = 64;
const DATE = 112;
const REGEXP = 128;
/** An error with the frames of its stack. */
const ERROR = 350;
const BUFFER = 88;
const VIEW = 96;
/** A `Map` or `Set` with an empty table, and what each place in the table takes. */
const COLLECTION = 72;
const MAP_PLACE = 28;
const SET_PLACE = 20;
/** Assumed for a value that cannot be looked at. */
const UNKNOWN = 200;

/** Members looked at before a value is sampled instead. */
const WHOLE = 10_000;
/** Members of an object, and elements of an array of numbers, that are always looked at. */
const SMALL = 256;
/** Elements looked at of a sampled array, by the number of sampled arrays around it. */
const SAMPLES = [512, 32, 8];
/** Elements looked at of an array once many members have been. */
const LAST_SAMPLE = 2;
/** Entries of a `Map` or `Set`, which can only be read in order, among which samples are taken. */
const FIRST_ENTRIES = 100_000;
/** Nesting followed by recursion; deeper values wait in a list. */
const MAX_DEPTH = 400;
/** Objects found again by comparing with each; more of them go into a set. */
const FEW_OBJECTS = 16;

/** Names from which on an object's own names count, unless other objects have the same. */
const MANY_NAMES = 16;
/** Members from which on V8 keeps an object as a hash table. */
const HASH_TABLE = 128;
/** Bytes of a hidden class per name. */
const HIDDEN_CLASS = 84;
const REMEMBERED_SHAPES = 1000;

/** Longest text that V8 keeps once however often JSON.parse meets it. */
const LABEL = 10;
const REMEMBERED_LABELS = 256;
/** Shortest text that is looked for among those met in the same value. */
const LONG_TEXT = 128;
const REMEMBERED_TEXTS = 16;

/** Tests for a unit beyond one byte. V8 answers for a one-byte string without reading it. */
const TWO_BYTE = /[^\0-\xff]/;
/** Length up to which a loop is faster than the expression. */
const SHORT_TEXT = 24;

/** Returns the size of a string in bytes. */
export function textSize(text: string): number {
  const { length } = text;
  if (length <= 1) return length === 0 || text.charCodeAt(0) < 256 ? 0 : STRING + POINTER;
  return STRING + ((unitSize(text) * length + 7) & ~7);
}

function unitSize(text: string): number {
  const { length } = text;
  if (length > SHORT_TEXT) return TWO_BYTE.test(text) ? 2 : 1;
  let units = 0;
  for (let i = 0; i < length; i += 1) units |= text.charCodeAt(i);
  return units > 255 ? 2 : 1;
}

/**
 * Returns the bytes held by `value`, besides the pointer to it. Getters of plain objects are called; one that throws
 * makes the value count as 200 bytes.
 */
export function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return scalarSize(value);
  // A getter of the value may ask for a size itself: it then gets a walk of its own.
  const walk = idle ?? new Walk();
  idle = undefined;
  try {
    return Math.round(walk.sizeOf(value));
  } catch {
    return UNKNOWN;
  } finally {
    walk.reset();
    idle = walk;
  }
}

function scalarSize(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textSize(value);
    case 'number':
      return isSmallInteger(value) ? 0 : BOXED_NUMBER;
    case 'bigint':
      return 16 + POINTER * Math.ceil(value.toString(16).length / 16);
    case 'function':
      return FUNCTION;
    default:
      return 0;
  }
}

function isSmallInteger(value: number): boolean {
  return (value | 0) === value && (value !== 0 || 1 / value > 0);
}

/** Labels met lately, by a hash of a few of their units. Values from JSON.parse share them. */
const labels = new Array<string>(REMEMBERED_LABELS).fill('');

/** Returns the size of a short text that is a member; 0 when it was met lately. */
function labelSize(text: string): number {
  const { length } = text;
  if (length <= 1) return textSize(text);
  const hash = text.charCodeAt(0) * 31 + text.charCodeAt(length >> 1) * 7 + text.charCodeAt(length - 1) + length * 17;
  const place = hash % REMEMBERED_LABELS;
  if (labels[place] === text) return 0;
  labels[place] = text;
  return textSize(text);
}

/** A name of each shape with many members that was met lately: objects with the same names share them. */
const knownShapes = new Set<string>();

/** Returns the bytes of a hash table for `length` members. */
function tableSize(length: number): number {
  return TABLE + 3 * POINTER * powerOfTwo(1.5 * length);
}

/** Returns the bytes of a `Map` of `length` entries, without what they refer to. */
export function mapSize(length: number): number {
  return COLLECTION + MAP_PLACE * powerOfTwo(length);
}

function powerOfTwo(atLeast: number): number {
  return atLeast <= 4 ? 4 : 2 ** Math.ceil(Math.log2(atLeast));
}

/** One look at a value and all that hangs on it. */
class Walk {
  readonly #few: (object | undefined)[] = new Array(FEW_OBJECTS).fill(undefined);
  #fewCount = 0;
  #many: Set<object> | undefined;
  readonly #texts: string[] = [];
  #later: object[] = [];
  /** Shapes that this walk was the first to meet. */
  #newShapes: string[] = [];
  #depth = 0;
  #looked = 0;
  #isSampling = false;
  /** Sampled arrays around the current value. */
  #sampled = 0;

  sizeOf(value: object): number {
    const whole = this.#all(value);
    if (this.#looked <= WHOLE) return whole;
    // The next look is the one that counts.
    for (const name of this.#newShapes) knownShapes.delete(name);
    this.reset();
    this.#isSampling = true;
    return this.#all(value);
  }

  reset(): void {
    this.#few.fill(undefined, 0, this.#fewCount);
    this.#fewCount = 0;
    this.#many = undefined;
    this.#texts.length = 0;
    if (this.#later.length > 0) this.#later = [];
    if (this.#newShapes.length > 0) this.#newShapes = [];
    this.#depth = 0;
    this.#looked = 0;
    this.#isSampling = false;
    this.#sampled = 0;
  }

  #all(value: object): number {
    let size = this.#object(value);
    for (let next = this.#later.pop(); next !== undefined; next = this.#later.pop()) size += this.#object(next);
    return size;
  }

  /** True if more members were met than a whole look may take: the result is then of no use. */
  get #isOver(): boolean {
    return this.#looked > WHOLE && !this.#isSampling;
  }

  #member(value: unknown): number {
    if (typeof value === 'string') {
      if (value.length <= LABEL) return labelSize(value);
      return value.length >= LONG_TEXT && this.#wasMet(value) ? 0 : textSize(value);
    }
    if (typeof value !== 'object' || value === null) return scalarSize(value);
    if (this.#depth < MAX_DEPTH) return this.#object(value);
    if (this.#later.length < WHOLE) this.#later.push(value);
    return 0;
  }

  /** Returns true if a long text is one of the last few that were met; remembers it. */
  #wasMet(text: string): boolean {
    const texts = this.#texts;
    if (texts.includes(text)) return true;
    if (texts.length === REMEMBERED_TEXTS) texts.shift();
    texts.push(text);
    return false;
  }

  #isNew(value: object): boolean {
    if (this.#many !== undefined) {
      const before = this.#many.size;
      return this.#many.add(value).size > before;
    }
    const few = this.#few;
    for (let i = 0; i < this.#fewCount; i += 1) if (few[i] === value) return false;
    if (this.#fewCount < FEW_OBJECTS) {
      few[this.#fewCount] = value;
      this.#fewCount += 1;
    } else {
      this.#many = new Set(few as object[]).add(value);
    }
    return true;
  }

  #object(value: object): number {
    if (this.#isOver || !this.#isNew(value)) return 0;
    this.#depth += 1;
    const size = Array.isArray(value) ? this.#array(value) : this.#contents(value);
    this.#depth -= 1;
    return size;
  }

  #contents(value: object): number {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) return this.#members(value, OBJECT);
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteLength } = value;
      // Rows of a matrix, or Buffers of a pool, hold the bytes that they show of it.
      return VIEW + byteLength + (buffer.byteLength === byteLength && this.#isNew(buffer) ? BUFFER : 0);
    }
    if (types.isAnyArrayBuffer(value)) return BUFFER + value.byteLength;
    if (types.isDate(value)) return DATE;
    if (types.isMap(value)) return mapSize(value.size) + this.#entries(value, true);
    if (types.isSet(value)) return COLLECTION + SET_PLACE * powerOfTwo(value.size) + this.#entries(value, false);
    if (types.isRegExp(value)) return REGEXP + textSize(value.source);
    if (types.isNativeError(value)) return this.#members(value, ERROR) + textSize(value.message);
    return this.#members(value, prototype === null ? OBJECT + TABLE : OBJECT);
  }

  /** Returns the size of an object whose header is `header`. */
  #members(value: object, header: number): number {
    const names = Object.keys(value);
    const { length } = names;
    const own = header === OBJECT + TABLE ? OBJECT + tableSize(length) : header - OBJECT + this.#shape(names);
    if (length > SMALL) {
      const at = (i: number) => this.#member((value as Record<string, unknown>)[names[i] as string]);
      return own + this.#sum(length, Math.max(SMALL, this.#allowance), at);
    }
    this.#looked += length;
    let size = own;
    for (let i = 0; i < length; i += 1) size += this.#member((value as Record<string, unknown>)[names[i] as string]);
    return size;
  }

  /** Returns the size of an object with these names, without the values of its members. */
  #shape(names: readonly string[]): number {
    const { length } = names;
    if (length <= MANY_NAMES) return OBJECT + POINTER * length;
    // Indexes come first and are no names.
    const last = names[length - 1] as string;
    if (String(Number(last) >>> 0) === last) {
      return OBJECT + ELEMENTS + (Number(last) < 3 * length ? POINTER * (Number(last) + 1) : tableSize(length));
    }
    const size = OBJECT + (length > HASH_TABLE ? tableSize(length) : POINTER * length);
    if (this.#isKnownShape(names)) return size;
    let texts = 0;
    const step = Math.ceil(length / REMEMBERED_SHAPES);
    for (let i = 0; i < length; i += step) texts += step * textSize(names[i] as string);
    // A shape of its own: between what it takes as a chain of hidden classes and what it takes as a hash table.
    return size + texts + (length > HASH_TABLE ? 0 : HIDDEN_CLASS * length);
  }

  #isKnownShape(names: readonly string[]): boolean {
    const name = names[names.length >> 1] as string;
    if (knownShapes.has(name)) return true;
    if (knownShapes.size >= REMEMBERED_SHAPES) knownShapes.clear();
    knownShapes.add(name);
    this.#newShapes.push(name);
    return false;
  }

  #entries(value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>, isMap: boolean): number {
    const count = Math.min(value.size, FIRST_ENTRIES);
    const step = Math.ceil(count / Math.min(count, this.#allowance));
    let [at, looked, size] = [0, 0, 0];
    for (const [key, member] of value.entries()) {
      if (at === count) break;
      if (at % step === 0) {
        looked += 1;
        size += this.#member(key) + (isMap ? this.#member(member) : 0);
      }
      at += 1;
    }
    this.#looked += looked;
    return looked === 0 ? 0 : (size * value.size) / looked;
  }

  #array(value: readonly unknown[]): number {
    const { length } = value;
    if (length === 0) return ARRAY;
    if (isNumeric(value)) return ARRAY + ELEMENTS + POINTER * length;
    const elements = this.#sum(length, this.#allowance, (i) => this.#member(value[i]));
    return ARRAY + ELEMENTS + (isSparse(value) ? tableSize(Object.keys(value).length) : POINTER * length) + elements;
  }

  /** Elements that may be looked at of the next array. */
  get #allowance(): number {
    if (!this.#isSampling) return Number.POSITIVE_INFINITY;
    return this.#looked > 2 * WHOLE ? LAST_SAMPLE : (SAMPLES[this.#sampled] ?? LAST_SAMPLE);
  }

  /** Returns the sum over `length` members, of which at most `most` are looked at: one at no regular place in each part. */
  #sum(length: number, most: number, at: (index: number) => number): number {
    const count = Math.min(length, most);
    this.#looked += count;
    if (this.#isOver) return 0;
    let sum = 0;
    if (count === length) {
      for (let i = 0; i < length; i += 1) sum += at(i);
      return sum;
    }
    this.#sampled += 1;
    for (let k = 0; k < count; k += 1) sum += at(irregularPlace(k, count, length));
    this.#sampled -= 1;
    return (sum * length) / count;
  }
}

let idle: Walk | undefined;

/** Returns a place in the part `k` of `count` equal parts of `length` places. */
function irregularPlace(k: number, count: number, length: number): number {
  return Math.floor(((k + ((k * 0.618034) % 1)) * length) / count);
}

/** Returns true if an array seems to hold numbers and holes alone: V8 then keeps them in place. */
function isNumeric(value: readonly unknown[]): boolean {
  const { length } = value;
  const count = Math.min(length, SMALL);
  let numbers = 0;
  for (let k = 0; k < count; k += 1) {
    const i = count === length ? k : irregularPlace(k, count, length);
    const element = value[i];
    if (typeof element === 'number') numbers += 1;
    else if (element !== undefined || i in value) return false;
  }
  return numbers > 0 && 4 * numbers >= count;
}

/** Returns true if a long array has mostly holes where it is looked at: V8 then keeps it as a hash table. */
function isSparse(value: readonly unknown[]): boolean {
  const { length } = value;
  if (length <= 1024) return false;
  let holes = 0;
  for (let k = 0; k < SMALL; k += 1) if (!(irregularPlace(k, SMALL, length) in value)) holes += 1;
  return 4 * holes > 3 * SMALL;
}
