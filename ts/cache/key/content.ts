/**
 * Content of JavaScript objects, beyond plain objects and arrays: a tag and the parts that make it up. Two
 * objects have the same content when tag and parts have; see `docs/caches.md` for the whole table.
 *
 * Brands are asked of Node (`util.types`), not of `instanceof`: values of another realm (Jest, `vm`) count the same.
 */
import { types } from 'node:util';

/** First unit of a value in a key. Never renumber: stable keys depend on it. */
export const Tag = {
  Undefined: 0,
  Null: 1,
  False: 2,
  True: 3,
  Integer: 4,
  Double: 5,
  NaN: 6,
  ShortText: 7,
  LongText: 8,
  BigInt: 9,
  Array: 10,
  Object: 11,
  End: 12,
  Instance: 13,
  Date: 14,
  RegExp: 15,
  Map: 16,
  Set: 17,
  Bytes: 18,
  Boxed: 19,
  Ancestor: 20,
  Sparse: 21,
  Custom: 22,
  Error: 23,
  /** An object whose names are known by number in this process; never in a stable key. */
  Shape: 24,
  /** Before the values: which of several samples of one input this is. */
  Repeat: 25,
} as const;

/** The content of an object that is neither plain nor an array. */
export interface Content {
  tag: number;
  /** Written in this order. */
  parts: readonly unknown[];
  /** Members of a collection without an order, each a list of parts. */
  members?: readonly (readonly unknown[])[];
}

/** Thrown (as is: it is no error) where a value has no content; the caller finds out where. */
export const NO_CONTENT: unique symbol = Symbol('no content');

function bytesOf(buffer: ArrayBufferLike, offset: number, length: number): string {
  return Buffer.from(buffer, offset, length).toString('latin1');
}

function nameOf(object: object): string {
  const made: unknown = object.constructor;
  return typeof made === 'function' ? made.name : '';
}

/** The own members that are defined, by name. */
function own(object: object): Record<string, unknown> {
  return { ...object };
}

/** The content of a non-plain object, or `undefined` when it has none that can be seen. */
export function contentOf(object: object): Content | undefined {
  if (types.isDate(object)) return { tag: Tag.Date, parts: [Date.prototype.getTime.call(object)] };
  if (types.isRegExp(object)) return { tag: Tag.RegExp, parts: [object.source, object.flags] };
  if (types.isMap(object)) return { tag: Tag.Map, parts: [], members: [...Map.prototype.entries.call(object)] };
  if (types.isSet(object)) {
    return { tag: Tag.Set, parts: [], members: Array.from(Set.prototype.values.call(object), (member) => [member]) };
  }
  if (ArrayBuffer.isView(object)) {
    const kind = types.isDataView(object) ? 'DataView' : (object as Uint8Array)[Symbol.toStringTag];
    return { tag: Tag.Bytes, parts: [kind, bytesOf(object.buffer, object.byteOffset, object.byteLength)] };
  }
  if (types.isAnyArrayBuffer(object)) {
    return { tag: Tag.Bytes, parts: ['ArrayBuffer', bytesOf(object, 0, object.byteLength)] };
  }
  if (types.isBoxedPrimitive(object)) return { tag: Tag.Boxed, parts: [object.valueOf()] };
  if (types.isNativeError(object)) {
    return { tag: Tag.Error, parts: [object.name, object.message, object.cause, own(object)] };
  }
  if (isOpaque(object)) return undefined;
  const { toJSON } = object as { toJSON?: unknown };
  const json: unknown = typeof toJSON === 'function' ? toJSON.call(object, '') : object;
  if (json !== object) return { tag: Tag.Custom, parts: [nameOf(object), json] };
  // Without a visible member two different instances (with #private state) could not be told apart.
  if (Object.keys(object).length === 0) return undefined;
  return { tag: Tag.Instance, parts: [nameOf(object), own(object)] };
}

function isOpaque(object: object): boolean {
  return (
    types.isPromise(object) ||
    types.isWeakMap(object) ||
    types.isWeakSet(object) ||
    types.isGeneratorObject(object) ||
    types.isMapIterator(object) ||
    types.isSetIterator(object) ||
    types.isExternal(object) ||
    types.isModuleNamespaceObject(object)
  );
}
