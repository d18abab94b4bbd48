/**
 * Writes values as a canonical, prefix-free sequence of UTF-16 units for the native engine to hash.
 *
 * Structure, numbers and short strings go to a page of memory that the engine reads in place; long strings are
 * concatenated (V8 copies nothing then) and handed over as one. Nothing is escaped, quoted or turned into JSON.
 *
 * Invariants: equal content is the same sequence whatever the order of an object's members; different content is
 * a different sequence, because every part says its type and its length or its end, so that a sequence can only be read
 * one way. Cost: O(size of the values), without allocation for plain data.
 */
import { isPlain } from '../../value/plain.js';
import { isStackOverflow } from '../../value/stack_overflow.js';
import { contentOf, NO_CONTENT, Tag } from './content.js';
import { invalidKey } from './invalid_key.js';
import { ROOT, type Step, shapeOf } from './shape.js';

/** Strings longer than this are handed over as strings, shorter ones unit by unit. */
const SHORT = 32;
/** Units of structure before the page is emptied into a string. */
const PAGE = 16 * 1024;
/** The most that is written between two looks at how full the page is. */
const MARGIN = SHORT + 64;

/** Memory for the structure, which every native cache reads in place. */
export const page = new Uint16Array(PAGE + 2 * MARGIN);

let at = 0;
let text = '';
let spilled = '';
let depth = 0;
const ancestors: (object | undefined)[] = [];
/** Members read but not yet written. */
const values: unknown[] = [];
let top = 0;
/** True if the key is to mean the same in another process. */
let stable = false;

const double = new Float64Array(1);
const doubleUnits = new Uint16Array(double.buffer);

/** A writer that was interrupted: a getter or `toJSON` of a key may itself use a cache. */
interface Interrupted {
  units: Uint16Array;
  text: string;
  spilled: string;
  depth: number;
  top: number;
  stable: boolean;
  ancestors: (object | undefined)[];
}

const interrupted: Interrupted[] = [];
/** Writers that have begun and whose key was not read yet. */
let active = 0;

function begin(forOthers: boolean): void {
  if (active > 0) {
    interrupted.push({ units: page.slice(0, at), text, spilled, depth, top, stable, ancestors: ancestors.splice(0) });
  } else {
    top = 0;
  }
  active += 1;
  at = 0;
  text = '';
  spilled = '';
  depth = 0;
  stable = forOthers;
}

/** Calls `use` with the key just written, `structure` units of it on the page, and lets an interrupted writer go on. */
export function withKey<R>(structure: number, use: (structure: number, text: string) => R): R {
  try {
    return use(structure, text);
  } finally {
    keyRead();
  }
}

/** Ends the use of a key, as {@link withKey} does. */
export function keyRead(): void {
  active -= 1;
  if (active > 0) resume();
}

function resume(): void {
  const outer = interrupted.pop();
  if (!outer) return;
  page.set(outer.units);
  at = outer.units.length;
  ({ text, spilled, depth, top, stable } = outer);
  ancestors.splice(0, ancestors.length, ...outer.ancestors);
}

function end(): number {
  if (spilled === '') {
    page[at++] = 0;
    return at;
  }
  writeLength(spilled.length);
  page[at++] = 1;
  text = spilled + text;
  return at;
}

/** The long strings of the key just written. */
export function keyText(): string {
  return text;
}

/**
 * Writes the key of two values, with their names for errors. Returns how many units of {@link page} it takes; the rest is
 * {@link keyText}. Call {@link keyRead} after use. With `forOthers` the sequence means the same in every process. A
 * `repeat` above 0 is part of the key.
 *
 * @throws TypeError naming the path of a part without content.
 */
export function writeKey(nameA: string, a: unknown, nameB: string, b: unknown, forOthers = false, repeat = 0): number {
  begin(forOthers);
  try {
    if (repeat > 0) {
      page[at++] = Tag.Repeat;
      writeNumber(repeat);
    }
    write(a);
    write(b);
  } catch (error) {
    ancestors.length = 0;
    values.length = top;
    keyRead();
    const tooDeep = isStackOverflow(error);
    if (tooDeep || error === NO_CONTENT) throw invalidKey([nameA, nameB], [a, b], tooDeep);
    throw error;
  }
  return end();
}

/** Writes the key of a text alone, as {@link writeKey} does: it has no structure. */
export function writeTextKey(whole: string): number {
  begin(false);
  text = whole;
  return 0;
}

/** A key that outlives the page it was written on. */
export interface KeyCopy {
  /** Structure and text: keys are the same when this and `structure` are. */
  readonly id: string;
  /** Units of structure in `id`. */
  readonly structure: number;
}

/** Tells keys apart. */
export function idOf({ id, structure }: KeyCopy): string {
  return `${structure} ${id}`;
}

/** A copy of the key just written, before {@link keyRead}. O(structure). */
export function copyKey(structure: number): KeyCopy {
  return { id: Buffer.from(page.buffer, 0, structure * 2).toString('utf16le') + text, structure };
}

/** Several keys, as the engine takes them. */
export interface KeyList {
  /** Structure and text of one key after the other. */
  units: string;
  /** Two numbers a key: the units of its structure, and all of its units. */
  spans: Uint32Array;
}

/** Lists copied keys. O(keys). */
export function listKeys(copies: readonly KeyCopy[]): KeyList {
  const spans = new Uint32Array(2 * copies.length);
  let units = '';
  for (const [nth, { id, structure }] of copies.entries()) {
    units += id;
    spans[2 * nth] = structure;
    spans[2 * nth + 1] = id.length;
  }
  return { units, spans };
}

/** Lists keys that are texts. O(keys). */
export function listTexts(texts: readonly string[]): KeyList {
  return listKeys(texts.map((id) => ({ id, structure: 0 })));
}

/** Writes a copied key again, as {@link writeKey} did. */
export function writeCopy({ id, structure }: KeyCopy): number {
  begin(false);
  for (; at < structure; at += 1) page[at] = id.charCodeAt(at);
  text = id.slice(structure);
  return structure;
}

function write(value: unknown): void {
  if (at > PAGE) spill();
  switch (typeof value) {
    case 'string':
      writeText(value);
      return;
    case 'number':
      writeNumber(value);
      return;
    case 'boolean':
      page[at++] = value ? Tag.True : Tag.False;
      return;
    case 'undefined':
      page[at++] = Tag.Undefined;
      return;
    case 'bigint':
      page[at++] = Tag.BigInt;
      writeText(value.toString(16));
      return;
    case 'object':
      if (value === null) page[at++] = Tag.Null;
      else writeObject(value);
      return;
    default:
      throw NO_CONTENT;
  }
}

function writeLength(n: number): void {
  page[at++] = n & 0xffff;
  page[at++] = n >>> 16;
}

function writeText(value: string): void {
  const { length } = value;
  if (length > SHORT) {
    page[at++] = Tag.LongText;
    writeLength(length);
    text += value;
    return;
  }
  page[at++] = Tag.ShortText;
  page[at++] = length;
  for (let i = 0; i < length; i += 1) page[at++] = value.charCodeAt(i);
}

function writeNumber(value: number): void {
  const integer = value | 0;
  if (integer === value) {
    // −0 is written as 0: they are equal, and JSON and Map treat them as one.
    page[at++] = Tag.Integer;
    writeLength(integer);
    return;
  }
  if (Number.isNaN(value)) {
    page[at++] = Tag.NaN;
    return;
  }
  double[0] = value;
  page[at++] = Tag.Double;
  for (let i = 0; i < 4; i += 1) page[at++] = doubleUnits[i] as number;
}

function writeObject(value: object): void {
  for (let i = 0; i < depth; i += 1) {
    if (ancestors[i] === value) {
      page[at++] = Tag.Ancestor;
      writeLength(i);
      return;
    }
  }
  ancestors[depth++] = value;
  if (Array.isArray(value)) writeArray(value);
  else if (isPlain(value)) writeMembers(value as Record<string, unknown>);
  else writeContent(value);
  ancestors[--depth] = undefined;
}

function writeArray(value: readonly unknown[]): void {
  const { length } = value;
  // A hole is not an element that is undefined; and a sparse array may be long without holding much.
  for (let i = 0; i < length; i += 1) {
    if (value[i] === undefined && !(i in value)) {
      writeSparse(value);
      return;
    }
  }
  page[at++] = Tag.Array;
  writeLength(length);
  for (let i = 0; i < length; i += 1) write(value[i]);
}

function writeSparse(value: readonly unknown[]): void {
  page[at++] = Tag.Sparse;
  writeLength(value.length);
  // Integer keys come first and in ascending order; what is not an index is no element.
  for (const name of Object.keys(value)) {
    const index = Number(name);
    if (!(index < value.length) || String(index) !== name) break;
    write(index);
    write(value[index]);
  }
  page[at++] = Tag.End;
}

/**
 * Members by sorted name. All are read before the first is written, onto a stack that the members' own members go on top
 * of; `undefined` ones are no members.
 */
function writeMembers(value: Record<string, unknown>): void {
  const bottom = top;
  let step: Step | undefined = ROOT;
  // Inherited members (of a polluted Object.prototype) are read too: they are the same for every object.
  for (const name in value) {
    const member = value[name];
    if (member === undefined) continue;
    values[top++] = member;
    if (step !== undefined) step = step.lastName === name ? step.last : step.to(name);
    if (typeof member === 'function') {
      if (typeof value.toJSON !== 'function') throw NO_CONTENT;
      while (top > bottom) values[--top] = undefined;
      writeContent(value);
      return;
    }
  }
  const shape =
    step !== undefined ? step.shape : shapeOf(Object.keys(value).filter((name) => value[name] !== undefined));
  const { order, names } = shape;
  const id = stable ? 0 : shape.id;
  if (id > 0) {
    page[at++] = Tag.Shape;
    page[at++] = id;
  } else {
    page[at++] = Tag.Object;
  }
  for (let i = 0; i < order.length; i += 1) {
    if (id === 0) {
      if (at > PAGE) spill();
      writeText(names[i] as string);
    }
    write(values[bottom + (order[i] as number)]);
  }
  if (id === 0) page[at++] = Tag.End;
  while (top > bottom) values[--top] = undefined;
}

function writeContent(value: object): void {
  const content = contentOf(value);
  if (!content) throw NO_CONTENT;
  page[at++] = content.tag;
  for (const part of content.parts) write(part);
  if (content.members) writeUnordered(content.members);
}

/** Members in the order of what they are written as. */
function writeUnordered(members: readonly (readonly unknown[])[]): void {
  writeLength(members.length);
  spill();
  const outer = { text, spilled };
  const written = members.map((parts) => {
    text = '';
    spilled = '';
    for (const part of parts) write(part);
    spill();
    return { structure: spilled, text, sort: spilled + text };
  });
  written.sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : a.structure.length - b.structure.length));
  ({ text, spilled } = outer);
  for (const member of written) {
    writeLength(member.structure.length);
    writeLength(member.text.length);
    spill();
    spilled += member.sort;
  }
}

function spill(): void {
  spilled += Buffer.from(page.buffer, 0, at * 2).toString('utf16le');
  at = 0;
}
