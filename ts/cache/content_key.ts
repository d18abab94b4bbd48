/**
 * Writes values as a canonical, prefix-free sequence of UTF-16 units for the native engine to hash.
 *
 * Structure, numbers and short strings go to a page of memory that the engine reads in place; long strings are
 * concatenated (V8 copies nothing then) and handed over as one. Nothing is escaped, quoted or turned into JSON.
 *
 * What always holds: equal content is the same sequence whatever the order of an object's members; different content is
 * a different sequence, because every part says its type and its length or its end, so that a sequence can only be read
 * one way. Cost: O(size of the values), without allocation for plain data.
 */
import { contentOf, isPlain, NO_CONTENT, Tag } from './content.js';
import { noContent } from './no_content.js';

/** Strings longer than this are handed over as strings, shorter ones unit by unit. */
const SHORT = 32;
/** Units of structure before the page is emptied into a string. */
const PAGE = 16 * 1024;
/** The most that is written between two looks at how full the page is. */
const MARGIN = SHORT + 64;

/** Where the structure is written; every native cache reads it in place. */
export const page = new Uint16Array(PAGE + 2 * MARGIN);

let at = 0;
let text = '';
let spilled = '';
let depth = 0;
const ancestors: (object | undefined)[] = [];

const double = new Float64Array(1);
const doubleUnits = new Uint16Array(double.buffer);

/** Writers that were interrupted: a getter or `toJSON` of a key may itself use a cache. */
const interrupted: {
  units: Uint16Array;
  text: string;
  spilled: string;
  depth: number;
  ancestors: (object | undefined)[];
}[] = [];
let active = 0;

function begin(): void {
  if (active > 0) {
    interrupted.push({ units: page.slice(0, at), text, spilled, depth, ancestors: ancestors.splice(0) });
  }
  active += 1;
  at = 0;
  text = '';
  spilled = '';
  depth = 0;
}

/** To be called when the engine has read the key: an interrupted writer goes on. */
export function keyRead(): void {
  active -= 1;
  if (active > 0) resume();
}

function resume(): void {
  const outer = interrupted.pop();
  if (!outer) return;
  page.set(outer.units);
  at = outer.units.length;
  ({ text, spilled, depth } = outer);
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
 * Writes the key of two values. Returns how many units of {@link page} it takes; the rest is {@link keyText}. Call
 * {@link keyRead} after use.
 */
export function writeKey(nameA: string, a: unknown, nameB: string, b: unknown): number {
  begin();
  try {
    write(a);
    write(b);
  } catch (error) {
    ancestors.length = 0;
    keyRead();
    const tooDeep = isStackOverflow(error);
    if (tooDeep || error === NO_CONTENT) throw noContent([nameA, nameB], [a, b], tooDeep);
    throw error;
  }
  return end();
}

function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/i.test(error.message);
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

function writeMembers(value: Record<string, unknown>): void {
  if (typeof value.toJSON === 'function') {
    writeContent(value);
    return;
  }
  const names = Object.keys(value);
  if (names.length > 1) names.sort();
  page[at++] = Tag.Object;
  for (const name of names) {
    const member = value[name];
    if (member === undefined) continue;
    if (at > PAGE) spill();
    writeText(name);
    write(member);
  }
  page[at++] = Tag.End;
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
