/** The form of a test case in a file, checked: what is read becomes a case or says what is wrong with it. */

import type { DatasetCase, LoadedMetadata } from './dataset.js';
import { FieldPath } from './field_path.js';

/** Names of the members that hold the parts of a case, where they are others than ours. Dots lead into members. */
export interface CaseFields {
  /** Default `id`; a case without one is named by its place: `case-4`. */
  id?: string | undefined;
  /** Default `input`. */
  input?: string | undefined;
  /** Default `expected`, else `expectedBehavior`. */
  expected?: string | undefined;
  /** Default `metadata.category`, else `category`. */
  category?: string | undefined;
}

/** A problem of one case: the member, relative to the case, and what it must be. */
export interface CaseProblem {
  path: readonly string[];
  message: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The longest id that a result store takes, in UTF-16 units. */
const LONGEST_ID = 1024;
const OWN = new Set(['id', 'input', 'expected', 'metadata', 'category']);

/** Reads the records of one dataset. */
export class TestCaseForm {
  readonly #id: FieldPath;
  readonly #input: FieldPath;
  readonly #expected: FieldPath | undefined;
  readonly #category: FieldPath | undefined;
  readonly #given: CaseFields;
  readonly #isRow: boolean;

  /** `isRow`: records are rows of texts, whose dotted names (`metadata.category`) mean members. */
  constructor(fields: CaseFields, isRow: boolean) {
    this.#given = fields;
    this.#isRow = isRow;
    this.#id = new FieldPath(fields.id ?? 'id');
    this.#input = new FieldPath(fields.input ?? 'input');
    this.#expected = fields.expected === undefined ? undefined : new FieldPath(fields.expected);
    this.#category = fields.category === undefined ? undefined : new FieldPath(fields.category);
  }

  /** Reads the record at `index`. A case with a problem is not made. O(size of the record). */
  read(given: unknown, index: number): { made?: DatasetCase; problems: CaseProblem[] } {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      return { problems: [{ path: [], message: 'must be an object with id, input and expected' }] };
    }
    const record = this.#isRow ? nested(given as Fields) : (given as Fields);
    const problems: CaseProblem[] = [];
    const id = this.#idOf(record, index, problems);
    const input = this.#needed(this.#input, record, problems);
    const expected = this.#expectedOf(record, problems);
    const metadata = this.#metadataOf(record, problems);
    if (problems.length > 0) return { problems };
    return { made: { id, input, expected, metadata }, problems };
  }

  #idOf(record: Fields, index: number, problems: CaseProblem[]): string {
    const id = this.#id.in(record);
    const isAbsent = id === undefined || id === null || (this.#isRow && id === '');
    if (isAbsent && this.#given.id === undefined) return `case-${index + 1}`;
    const text = typeof id === 'number' || typeof id === 'bigint' ? String(id) : id;
    if (typeof text === 'string' && text.length >= 1 && text.length <= LONGEST_ID && !text.includes('\0')) return text;
    const message = isAbsent ? 'is missing' : `must be a text of 1 to ${LONGEST_ID} characters, or a number`;
    problems.push({ path: partsOf(this.#id), message });
    return '';
  }

  #needed(path: FieldPath, record: Fields, problems: CaseProblem[]): unknown {
    const value = path.in(record);
    if (value === undefined) problems.push({ path: partsOf(path), message: 'is missing' });
    return value;
  }

  #expectedOf(record: Fields, problems: CaseProblem[]): unknown {
    if (this.#expected) return this.#needed(this.#expected, record, problems);
    const value = record.expected === undefined ? record.expectedBehavior : record.expected;
    if (value === undefined) {
      const message = 'is missing (nor is there expectedBehavior); write null where there is nothing to compare with';
      problems.push({ path: ['expected'], message });
    }
    return value;
  }

  #metadataOf(record: Fields, problems: CaseProblem[]): LoadedMetadata {
    const given = record.metadata ?? {};
    if (typeof given !== 'object' || Array.isArray(given)) {
      problems.push({ path: ['metadata'], message: 'must be an object' });
      return {};
    }
    const taken = this.#taken(record);
    const beside = Object.entries(record).filter(([name]) => !taken.has(name));
    const members = new Map<string, unknown>([...beside, ...Object.entries(given as Fields)]);
    const category = this.#category?.in(record) ?? members.get('category') ?? record.category;
    if (category !== undefined && category !== null && !(this.#isRow && category === '')) {
      members.set('category', category);
    } else members.delete('category');
    const at = (name: string) => (Object.hasOwn(given, name) ? ['metadata', name] : [name]);
    for (const name of ['category', 'difficulty', 'source', 'description', 'reference']) {
      const value = members.get(name);
      if (value === undefined || typeof value === 'string') continue;
      if (value === null) members.delete(name);
      else problems.push({ path: at(name), message: 'must be a text' });
    }
    this.#readTags(members, at('tags'), problems);
    readMoment(members, at('createdAt'), problems);
    return Object.fromEntries(members);
  }

  /** Names of members of a record that are no metadata. */
  #taken(record: Fields): Set<string> {
    const { expected, ...fields } = this.#given;
    const named = [...Object.values(fields), expected].filter((name) => name !== undefined);
    const taken = new Set([...OWN, ...named]);
    if (expected === undefined && record.expected === undefined) {
      taken.add('expectedBehavior');
    }
    return taken;
  }

  #readTags(members: Map<string, unknown>, path: string[], problems: CaseProblem[]): void {
    const tags = members.get('tags');
    if (tags === undefined) return;
    if (this.#isRow && typeof tags === 'string') {
      members.set(
        'tags',
        tags
          .split(/[|;,]/)
          .map((tag) => tag.trim())
          .filter((tag) => tag !== ''),
      );
    } else if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) {
      problems.push({ path, message: 'must be an array of texts' });
    }
  }
}

function readMoment(members: Map<string, unknown>, path: string[], problems: CaseProblem[]): void {
  const given = members.get('createdAt');
  if (given === undefined || (given instanceof Date && !Number.isNaN(given.getTime()))) return;
  if (given === null || given === '') {
    members.delete('createdAt');
    return;
  }
  const moment = typeof given === 'string' ? new Date(given) : undefined;
  if (moment && !Number.isNaN(moment.getTime())) members.set('createdAt', moment);
  else problems.push({ path, message: 'must be a date such as 2025-01-31T12:00:00Z' });
}

function partsOf(path: FieldPath): string[] {
  return path.text.split('.');
}

/** Makes members of dotted names: `{ 'input.age': '7' }` is `{ input: { age: '7' } }`. A name that is both stays flat. */
function nested(row: Fields): Fields {
  const root = new Map<string, unknown>();
  for (const [name, value] of Object.entries(row)) {
    const parts = name.split('.');
    if (parts.length === 1 || parts.includes('') || Object.hasOwn(row, parts[0]!)) {
      root.set(name, value);
      continue;
    }
    let holder = root;
    for (const part of parts.slice(0, -1)) {
      const inner = holder.get(part);
      const next = inner instanceof Map ? inner : new Map<string, unknown>();
      holder.set(part, next);
      holder = next;
    }
    holder.set(parts.at(-1)!, value);
  }
  return plain(root) as Fields;
}

function plain(value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries([...value].map(([name, member]) => [name, plain(member)])) : value;
}
