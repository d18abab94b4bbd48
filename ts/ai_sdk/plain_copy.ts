/**
 * Copies of what models answer, as data that any cache can hold: objects become plain ones (by their `toJSON` if they have
 * one), functions and symbols are left out, a `Buffer` becomes a `Uint8Array`. Dates, maps, sets and typed arrays stay.
 */
import { types } from 'node:util';

/** A copy that shares nothing a caller would change. References to one object, cycles too, stay references to one copy. */
export function plainCopy<T>(value: T): T {
  return copyOf(value, new Map()) as T;
}

function copyOf(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const kept = <C extends object>(copy: C): C => {
    copies.set(value, copy);
    return copy;
  };
  if (types.isDate(value)) return kept(new Date(value.getTime()));
  if (types.isUint8Array(value)) return kept(new Uint8Array(value));
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value) || types.isMap(value) || types.isSet(value))
    return value;
  if (Array.isArray(value)) {
    const copy: unknown[] = kept([]);
    for (const element of value) copy.push(copyOf(element, copies));
    return copy;
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return copyOf(toJSON.call(value, ''), copies);
  const copy = kept({});
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'function' || typeof member === 'symbol') continue;
    // Not an assignment: a member named `__proto__` is a member like any other.
    const own = { value: copyOf(member, copies), writable: true, enumerable: true, configurable: true };
    Object.defineProperty(copy, name, own);
  }
  return copy;
}
