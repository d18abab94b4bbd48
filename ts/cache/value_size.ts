/**
 * How much memory a value holds on V8's heap (64-bit, without pointer compression, as Node is built), without walking
 * through all of it: long arrays and large objects are sampled. Cost: O(1) for strings and arrays of numbers, O(members)
 * for small objects, never more than a few hundred members.
 *
 * Layouts: a string is a header of 16 bytes and 1 or 2 bytes per unit; an object is a header of 24 bytes and 8 per
 * member; a number that is no small integer is 16 bytes unless it stands in an array of numbers (8).
 */
import { types } from 'node:util';

const POINTER = 8;
/** Elements and members looked at per array, object, map or set. */
const SAMPLE = 32;
/** Objects looked at per value. */
const MAX_OBJECTS = 400;

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
      return value === null ? 0 : new Walk().object(value);
    case 'function':
      return 64;
    default:
      return 0;
  }
}

function bigintSize(value: bigint): number {
  return 16 + 8 * Math.ceil(value.toString(16).length / 16);
}

class Walk {
  #seen = new Set<object>();

  member(value: unknown): number {
    return typeof value === 'object' && value !== null ? this.object(value) : sizeOf(value);
  }

  object(value: object): number {
    if (this.#seen.has(value) || this.#seen.size >= MAX_OBJECTS) return 0;
    this.#seen.add(value);
    if (Array.isArray(value)) return this.#array(value);
    if (ArrayBuffer.isView(value)) return 200 + bufferSize(value.buffer, value.byteLength);
    if (types.isAnyArrayBuffer(value)) return 100 + value.byteLength;
    if (types.isDate(value)) return 120;
    if (types.isMap(value)) return this.#map(value);
    if (types.isSet(value)) return this.#set(value);
    return this.#members(value as Record<string, unknown>);
  }

  /** The sum over `length` members of which every `step`th is looked at. */
  #sampled(length: number, at: (index: number) => number): number {
    if (length === 0) return 0;
    const step = Math.max(1, Math.floor(length / SAMPLE));
    let sum = 0;
    let count = 0;
    for (let i = 0; i < length; i += step) {
      sum += at(i);
      count += 1;
    }
    return (sum * length) / count;
  }

  #array(value: readonly unknown[]): number {
    let numbers = true;
    const elements = this.#sampled(value.length, (i) => {
      const element = value[i];
      if (typeof element === 'number') return isSmallInteger(element) ? 0 : 16;
      numbers = false;
      return this.member(element);
    });
    // An array of nothing but numbers holds them in place.
    return 48 + POINTER * value.length + (numbers ? 0 : elements);
  }

  #map(value: ReadonlyMap<unknown, unknown>): number {
    let sum = 0;
    let count = 0;
    for (const [key, member] of value) {
      sum += this.member(key) + this.member(member);
      count += 1;
      if (count === SAMPLE) break;
    }
    return 100 + value.size * 36 + (count === 0 ? 0 : (sum * value.size) / count);
  }

  #set(value: ReadonlySet<unknown>): number {
    let sum = 0;
    let count = 0;
    for (const member of value) {
      sum += this.member(member);
      count += 1;
      if (count === SAMPLE) break;
    }
    return 100 + value.size * 28 + (count === 0 ? 0 : (sum * value.size) / count);
  }

  #members(value: Record<string, unknown>): number {
    const names = Object.keys(value);
    // Beyond about a thousand members V8 keeps a hash table: name, value and details per member, half of it empty.
    const perMember = names.length > 1000 ? 48 : POINTER;
    return 24 + perMember * names.length + this.#sampled(names.length, (i) => this.member(value[names[i] as string]));
  }
}

/** Small Buffers share a pool: of that, they hold their part. */
function bufferSize(buffer: ArrayBufferLike, viewed: number): number {
  return buffer.byteLength === Buffer.poolSize ? viewed : buffer.byteLength;
}
