/**
 * Requests in words, to tell what a missed one and a stored one differ in: one line for each member (`path`, a tab, what
 * is there). Short values stand there themselves; of long ones length and digest, so that no prompt is kept.
 */
import { contentOf, isPlain, Tag } from './content.js';
import type { KeyDifference } from './miss.js';
import { stableKey } from './stable_key.js';

/** Longest text that is shown as it is, in characters. */
const SHORT = 60;
/** Most lines; members that would need more are shown as one. */
const MOST_LINES = 100;
const MOST_DEPTH = 8;

/**
 * The lines of a request: the same exactly for requests with the same key (but for the digests, of 48 bits). O(size).
 */
export function describeRequest(input: unknown, modelConfig: unknown, repeat: number): string {
  const lines: string[] = [];
  describe('input', input, [], lines);
  describe('modelConfig', modelConfig, [], lines);
  if (repeat > 0) lines.push(`repeat\t${repeat}`);
  return lines.join('\n');
}

function describe(path: string, value: unknown, ancestors: readonly object[], lines: string[]): void {
  if (typeof value !== 'object' || value === null) {
    lines.push(`${path}\t${scalar(value)}`);
    return;
  }
  const ancestor = ancestors.indexOf(value);
  if (ancestor >= 0) {
    lines.push(`${path}\tthe value ${ancestors.length - ancestor} levels up`);
    return;
  }
  const members = ancestors.length < MOST_DEPTH ? membersOf(value, MOST_LINES - lines.length) : undefined;
  if (members === undefined) {
    lines.push(`${path}\t${summary(value)}`);
    return;
  }
  const inside = [...ancestors, value];
  for (const name of members) {
    const member: unknown = (value as Record<string | number, unknown>)[name];
    if (typeof name === 'string') describe(memberPath(path, name), member, inside, lines);
    // To a key, a hole is not an element that is undefined.
    else if (Object.hasOwn(value, name)) describe(`${path}[${name}]`, member, inside, lines);
    else lines.push(`${path}[${name}]\ta hole`);
  }
}

/** The names or places of 1 to `most` members that can be told one by one; `undefined` when the value is to be told as one. */
function membersOf(value: object, most: number): (string | number)[] | undefined {
  // A sparse array may be long without holding much.
  if (Array.isArray(value)) return value.length > 0 && value.length <= most ? [...value.keys()] : undefined;
  const names = namesOf(value);
  return names !== undefined && names.length > 0 && names.length <= most ? names.sort() : undefined;
}

/** The members that a key is made of: not those that are `undefined`. None where `toJSON` says what the value is. */
function namesOf(value: object): string[] | undefined {
  if (!isPlain(value)) return undefined;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return members.some(([, member]) => typeof member === 'function') ? undefined : members.map(([name]) => name);
}

/** The path of a member of what is at `path`. */
export function memberPath(path: string, name: string): string {
  return /^[\w$]+$/.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

function scalar(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'string') return String(value === 0 ? 0 : value);
  if (value.length <= SHORT) return JSON.stringify(value);
  return `a text of ${value.length} characters, ${digest(value)}`;
}

function summary(value: object): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `${value.length} elements, ${digest(value)}`;
  const names = namesOf(value);
  if (names === undefined) return `${kindOf(value)}, ${digest(value)}`;
  return names.length === 0 ? '{}' : `object, ${digest(value)}`;
}

/** What a value is called whose key begins with `tag`. */
const KINDS: Readonly<Record<number, string>> = {
  [Tag.Date]: 'Date',
  [Tag.RegExp]: 'RegExp',
  [Tag.Map]: 'Map',
  [Tag.Set]: 'Set',
  [Tag.Boxed]: 'boxed primitive',
  [Tag.Error]: 'error',
};

/** The class of a value, where the key tells classes apart. */
function kindOf(value: object): string {
  const content = contentOf(value);
  if (content === undefined) return 'object';
  const name = KINDS[content.tag] ?? String(content.parts[0]);
  return name.length < SHORT && /^[\w$ ]+$/.test(name) ? name : 'instance';
}

function digest(value: unknown): string {
  return `#${stableKey(value).slice(0, 12)}`;
}

function parsed(note: string): Map<string, string> {
  return new Map(note.split('\n').map((line) => line.split('\t', 2) as [string, string]));
}

/** In what `asked` differs from the one of `stored` that differs least, and how many those are. O(size of all notes). */
export function nearestDifferences(
  asked: string,
  stored: Iterable<string>,
): { differences: KeyDifference[]; compared: number } {
  const wanted = parsed(asked);
  let differences: KeyDifference[] = [];
  let compared = 0;
  for (const note of stored) {
    const found = differencesOf(wanted, parsed(note));
    compared += 1;
    if (compared === 1 || found.length < differences.length) differences = found;
  }
  return { differences, compared };
}

function differencesOf(asked: Map<string, string>, stored: Map<string, string>): KeyDifference[] {
  const differences: KeyDifference[] = [];
  for (const [path, value] of asked) {
    const there = stored.get(path);
    if (there !== value) differences.push({ path, asked: value, stored: there });
  }
  for (const [path, value] of stored) {
    if (!asked.has(path)) differences.push({ path, asked: undefined, stored: value });
  }
  return differences;
}
