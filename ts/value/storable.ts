/**
 * Decides whether a value can leave the heap as bytes and come back as it is, and if not, which part of it could not.
 *
 * Brands are asked of Node (`util.types`) and of the prototype's constructor, not of names: a class that calls itself
 * `Date` is refused, and values of another realm (Jest, `vm`) are accepted. O(size of the value).
 */
import { isDeepStrictEqual, types } from 'node:util';
import { memberPath } from './path.js';
import { isPlain } from './plain.js';
import { isDetached } from './structured_clone.js';

/** Deepest nesting: a deeper value could be written on one stack and not be read on another. */
const MOST_LEVELS = 2000;
/** Most elements of an array: looking for members besides them takes memory for each. */
const MOST_ELEMENTS = 10_000_000;

/** Result for a value that can leave the heap. */
export interface Storable {
  /** True if JSON brings it back exactly. */
  isJson: boolean;
  /** Objects in it without a prototype: cloning would give them one. */
  bare: object[];
}

/** Result for a value that cannot: the part that is refused. */
export interface Refusal {
  what: string;
  /** Path of the part, the innermost step first. */
  steps: string[];
}

/** True if a getter is read, and comes back as the value it gave, or is refused. */
export type Getters = 'read' | 'refused';

interface Inspection extends Storable {
  getters: Getters;
  seen: Set<object>;
  levels: number;
}

/** Inspects every part of `value`. Throws what a getter throws. */
export function inspect(value: unknown, getters: Getters): Storable | Refusal {
  const inspection: Inspection = { isJson: true, bare: [], getters, seen: new Set(), levels: 0 };
  return visit(value, inspection) ?? inspection;
}

function refused(what: string): Refusal {
  return { what, steps: [] };
}

/** Returns `refusal` as seen from one level further out. */
function within(refusal: Refusal, step: string): Refusal {
  refusal.steps.push(step);
  return refusal;
}

/** Returns the first refusal of a part of `value`. */
function visit(value: unknown, inspection: Inspection): Refusal | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      if (!Number.isFinite(value) || Object.is(value, -0)) inspection.isJson = false;
      return undefined;
    case 'object':
      break;
    case 'function':
      return refused(`a function (${value.name || 'anonymous'})`);
    case 'symbol':
      return refused(`a symbol (${String(value)})`);
    default:
      inspection.isJson = false;
      return undefined;
  }
  if (value === null) return undefined;
  if (inspection.seen.has(value)) {
    // Shared or cyclic, which JSON would copy or refuse.
    inspection.isJson = false;
    return undefined;
  }
  inspection.seen.add(value);
  if (inspection.levels > MOST_LEVELS) return refused(`nested more than ${MOST_LEVELS} levels deep`);
  if (types.isProxy(value)) return refused('a Proxy');
  inspection.levels += 1;
  const refusal = Array.isArray(value)
    ? visitArray(value, inspection)
    : isPlain(value)
      ? visitPlain(value as Record<string, unknown>, inspection)
      : visitBuiltin(value, inspection);
  inspection.levels -= 1;
  return refusal;
}

function visitArray(value: unknown[], inspection: Inspection): Refusal | undefined {
  if (!isOwnArray(value)) return instance(value, 'Array');
  const { length } = value;
  if (length > MOST_ELEMENTS) return refused(`an array of ${length} elements (more than ${MOST_ELEMENTS})`);
  const names = Object.keys(value);
  if (names.length !== length) return visitOddArray(value, names, inspection);
  for (let i = 0; i < length; i += 1) {
    // A hole and another member may have made up for each other.
    if (value[i] === undefined && !Object.hasOwn(value, i)) return visitOddArray(value, names, inspection);
    const refusal = visit(value[i], inspection);
    if (refusal) return within(refusal, `[${i}]`);
  }
  return hasSymbols(value) ? refused('an array with members named by symbols') : undefined;
}

/** Visits an array with holes or with members besides its elements, which cloning keeps. */
function visitOddArray(value: unknown[], names: string[], inspection: Inspection): Refusal | undefined {
  inspection.isJson = false;
  for (const name of names) {
    const refusal = visit(value[name as unknown as number], inspection);
    if (refusal) return within(refusal, /^\d+$/.test(name) ? `[${name}]` : memberPath('', name));
  }
  return hasSymbols(value) ? refused('an array with members named by symbols') : undefined;
}

function visitPlain(value: Record<string, unknown>, inspection: Inspection): Refusal | undefined {
  if (Object.getPrototypeOf(value) === null) {
    inspection.isJson = false;
    inspection.bare.push(value);
  }
  for (const name of Object.keys(value)) {
    const isGetter =
      inspection.getters === 'refused' && Object.getOwnPropertyDescriptor(value, name)?.get !== undefined;
    const refusal = isGetter ? refused('a getter') : visit(value[name], inspection);
    if (refusal) return within(refusal, memberPath('', name));
    if (name === '__proto__') inspection.isJson = false;
  }
  // JSON would call it, be it inherited.
  if (value.toJSON !== undefined) inspection.isJson = false;
  return hasSymbols(value) ? refused('an object with members named by symbols') : undefined;
}

function hasSymbols(value: object): boolean {
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length > 0 && symbols.some((name) => Object.prototype.propertyIsEnumerable.call(value, name));
}

function visitBuiltin(value: object, inspection: Inspection): Refusal | undefined {
  inspection.isJson = false;
  if (ArrayBuffer.isView(value)) return refusedView(value);
  const name = BUILTINS.find(([, is]) => is(value))?.[0];
  if (name === undefined || !isMadeBy(value, name)) return instance(value, name);
  if (Object.keys(value).length > 0 || hasSymbols(value)) return refused(`a ${name} with members of its own`);
  if (types.isRegExp(value) && value.lastIndex !== 0) return refused(`a RegExp with the lastIndex ${value.lastIndex}`);
  if (types.isArrayBuffer(value)) return refusedBuffer(value);
  let i = 0;
  if (types.isMap(value)) {
    for (const [key, member] of Map.prototype.entries.call(value)) {
      const inKey = visit(key, inspection);
      if (inKey) return within(inKey, `{${i} (a key)}`);
      const refusal = visit(member, inspection);
      if (refusal) return within(refusal, `{${i}}`);
      i += 1;
    }
  } else if (types.isSet(value)) {
    for (const member of Set.prototype.values.call(value)) {
      const refusal = visit(member, inspection);
      if (refusal) return within(refusal, `{${i}}`);
      i += 1;
    }
  }
  return undefined;
}

const BUILTINS: readonly (readonly [string, (value: unknown) => boolean])[] = [
  ['Date', types.isDate],
  ['RegExp', types.isRegExp],
  ['Map', types.isMap],
  ['Set', types.isSet],
  ['ArrayBuffer', types.isArrayBuffer],
];

/** Returns the reason why a view is refused. */
export function refusedView(value: ArrayBufferView): Refusal | undefined {
  const name = types.isDataView(value) ? 'DataView' : (value as Uint8Array)[Symbol.toStringTag];
  if (!isMadeBy(value, name)) return instance(value, name);
  if (!types.isArrayBuffer(value.buffer)) return refused(`a ${name} of a SharedArrayBuffer`);
  if (isDetached(value.buffer)) return refused(`a ${name} of a detached ArrayBuffer`);
  // One that grows with its buffer would not grow any more.
  if ((value.buffer as { resizable?: boolean }).resizable) return refused(`a ${name} of a resizable ArrayBuffer`);
  return hasOwnMembers(value) ? refused(`a ${name} with members of its own`) : undefined;
}

/** Returns true if a view has members besides its elements. */
function hasOwnMembers(value: ArrayBufferView): boolean {
  if (types.isDataView(value)) return Object.keys(value).length > 0 || hasSymbols(value);
  const { buffer, byteOffset, length } = value as Uint8Array;
  const made = Object.getPrototypeOf(value).constructor as Uint8ArrayConstructor;
  // Compares such members after the bytes, in a tenth of the time that listing all names takes.
  return !isDeepStrictEqual(value, new made(buffer, byteOffset, length));
}

function refusedBuffer(value: ArrayBuffer): Refusal | undefined {
  if (isDetached(value)) return refused('a detached ArrayBuffer');
  return (value as { resizable?: boolean }).resizable ? refused('a resizable ArrayBuffer') : undefined;
}

/** Returns true if an array without holes is what `[]` makes, has no other members, and is not too long to tell. */
export function hasElementsOnly(value: unknown[]): boolean {
  const { length } = value;
  if (types.isProxy(value) || !isOwnArray(value) || length > MOST_ELEMENTS) return false;
  return Object.keys(value).length === length && !hasSymbols(value);
}

/** Returns true if an array is what `[]` makes, in any realm. */
function isOwnArray(value: unknown[]): boolean {
  return Object.getPrototypeOf(value) === Array.prototype || isMadeBy(value, 'Array');
}

/**
 * Whether the constructor in the prototype of `value` is the language's own of that name, in any realm: that of a class is
 * the class, and native code has no other source. (The dates of fake timers carry theirs on themselves.)
 */
function isMadeBy(value: object, name: string): boolean {
  const holder: unknown = Object.hasOwn(value, 'constructor') ? value : Object.getPrototypeOf(value);
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, 'constructor')) return false;
  const made: unknown = holder.constructor;
  return (
    typeof made === 'function' && Function.prototype.toString.call(made) === `function ${name}() { [native code] }`
  );
}

/** Refuses an instance of a class; `name` is the builtin that the class is derived from. */
function instance(value: object, name: string | undefined): Refusal {
  const own = value.constructor?.name || 'an unnamed class';
  return refused(`an instance of ${own}${name === undefined ? '' : `, a class derived from ${name}`}`);
}
