/**
 * How much memory a value holds on V8's heap (64-bit, without pointer compression, as Node is built). Up to 10,000 members
 * all are looked at; of larger values the arrays and the largest objects are sampled, so that the cost has a bound.
 *
 * Layouts: a string is a header of 16 bytes and 1 or 2 bytes per unit; an object is a header of 24 bytes and 8 per
 * member, or a hash table when it has many; a number that is no small integer is 16 bytes unless it stands in an array of
 * numbers (8).
 */
import { types } from 'node:util';

const POINTER = 8;
/** Members looked at before a value is sampled instead. */
const WHOLE = 10_000;
/** Members of an object, or of an array in a value that is not sampled, that are always looked at. */
const SMALL = 256;
/** Elements looked at of an array that is sampled, by how many sampled ones it stands in. */
const SAMPLES = [512, 32, 8];
/** Entries of a map or set, which can only be read in order, among which some are looked at. */
const FIRST = 10 * WHOLE;
/** Elements looked at of an array when many members have been. */
const LAST_SAMPLE = 2;
/** Nesting that is followed by recursion; what is deeper waits for its turn. */
const MAX_DEPTH = 400;
/** From how many members on the names of an object count, unless other objects have them too. */
const MANY_NAMES = 16;
/** From how many members on JSON.parse makes an object a hash table. */
const HASH_TABLE = 128;
/** Strings longer than this count once however often a value refers to them. */
const SHORT_TEXT = 32;
/** Different strings remembered per value, and names remembered for all. */
const REMEMBERED = 1000;
/** What an object that cannot be looked at is taken for. */
const UNKNOWN = 200;

/** Only tests for what a string of one byte per unit cannot hold: V8 answers that for such a string without reading it. */
const TWO_BYTE = /[^\0-\xff]/;

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** Bytes of a string. */
export function textSize(text: string): number {
  return align(16 + (TWO_BYTE.test(text) ? 2 : 1) * text.length);
}

function isSmallInteger(value: number): boolean {
  return (value | 0) === value && !Object.is(value, -0);
}

/** Bytes held by `value` beside the pointer to it. */
export function sizeOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textSize(value);
    case 'number':
      return isSmallInteger(value) ? 0 : 16;
    case 'bigint':
      return bigintSize(value);
    case 'object':
      return value === null ? 0 : objectSize(value);
    case 'function':
      return 64;
    default:
      return 0;
  }
}

function bigintSize(value: bigint): number {
  return 16 + 8 * Math.ceil(value.toString(16).length / 16);
}

function objectSize(value: object): number {
  try {
    return new Walk(WHOLE).all(value) ?? new Walk(Number.POSITIVE_INFINITY).all(value) ?? UNKNOWN;
  } catch {
    // A getter that throws is its owner's business, and no reason not to keep the value.
    return UNKNOWN;
  }
}

/** Thrown by a walk that has looked at more members than it may. */
const TOO_MANY = new Error('too many members');

/** One name of each recently seen shape with many members: objects with the same names share them. */
const knownNames = new Set<string>();

/** Whether an object with the names of this one was seen lately; remembers it. */
function isKnownShape(names: readonly string[], added: string[]): boolean {
  const name = names[names.length >> 1] as string;
  if (knownNames.has(name)) return true;
  if (knownNames.size >= REMEMBERED) knownNames.clear();
  knownNames.add(name);
  added.push(name);
  return false;
}

/** Slots of three words in a hash table of `length` members. */
function tableSize(length: number): number {
  return 3 * POINTER * 2 ** Math.ceil(Math.log2(1.5 * length));
}

/** Bytes of an object without its members' values. What it adds to the known names goes to `added`, too. */
function ownSize(names: readonly string[], added: string[]): number {
  const { length } = names;
  if (length <= MANY_NAMES) return 24 + POINTER * length;
  // Indexes come first and are no names.
  const last = names[length - 1] as string;
  if (String(Number(last) >>> 0) === last) {
    return 40 + (Number(last) < 3 * length ? POINTER * (Number(last) + 1) : tableSize(length));
  }
  const table = length > HASH_TABLE ? tableSize(length) : POINTER * length;
  if (isKnownShape(names, added)) return 24 + table;
  let own = 24 + table;
  const step = Math.ceil(length / REMEMBERED);
  for (let i = 0; i < length; i += step) own += step * textSize(names[i] as string);
  // A shape of its own: between what it takes as a chain of hidden classes and what it takes as a hash table.
  return length > HASH_TABLE ? own : own + 84 * length;
}

class Walk {
  #seen = new Set<object>();
  #texts: Set<string> | undefined;
  #later: object[] = [];
  #added: string[] = [];
  #depth = 0;
  #looked = 0;
  #sampling = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of `value`; `undefined` when it has more members than the limit. */
  all(value: object): number | undefined {
    try {
      let sum = this.#object(value);
      for (let next = this.#later.pop(); next !== undefined; next = this.#later.pop()) sum += this.#object(next);
      return sum;
    } catch (error) {
      if (error === TOO_MANY) {
        // The next walk is the one that counts.
        for (const name of this.#added) knownNames.delete(name);
        return undefined;
      }
      throw error;
    }
  }

  #member(value: unknown): number {
    if (typeof value === 'object' && value !== null) {
      if (this.#depth < MAX_DEPTH) return this.#object(value);
      if (this.#later.length < WHOLE) this.#later.push(value);
      return 0;
    }
    return typeof value === 'string' && value.length > SHORT_TEXT ? this.#longText(value) : sizeOf(value);
  }

  #longText(value: string): number {
    this.#texts ??= new Set();
    if (this.#texts.has(value)) return 0;
    if (this.#texts.size < REMEMBERED) this.#texts.add(value);
    return textSize(value);
  }

  #object(value: object): number {
    if (this.#seen.has(value)) return 0;
    this.#seen.add(value);
    this.#depth += 1;
    const size = this.#contents(value);
    this.#depth -= 1;
    return size;
  }

  #contents(value: object): number {
    if (Array.isArray(value)) return this.#array(value);
    if (ArrayBuffer.isView(value)) return 200 + bufferSize(value.buffer, value.byteLength);
    if (types.isAnyArrayBuffer(value)) return 100 + value.byteLength;
    if (types.isDate(value)) return 120;
    if (types.isMap(value)) return 100 + value.size * 36 + this.#entries(value);
    if (types.isSet(value)) return 100 + value.size * 28 + this.#entries(value);
    const names = Object.keys(value);
    const at = (i: number) => this.#member((value as Record<string, unknown>)[names[i] as string]);
    return ownSize(names, this.#added) + this.#sum(names.length, Math.max(SMALL, this.#mayLookAt()), at);
  }

  /** Of a map, keys and members. */
  #entries(value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>): number {
    if (value.size === 0) return 0;
    if (this.#looked + value.size > this.#limit) throw TOO_MANY;
    const first: (readonly [unknown, unknown])[] = [];
    for (const entry of value.entries()) {
      first.push(entry);
      if (first.length === FIRST) break;
    }
    const isSet = types.isSet(value);
    const sum = this.#sum(first.length, this.#mayLookAt(), (i) => {
      const [key, member] = first[i] as readonly [unknown, unknown];
      return this.#member(key) + (isSet ? 0 : this.#member(member));
    });
    return (sum * value.size) / first.length;
  }

  /** Elements that may be looked at of the array that comes now. */
  #mayLookAt(): number {
    if (this.#limit < Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return this.#looked > 2 * WHOLE ? LAST_SAMPLE : (SAMPLES[this.#sampling] ?? LAST_SAMPLE);
  }

  /** The sum over `length` members of which at most `most` are looked at: all, or one at no regular place in each part. */
  #sum(length: number, most: number, at: (index: number) => number): number {
    const count = Math.min(length, most);
    this.#looked += count;
    if (this.#looked > this.#limit) throw TOO_MANY;
    let sum = 0;
    if (count === length) {
      for (let i = 0; i < length; i += 1) sum += at(i);
      return sum;
    }
    this.#sampling += 1;
    for (let k = 0; k < count; k += 1) sum += at(Math.floor(((k + ((k * 0.618034) % 1)) * length) / count));
    this.#sampling -= 1;
    return (sum * length) / count;
  }

  #array(value: readonly unknown[]): number {
    const { length } = value;
    // Numbers in place: not worth looking at them all.
    if (typeof value[0] === 'number' && typeof value[length - 1] === 'number' && isNumeric(value)) {
      return 48 + POINTER * length;
    }
    const elements = this.#sum(length, this.#mayLookAt(), (i) => this.#member(value[i]));
    return 48 + POINTER * length + elements;
  }
}

/** Whether an array seems to hold nothing but numbers, which it then holds in place. */
function isNumeric(value: readonly unknown[]): boolean {
  const { length } = value;
  const count = Math.min(length, SMALL);
  for (let k = 0; k < count; k += 1) {
    const i = count === length ? k : Math.floor(((k + ((k * 0.618034) % 1)) * length) / count);
    if (typeof value[i] !== 'number') return false;
  }
  return true;
}

/** Small Buffers share a pool: of that, they hold their part. */
function bufferSize(buffer: ArrayBufferLike, viewed: number): number {
  return buffer.byteLength === Buffer.poolSize ? viewed : buffer.byteLength;
}
