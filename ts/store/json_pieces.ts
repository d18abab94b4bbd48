/**
 * JSON texts of large values, made piece by piece so that the event loop can turn in between.
 *
 * The pieces put together are what `JSON.stringify` gives. A value that its owner changes meanwhile may be read in part
 * before the change and in part after it.
 */
import { types } from 'node:util';
import { hasToJson, holdsFunction } from './json_losses.js';

/** UTF-16 units of a piece, and about those of a value that is made a text in one go: some tenths of a millisecond. */
export const PIECE_UNITS = 64 * 1024;

/** Levels below which weighing does not look: such a value is left to `JSON.stringify`, which refuses what is too deep. */
const DEEPEST = 200;
/** The weight of a member beside those of its name and its text. */
const MEMBER = 8;

/** The members of an object or the elements of an array that are being written. */
interface Level {
  value: object;
  /** The names of the members; absent for an array. */
  names: string[] | undefined;
  at: number;
  isEmpty: boolean;
}

/** A function, a `bigint` or a value that holds itself, of which JSON has no text. */
export class NoJson extends Error {}

/** Returns whether the JSON text of `value` is worth being made piece by piece. O({@link PIECE_UNITS}). */
export function isLarge(value: unknown): boolean {
  return weightWithin(value, PIECE_UNITS, 0) > PIECE_UNITS;
}

/** Returns about the units of a text, or more than `budget` as soon as they are known to be. */
function weightWithin(value: unknown, budget: number, depth: number): number {
  if (typeof value === 'string') return value.length;
  if (!isContainer(value) || depth > DEEPEST) return MEMBER;
  let weight = MEMBER;
  if (Array.isArray(value)) {
    if (value.length * 2 > budget) return value.length * 2;
    for (const element of value) {
      weight += weightWithin(element, budget - weight, depth + 1);
      if (weight > budget) return weight;
    }
    return weight;
  }
  for (const name in value) {
    weight += name.length + weightWithin((value as Record<string, unknown>)[name], budget - weight, depth + 1);
    if (weight > budget) return weight;
  }
  return weight;
}

/** Yields the JSON text of `value`, an object or a text, in pieces. Throws {@link NoJson}. O(size of the value). */
export function* jsonPieces(value: unknown): Generator<string, void> {
  const levels: Level[] = [];
  const within = new Set<object>();
  const out = new Piece();
  /** Writes what is small; what is an object that is not becomes a level. Returns a long text, which is still to write. */
  const put = (before: string, member: unknown): string | undefined => {
    if (typeof member === 'string' && member.length > PIECE_UNITS) {
      out.push(before);
      return member;
    }
    if (isContainer(member) && (hasToJson(member) || isLarge(member))) {
      if (within.has(member)) throw new NoJson();
      within.add(member);
      levels.push({
        value: member,
        names: Array.isArray(member) ? undefined : Object.keys(member),
        at: 0,
        isEmpty: true,
      });
      out.push(before + (Array.isArray(member) ? '[' : '{'));
      return undefined;
    }
    const text = JSON.stringify(member);
    if (isContainer(member) && holdsFunction(member)) throw new NoJson();
    out.push(before + (text ?? 'null'));
    return undefined;
  };
  let long = put('', converted(value, ''));
  if (long !== undefined) yield* stringPieces(long, out);
  while (levels.length > 0) {
    const level = levels.at(-1)!;
    const { value: container, names } = level;
    if (level.at >= (names ? names.length : (container as unknown[]).length)) {
      out.push(names ? '}' : ']');
      levels.pop();
      within.delete(container);
    } else {
      const key = names ? names[level.at]! : String(level.at);
      level.at += 1;
      const member = converted((container as Record<string, unknown>)[key], key);
      // An object leaves out what has no text; an array has null in its place.
      if (names && (member === undefined || typeof member === 'symbol')) continue;
      const comma = level.isEmpty ? '' : ',';
      level.isEmpty = false;
      long = put(names ? `${comma}${JSON.stringify(key)}:` : comma, member);
      if (long !== undefined) yield* stringPieces(long, out);
    }
    if (out.isFull) yield out.take();
  }
  yield out.take();
}

/** A piece that grows. */
class Piece {
  #parts: string[] = [];
  #units = 0;

  push(text: string): void {
    this.#parts.push(text);
    this.#units += text.length;
  }

  get isFull(): boolean {
    return this.#units >= PIECE_UNITS;
  }

  take(): string {
    const text = this.#parts.join('');
    this.#parts = [];
    this.#units = 0;
    return text;
  }
}

/** Writes a long text by slices that part no surrogate pair. */
function* stringPieces(text: string, out: Piece): Generator<string, void> {
  out.push('"');
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + PIECE_UNITS, text.length);
    const last = text.charCodeAt(to - 1);
    if (to < text.length && last >= 0xd800 && last < 0xdc00) to -= 1;
    out.push(JSON.stringify(text.slice(from, to)).slice(1, -1));
    yield out.take();
    from = to;
  }
  out.push('"');
}

/** Returns the value that JSON has in the place of another: the outcome of `toJSON`, the content of a boxed primitive. */
function converted(value: unknown, key: string): unknown {
  let given = value;
  const mayConvert = isContainer(given) || typeof given === 'function' || typeof given === 'bigint';
  if (mayConvert && hasToJson(given as object)) given = (given as { toJSON(key: string): unknown }).toJSON(key);
  if (types.isBoxedPrimitive(given)) given = given.valueOf();
  if (typeof given === 'bigint' || typeof given === 'function') throw new NoJson();
  return given;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
