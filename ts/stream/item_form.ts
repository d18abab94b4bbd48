/**
 * Whether an item can leave the heap and come back as it was, and how much heap it holds.
 *
 * The sizes are V8's on 64 bits with compressed pointers off: a header of three words, a word per member, one byte per
 * character (two each when one of them is beyond Latin-1).
 */
import { types } from 'node:util';
import { refusedView } from '../cache/storable.js';

export const WORD = 8;
export const OBJECT = 3 * WORD;
const STRING = 2 * WORD;

const WIDE = /[^\0-\xff]/;
/** Characters that are looked at one by one; V8 answers for longer text of one byte a character without reading it. */
const SHORT = 24;

export function stringBytes(text: string): number {
  const { length } = text;
  if (length > SHORT) return STRING + (WIDE.test(text) ? 2 * length : length);
  let all = 0;
  for (let at = 0; at < length; at += 1) all |= text.charCodeAt(at);
  return STRING + (all > 255 ? 2 * length : length);
}

/** What {@link measure} found. */
export interface Measured {
  /** Bytes of heap, estimated from the value's structure; each object counts once. */
  bytes: number;
  /**
   * `json`: plain data that JSON brings back exactly. `clone`: plain data and built-ins that structured cloning brings
   * back. `kept`: holds something neither can (a class instance, a function, a symbol): it has to stay in the heap.
   */
  form: 'json' | 'clone' | 'kept';
  /** The plain objects in it that have no prototype, which cloning would give one. */
  bare: object[];
}

/** Objects looked at once an instance was met: one may hold on to half of the program. */
const INSTANCE_OBJECTS = 10_000;

/** The size of `value` and whether it can leave the heap. O(members); calls no accessor. */
export function measure(value: unknown): Measured {
  const measurement = new Measurement();
  measurement.add(value);
  return measurement;
}

class Measurement implements Measured {
  bytes = 0;
  form: Measured['form'] = 'json';
  readonly bare: object[] = [];
  readonly #seen = new Set<object>();
  /** What is still to be looked at, on no call stack: nesting may be deeper than that allows. */
  readonly #pending: unknown[] = [];
  #left = Number.POSITIVE_INFINITY;

  add(value: unknown): void {
    this.#pending.push(value);
    while (this.#pending.length > 0) this.#one(this.#pending.pop());
  }

  #needs(form: 'clone' | 'kept'): void {
    if (this.form !== 'kept') this.form = form;
  }

  #one(value: unknown): void {
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
        if (value !== null) this.#object(value);
        return;
      default:
        this.bytes += OBJECT;
        this.#needs('kept');
    }
  }

  #object(value: object): void {
    if (this.#seen.has(value)) {
      // Met twice: shared or cyclic, which JSON would copy or refuse.
      this.#needs('clone');
      return;
    }
    if (this.#left <= 0) return;
    this.#left -= 1;
    this.#seen.add(value);
    this.bytes += OBJECT;
    if (types.isProxy(value)) {
      // What it shows would come back, and not it.
      this.#needs('kept');
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (Array.isArray(value)) {
      this.#array(value, prototype);
    } else if (prototype === Object.prototype || prototype === null) {
      if (prototype === null) {
        this.bare.push(value);
        this.#needs('clone');
      }
      this.#members(value);
    } else if (ArrayBuffer.isView(value)) {
      this.bytes += OBJECT + value.byteLength;
      this.#needs(comesBack(value) ? 'clone' : 'kept');
    } else {
      this.#builtin(value, prototype);
    }
  }

  #array(value: unknown[], prototype: unknown): void {
    this.bytes += WORD + value.length * WORD;
    if (prototype !== Array.prototype || Object.getOwnPropertySymbols(value).length > 0) this.#needs('kept');
    const places = Object.keys(value);
    if (places.length === value.length) {
      for (const element of value) this.#pending.push(element);
    } else {
      this.#needs('clone');
      for (const place of places) this.#pending.push(value[place as unknown as number]);
    }
  }

  #members(value: object): void {
    const names = Reflect.ownKeys(value);
    this.bytes += names.length * WORD;
    for (const name of names) {
      const member = Object.getOwnPropertyDescriptor(value, name);
      // A symbol's, an accessor, a hidden or a frozen member would be lost or come back as a plain one.
      const plain = member && typeof name === 'string' && 'value' in member && member.enumerable && member.writable;
      if (!plain) this.#needs('kept');
      else if (name === 'toJSON') this.#needs('clone');
      this.#pending.push(member?.value);
    }
  }

  #builtin(value: object, prototype: unknown): void {
    let own: object | undefined;
    if (types.isMap(value)) {
      own = Map.prototype;
      this.bytes += value.size * 4 * WORD;
      for (const [key, member] of Map.prototype.entries.call(value)) this.#pending.push(key, member);
    } else if (types.isSet(value)) {
      own = Set.prototype;
      this.bytes += value.size * 3 * WORD;
      for (const member of Set.prototype.values.call(value)) this.#pending.push(member);
    } else if (types.isDate(value)) {
      own = Date.prototype;
    } else if (types.isRegExp(value)) {
      if (value.lastIndex === 0) own = RegExp.prototype;
    } else if (types.isArrayBuffer(value)) {
      own = ArrayBuffer.prototype;
      this.bytes += value.byteLength;
    }
    const names = Object.keys(value);
    if (prototype === own && names.length === 0 && Object.getOwnPropertySymbols(value).length === 0) {
      this.#needs('clone');
      return;
    }
    this.#needs('kept');
    this.#left = Math.min(this.#left, INSTANCE_OBJECTS);
    this.bytes += WORD + names.length * WORD;
    for (const name of names) this.#pending.push(Object.getOwnPropertyDescriptor(value, name)?.value);
  }
}

/** Whether a view comes back as it is. One that grows with its buffer would not grow any more. */
function comesBack(view: ArrayBufferView): boolean {
  return refusedView(view) === undefined && !(view.buffer as { resizable?: boolean }).resizable;
}
