/**
 * Explanations of misses: requests in words, and in which of them a missed request differs from a stored one.
 *
 * A request is told in one line for each member (`path`, a tab, its value). Neither prompts nor credentials are kept: texts of
 * the input, long texts, and texts under a name that suggests either are told by length and digest.
 */
import { AiEvalsError } from '../errors.js';
import { memberPath } from '../value/path.js';
import { isPlain } from '../value/plain.js';
import { contentOf, Tag } from './key/content.js';
import { stableKey } from './key/stable_key.js';

/** A part of the key in which two requests differ. */
export interface KeyDifference {
  /** Such as `modelConfig.temperature` or `input.messages[0].content`. */
  path: string;
  /**
   * The value asked for, as JSON. Texts of the input, long texts, and values that may be a prompt or a secret are given by
   * length and digest. `undefined`: there is no such part.
   */
  asked: string | undefined;
  /** The value of the stored entry. */
  stored: string | undefined;
}

/** Explanation why a `ResponseCache` has no live entry for a request. */
export interface MissExplanation {
  /**
   * - `'empty'`: nothing is stored;
   * - `'expired'`: it was stored, and its time to live is over;
   * - `'different'`: the nearest entry, of 2000 at most, differs in {@link MissExplanation.differences};
   * - `'unexplained'`: entries are stored, and the cache has no notes of them since it was made without `explain: true`.
   */
  reason: 'empty' | 'expired' | 'different' | 'unexplained';
  /** Differences between the request and the stored one that differs in the fewest parts. */
  differences: KeyDifference[];
  /** The explanation as a sentence. */
  message: string;
}

/** A cache in mode `'replay'` was asked for what it does not hold. The message says what the nearest entry differs in. */
export class CacheMissError extends AiEvalsError {
  /** The explanation, from a `ResponseCache`. */
  readonly explanation: MissExplanation | undefined;

  constructor(named: string, explanation: MissExplanation | undefined) {
    const why = explanation === undefined ? '' : `: ${explanation.message}`;
    super(
      'ERR_CACHE_MISS',
      `there is no entry for ${named}${why}. In mode 'replay' nothing is computed; record it first (mode 'record' or 'on')`,
    );
    this.explanation = explanation;
  }
}

const MOST_SHOWN = 3;

/** Differences between the nearest of some entries and the request. */
export interface Comparison {
  differences: KeyDifference[];
  /** Number of entries that were looked at. */
  compared: number;
  /** True if these were all there are. */
  isAll: boolean;
}

/** The explanation where there are entries without notes. */
export const UNEXPLAINED: MissExplanation = {
  reason: 'unexplained',
  differences: [],
  message:
    'what is stored differs in a part that is not known; make the cache with explain: true before entries are stored, and it is',
};

/** Makes the explanation of a miss. */
export function explanationOf({ differences, compared, isAll }: Comparison): MissExplanation {
  if (compared === 0) return { reason: 'empty', differences: [], message: 'nothing is stored' };
  if (differences.length === 0) {
    return { reason: 'expired', differences, message: 'it was stored, and its time to live is over' };
  }
  const shown = differences
    .slice(0, MOST_SHOWN)
    .map(({ path, asked, stored }) => `${path} (asked ${asked ?? 'nothing'}, stored ${stored ?? 'nothing'})`);
  const more = differences.length > MOST_SHOWN ? ` and ${differences.length - MOST_SHOWN} more` : '';
  const stored = isAll ? `${compared} stored` : `the ${compared} that were looked at`;
  const message = `the nearest of ${stored} differs in ${shown.join(', ')}${more}`;
  return { reason: 'different', differences, message };
}

/** Longest text that is shown as it is, in characters. */
const SHORT = 60;
/** Longest name of a member that is shown whole, and what is shown of a longer one, in characters. */
const SHORT_NAME = 40;
const NAME_START = 16;
/** Most lines of the input, and of the configuration; what would need more is shown as one. */
const MOST_LINES = 100;
const MOST_DEPTH = 8;

/** Members whose content is not shown, with all that is in them. */
const SECRET = /api.?key|access.?key|private.?key|auth|token|secret|passw|cookie|header|credential|bearer|signature/i;
const PROMPT = /prompt|system|instruction|message|content/i;
/** Numbers of these are not: `maxTokens`, `max_output_tokens`. */
const COUNT = /tokens$/i;

/** Manner in which the content of a member is told. */
interface Manner {
  /** Texts by length and digest alone. */
  hidesTexts: boolean;
  /** Numbers as well. */
  hidesNumbers: boolean;
}

/**
 * The lines of a request: the same exactly for requests with the same key (but for the digests, of 48 bits). O(size).
 */
export function describeRequest(input: unknown, modelConfig: unknown, repeat: number): string {
  const lines: string[] = [];
  describe('input', input, [], lines, MOST_LINES, { hidesTexts: true, hidesNumbers: false });
  describe('modelConfig', modelConfig, [], lines, MOST_LINES, { hidesTexts: false, hidesNumbers: false });
  if (repeat > 0) lines.push(`repeat\t${repeat}`);
  return lines.join('\n');
}

/** Tells what is at `path` in at most `most` lines. */
function describe(
  path: string,
  value: unknown,
  ancestors: readonly object[],
  lines: string[],
  most: number,
  manner: Manner,
): void {
  if (typeof value !== 'object' || value === null) {
    lines.push(`${path}\t${scalar(value, manner)}`);
    return;
  }
  const ancestor = ancestors.indexOf(value);
  if (ancestor >= 0) {
    lines.push(`${path}\tthe value ${ancestors.length - ancestor} levels up`);
    return;
  }
  const members = ancestors.length < MOST_DEPTH ? membersOf(value, most) : undefined;
  if (members === undefined) {
    lines.push(`${path}\t${summary(value)}`);
    return;
  }
  const inside = [...ancestors, value];
  const contents = members.map((name): unknown => (value as Record<string | number, unknown>)[name]);
  let nested = contents.filter((member) => typeof member === 'object' && member !== null).length;
  // A line for each; what is left is shared out among those that have members themselves, so that none is told as one
  // because of what stands before it.
  let left = most - members.length;
  for (const [nth, name] of members.entries()) {
    const member = contents[nth];
    let share = 0;
    if (typeof member === 'object' && member !== null) {
      share = Math.floor(left / nested);
      nested -= 1;
    }
    const before = lines.length;
    if (typeof name === 'string') {
      describe(memberPath(path, shortName(name)), member, inside, lines, 1 + share, mannerOf(name, manner));
    } else if (Object.hasOwn(value, name)) describe(`${path}[${name}]`, member, inside, lines, 1 + share, manner);
    // To a key, a hole is not an element that is undefined.
    else lines.push(`${path}[${name}]\ta hole`);
    left -= lines.length - before - 1;
  }
}

/** Returns the manner for the member `name` of an object that is told in the manner `outer`. */
function mannerOf(name: string, outer: Manner): Manner {
  const isSecret = SECRET.test(name);
  return {
    hidesTexts: outer.hidesTexts || isSecret || PROMPT.test(name),
    hidesNumbers: outer.hidesNumbers || (isSecret && !COUNT.test(name)),
  };
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

/** A long name is a text rather: its beginning and its digest. */
function shortName(name: string): string {
  return name.length <= SHORT_NAME ? name : `${name.slice(0, NAME_START)}…${digest(name)}`;
}

function scalar(value: unknown, { hidesTexts, hidesNumbers }: Manner): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  if (hidesNumbers && isNumber) return `a number, ${digest(value)}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'string') return String(value === 0 ? 0 : value);
  if (value.length <= SHORT && !hidesTexts) return JSON.stringify(value);
  return `a text of ${value.length} characters, ${digest(value)}`;
}

function summary(value: object): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `${value.length} elements, ${digest(value)}`;
  const names = namesOf(value);
  if (names === undefined) return `${kindOf(value)}, ${digest(value)}`;
  return names.length === 0 ? '{}' : `object, ${digest(value)}`;
}

/** Names of values, by the tag that their key begins with. */
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

/** In what `asked` differs from the one of `stored`, or of the first `most` of them, that differs least. */
export function nearestDifferences(
  asked: string,
  stored: Iterable<string>,
  most = Number.POSITIVE_INFINITY,
): Comparison {
  const wanted = parsed(asked);
  let differences: KeyDifference[] = [];
  let compared = 0;
  for (const note of stored) {
    // An entry of a cache without `explain`.
    if (note === '') continue;
    if (compared === most) return { differences, compared, isAll: false };
    const found = differencesOf(wanted, parsed(note));
    compared += 1;
    if (compared === 1 || found.length < differences.length) differences = found;
  }
  return { differences, compared, isAll: true };
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
