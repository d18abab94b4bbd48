/**
 * How much heap a value holds, and whether it can leave the heap and come back as it was.
 *
 * The sizes are V8's on 64 bits with compressed pointers off: a header of three words, a word per member, one byte per
 * Latin-1 character (two when a string has others; told from its first characters, as reading all would cost more than
 * the figure is worth). O(members), each object counted once.
 */
import { types } from 'node:util';

const WORD = 8;
const OBJECT = 3 * WORD;
const STRING = 2 * WORD;

/** What {@link measure} found. */
export interface Measured {
  /** Bytes of heap, estimated from the value's structure. */
  bytes: number;
  /**
   * `json`: plain data that JSON brings back exactly. `clone`: plain data and built-ins that structured cloning brings
   * back. `kept`: holds something neither can (a class instance, a function, a symbol): it has to stay in the heap.
   */
  form: 'json' | 'clone' | 'kept';
}

const CLONED_BUILTINS = new Set<object>([
  Date.prototype,
  RegExp.prototype,
  ArrayBuffer.prototype,
  Int8Array.prototype,
  Uint8Array.prototype,
  Uint8ClampedArray.prototype,
  Int16Array.prototype,
  Uint16Array.prototype,
  Int32Array.prototype,
  Uint32Array.prototype,
  Float32Array.prototype,
  Float64Array.prototype,
  BigInt64Array.prototype,
  BigUint64Array.prototype,
]);

function stringBytes(text: string): number {
  let wide = false;
  for (let i = Math.min(text.length, 8) - 1; i >= 0; i -= 1) wide ||= text.charCodeAt(i) > 255;
  return STRING + (wide ? 2 * text.length : text.length);
}

class Measurement implements Measured {
  bytes = 0;
  form: Measured['form'] = 'json';
  readonly #seen = new Set<object>();

  #needs(form: 'clone' | 'kept'): void {
    if (this.form !== 'kept') this.form = form;
  }

  add(value: unknown): void {
    // A stack of what is still to be looked at: nesting may be deeper than the call stack allows.
    const pending: unknown[] = [value];
    while (pending.length > 0) this.#one(pending.pop(), pending);
  }

  #one(value: unknown, pending: unknown[]): void {
    switch (typeof value) {
      case 'string':
        this.bytes += stringBytes(value);
        return;
      case 'number':
        this.bytes += WORD;
        if (!Number.isFinite(value) || Object.is(value, -0)) this.#needs('clone');
        return;
      case 'boolean':
        return;
      case 'undefined':
        this.#needs('clone');
        return;
      case 'bigint':
        this.bytes += 2 * WORD;
        this.#needs('clone');
        return;
      case 'object':
        if (value !== null) this.#object(value, pending);
        return;
      default:
        this.bytes += OBJECT;
        this.#needs('kept');
    }
  }

  #object(value: object, pending: unknown[]): void {
    if (this.#seen.has(value)) {
      // Met twice: shared or cyclic, which JSON would copy or refuse.
      this.#needs('clone');
      return;
    }
    this.#seen.add(value);
    if (types.isProxy(value)) {
      // What it shows would come back, and not it.
      this.bytes += OBJECT;
      this.#needs('kept');
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
      this.bytes += OBJECT + WORD + value.length * WORD;
      if (prototype !== Array.prototype) this.#needs('kept');
      const places = Object.keys(value);
      if (places.length === value.length) {
        for (const element of value) pending.push(element);
      } else {
        this.#needs('clone');
        for (const place of places) pending.push(value[place as unknown as number]);
      }
    } else if (prototype === Object.prototype) {
      this.#members(value as Record<string, unknown>, pending);
    } else if (value instanceof Map && prototype === Map.prototype) {
      this.bytes += OBJECT + value.size * 4 * WORD;
      this.#needs(Reflect.ownKeys(value).length > 0 ? 'kept' : 'clone');
      for (const [key, member] of value) pending.push(key, member);
    } else if (value instanceof Set && prototype === Set.prototype) {
      this.bytes += OBJECT + value.size * 3 * WORD;
      this.#needs(Reflect.ownKeys(value).length > 0 ? 'kept' : 'clone');
      for (const member of value) pending.push(member);
    } else {
      this.#builtin(value, prototype);
    }
  }

  #members(value: Record<string, unknown>, pending: unknown[]): void {
    const names = Reflect.ownKeys(value);
    this.bytes += OBJECT + names.length * WORD;
    for (const name of names) {
      if (typeof name === 'symbol') {
        this.#needs('kept');
        continue;
      }
      const member = Object.getOwnPropertyDescriptor(value, name);
      // An accessor, a hidden or a frozen member would come back as a plain one.
      if (!member || !('value' in member) || !member.enumerable || !member.writable) this.#needs('kept');
      else if (name === 'toJSON') this.#needs('clone');
      pending.push(member?.value);
    }
  }

  #builtin(value: object, prototype: unknown): void {
    const known = typeof prototype === 'object' && prototype !== null && CLONED_BUILTINS.has(prototype);
    // Not instanceof: inside Jest a view's own buffer is not an instance of the global ArrayBuffer.
    const own = ArrayBuffer.isView(value) ? types.isArrayBuffer(value.buffer) : Object.keys(value).length === 0;
    const plain = known && own && !(types.isRegExp(value) && value.lastIndex !== 0);
    this.#needs(plain ? 'clone' : 'kept');
    if (ArrayBuffer.isView(value)) {
      this.bytes += 2 * OBJECT + value.byteLength;
    } else if (types.isArrayBuffer(value)) {
      this.bytes += OBJECT + value.byteLength;
    } else {
      // An instance counts with its own members, one level deep: what hangs below may belong to others.
      this.bytes += OBJECT + WORD;
      for (const member of Object.values(value)) {
        this.bytes += WORD + (typeof member === 'string' ? stringBytes(member) : 0);
      }
    }
  }
}

/** The size of `value` and whether it can leave the heap. */
export function measure(value: unknown): Measured {
  const measurement = new Measurement();
  measurement.add(value);
  return measurement;
}

/** Objects looked at before the quick count gives up: a value with more, or a cyclic one, is counted with care. */
const QUICK_OBJECTS = 500;

/** The size of `value` alone: as {@link measure}, at a fraction of its cost for the usual small record. */
export function heldBytes(value: unknown): number {
  const left = { objects: QUICK_OBJECTS };
  try {
    const bytes = quickBytes(value, left);
    if (left.objects > 0) return bytes;
  } catch {
    // An accessor threw; the careful count does not call them.
  }
  return measure(value).bytes;
}

function quickBytes(value: unknown, left: { objects: number }): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? OBJECT : WORD;
  left.objects -= 1;
  if (left.objects <= 0) return 0;
  let bytes = OBJECT;
  if (Array.isArray(value)) {
    if (value.length > 100_000) left.objects = 0;
    else for (const element of value) bytes += WORD + quickBytes(element, left);
    return bytes + WORD;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return measure(value).bytes;
  for (const name in value) bytes += WORD + quickBytes((value as Record<string, unknown>)[name], left);
  return bytes;
}
