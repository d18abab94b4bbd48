/**
 * Requests in words, to tell what a missed one and a stored one differ in: one line for each member (`path`, a tab, what
 * is there). Short values stand there themselves; of long ones length and digest, so that no prompt is kept.
 */
import { contentOf, isPlain } from './content.js';
import type { KeyDifference } from './miss.js';
import { stableKey } from './stable_key.js';

/** Longest text that is shown as it is, in characters. */
const SHORT = 60;
/** Most lines; members that would need more are shown as one. */
const MOST_LINES = 100;
const MOST_DEPTH = 8;

/** The lines of a request. O(size). */
export function describeRequest(input: unknown, modelConfig: unknown, repeat: number): string {
  const lines: string[] = [];
  describe('input', input, 0, lines);
  describe('modelConfig', modelConfig, 0, lines);
  if (repeat > 0) lines.push(`repeat\t${repeat}`);
  return lines.join('\n');
}

function describe(path: string, value: unknown, depth: number, lines: string[]): void {
  if (value === undefined && depth > 0) return;
  if (typeof value !== 'object' || value === null) {
    lines.push(`${path}\t${scalar(value)}`);
    return;
  }
  const members = membersOf(value, MOST_LINES - lines.length);
  if (members === undefined || depth >= MOST_DEPTH) {
    lines.push(`${path}\t${summary(value)}`);
    return;
  }
  for (const name of members) {
    const member: unknown = (value as Record<string | number, unknown>)[name];
    describe(typeof name === 'number' ? `${path}[${name}]` : memberPath(path, name), member, depth + 1, lines);
  }
}

/** The names or places of 1 to `most` members that can be told one by one; `undefined` when the value is to be told as one. */
function membersOf(value: object, most: number): (string | number)[] | undefined {
  // A sparse array may be long without holding much.
  if (Array.isArray(value)) return value.length > 0 && value.length <= most ? [...value.keys()] : undefined;
  if (!isPlain(value) || 'toJSON' in value) return undefined;
  const names = Object.keys(value);
  return names.length > 0 && names.length <= most ? names.sort() : undefined;
}

function memberPath(path: string, name: string): string {
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
  if (isPlain(value) && Object.keys(value).length === 0) return '{}';
  const kind = isPlain(value) ? 'object' : (contentOf(value)?.parts[0] ?? value.constructor?.name);
  return `${typeof kind === 'string' && kind.length < SHORT ? kind : value.constructor?.name}, ${digest(value)}`;
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
