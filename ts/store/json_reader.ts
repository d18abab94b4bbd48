/**
 * Values of large JSON texts, read part by part so that the event loop can turn in between. The text is known to be JSON.
 */
import { turnDue } from '../event_loop_turn.js';

/** Bytes of a part that is parsed in one go: about a millisecond. */
const PART_BYTES = 128 * 1024;
/** Levels of nesting below which a value is parsed in one go, however large it is. */
const DEEPEST = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const LOWER_U = 0x75;

/** The object or array that is being read. */
interface Level {
  value: Record<string, unknown> | unknown[];
  /** The name of the member that is read; absent in an array. */
  name: string | undefined;
}

/** Returns the value of a JSON text in UTF-8. O(bytes). */
export async function readJson(bytes: Buffer): Promise<unknown> {
  const levels: Level[] = [];
  let root: unknown;
  const put = (value: unknown): void => {
    const level = levels.at(-1);
    if (level === undefined) root = value;
    else if (level.name === undefined) (level.value as unknown[]).push(value);
    else setMember(level.value as Record<string, unknown>, level.name, value);
  };
  let at = 0;
  do {
    const due = turnDue();
    if (due) await due;
    at = afterBlanks(bytes, at);
    const first = bytes[at];
    if (first === COMMA) {
      at += 1;
    } else if (isClosing(first)) {
      levels.pop();
      at += 1;
    } else {
      const level = levels.at(-1);
      if (level && !Array.isArray(level.value)) {
        const end = endOfValue(bytes, at, Number.POSITIVE_INFINITY);
        level.name = JSON.parse(bytes.toString('utf8', at, end)) as string;
        at = afterBlanks(bytes, end);
        // The colon.
        at = afterBlanks(bytes, at + 1);
      }
      const limit = levels.length < DEEPEST ? at + PART_BYTES : Number.POSITIVE_INFINITY;
      const end = endOfValue(bytes, at, limit);
      if (end >= 0) {
        put(JSON.parse(bytes.toString('utf8', at, end)));
        at = end;
      } else if (bytes[at] === QUOTE) {
        const [text, behind] = await readLongText(bytes, at);
        put(text);
        at = behind;
      } else {
        const value: Level['value'] = bytes[at] === 0x5b ? [] : {};
        put(value);
        levels.push({ value, name: undefined });
        at += 1;
      }
    }
  } while (levels.length > 0);
  return root;
}

/** Sets a member as `JSON.parse` does: `__proto__` is a name like any other. */
function setMember(target: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Reads a text that is longer than a part, by slices that part no escape and no character. */
async function readLongText(bytes: Buffer, from: number): Promise<[text: string, behind: number]> {
  const parts: string[] = [];
  let at = from + 1;
  for (;;) {
    const end = sliceEnd(bytes, at);
    parts.push(JSON.parse(`"${bytes.toString('utf8', at, end)}"`) as string);
    at = end;
    if (bytes[at] === QUOTE) return [parts.join(''), at + 1];
    const due = turnDue();
    if (due) await due;
  }
}

/** Returns the end of a slice of a text: its closing quote, or a place between two characters. */
function sliceEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] !== QUOTE && (at - from < PART_BYTES || (bytes[at]! & 0xc0) === 0x80)) at += unitBytes(bytes, at);
  return at;
}

/** Returns the bytes of the escape at a place of a text, with those of both halves of a surrogate pair; 1 for others. */
function unitBytes(bytes: Buffer, at: number): number {
  if (bytes[at] !== BACKSLASH) return 1;
  if (bytes[at + 1] !== LOWER_U) return 2;
  const isHigh = /^d[89ab]/i.test(bytes.toString('latin1', at + 2, at + 4));
  return isHigh && bytes[at + 6] === BACKSLASH && bytes[at + 7] === LOWER_U ? 12 : 6;
}

/** Returns the place behind the value that begins at `from`; -1 when that is beyond `limit`. */
function endOfValue(bytes: Buffer, from: number, limit: number): number {
  let depth = 0;
  let at = from;
  while (at < limit) {
    const byte = bytes[at];
    if (byte === undefined) return at;
    if (byte === QUOTE) {
      at += 1;
      while (bytes[at] !== QUOTE) {
        at += bytes[at] === BACKSLASH ? 2 : 1;
        if (at >= limit) return -1;
      }
      at += 1;
      if (depth === 0) return at;
    } else if (isOpening(byte)) {
      depth += 1;
      at += 1;
    } else if (isClosing(byte)) {
      // A number, true, false or null ends before the bracket around it.
      if (depth === 0) return at;
      depth -= 1;
      at += 1;
      if (depth === 0) return at;
    } else if (depth === 0 && (byte === COMMA || byte === COLON || isBlank(byte))) {
      return at;
    } else {
      at += 1;
    }
  }
  return -1;
}

function afterBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (isBlank(bytes[at])) at += 1;
  return at;
}

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number | undefined): boolean => byte === 0x5d || byte === 0x7d;
