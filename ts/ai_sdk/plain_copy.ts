/**
 * Copies of what models answer, as data that any cache can hold: objects become plain ones (by their `toJSON` if they have
 * one), functions and symbols are left out, a `Buffer` becomes a `Uint8Array`. Dates, maps, sets and typed arrays stay.
 */
import { types } from 'node:util';

/**
 * A copy that shares nothing a caller would change. References to one object, cycles too, stay references to one copy. What
 * cannot be copied (nested too deep, a `toJSON` that throws) comes back itself: it was paid for.
 */
export function plainCopy<T>(value: T): T {
  try {
    return copyOf(value, new Map()) as T;
  } catch {
    return value;
  }
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
  if (types.isTypedArray(value)) return kept(new (value.constructor as new (from: object) => object)(value));
  if (types.isArrayBuffer(value)) return kept(value.slice(0));
  if (ArrayBuffer.isView(value) || types.isSharedArrayBuffer(value)) return value;
  if (types.isMap(value)) {
    const copy = kept(new Map<unknown, unknown>());
    for (const [key, member] of value) copy.set(copyOf(key, copies), copyOf(member, copies));
    return copy;
  }
  if (types.isSet(value)) {
    const copy = kept(new Set<unknown>());
    for (const member of value) copy.add(copyOf(member, copies));
    return copy;
  }
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
