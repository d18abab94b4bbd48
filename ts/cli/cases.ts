/**
 * The cases of a dataset, read once. The first of them are read and checked before anything is spent on a model, so that
 * a small dataset is known as a whole; what follows is read while the run goes on, in bounded memory.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FieldPath } from '../datasets/field_path.js';
import { AiEvalsError, DatasetError } from '../errors.js';
import { performanceMonitor } from '../monitor/index.js';
import { scoreMatches } from '../scoring/match.js';
import { DatasetStream } from '../stream/index.js';
import { toJsonText } from '../value/form.js';
import { recordPlace } from './record_line.js';
import type { Fields, RunOptions } from './run_options.js';
import { UserError } from './user_error.js';
import { count } from './wording.js';

/** One case. */
export interface Case {
  /** Position among the answers of the dataset, from 0: that of the record, times the answers to each case. */
  index: number;
  /** The how-manieth answer to the case is wanted, from 0. */
  repeat: number;
  id: string;
  input: unknown;
  expected: unknown;
  category: string;
  /** The recorded answer, when recorded answers are scored. */
  actual: unknown;
  /** Why no answer can be judged: then the model is not asked. */
  problem: string | undefined;
}

/** The category of a case that has none. */
export const NO_CATEGORY = '(none)';

/** The problem of a case whose expected value is not one number. */
export const NOT_ONE_NUMBER = 'the expected value is not one number (--scorer numeric)';

const DEFAULT_ID = new FieldPath('id');
const DEFAULT_INPUT = new FieldPath('input');
const DEFAULT_CATEGORIES = [new FieldPath('metadata.category'), new FieldPath('category')];
/** Ids are compared up to this many cases; beyond it the set would cost more memory than the warning is worth. */
const MOST_IDS = 100_000;
const READ_BATCH = 256;
/** The most that is read before the first call: cases, and a rough estimate of their bytes. */
const AHEAD = { cases: 10_000, bytes: 64 * 1024 * 1024 };

type Source = Pick<RunOptions, 'dataset' | 'fields' | 'limit' | 'scorers' | 'repeat'>;

/** The cases of one dataset, in order, each handed out once. */
export class CaseReader {
  /** Cases read so far, those read ahead included; a case that is asked several times counts as often. */
  count = 0;
  /** `true` when `count` is the number of cases there are. */
  complete = false;
  /** Ids that more than one of the cases has, up to three. */
  readonly repeatedIds = new Set<string>();
  /** The error that ended the reading after the run had begun. */
  failure: UserError | undefined;
  readonly #source: Source;
  /** The ids of the cases that are wanted; `undefined`: all. */
  readonly #only: ReadonlySet<string> | undefined;
  /** Records read so far. */
  #records = 0;
  readonly #ids = new Set<string>();
  readonly #batches: AsyncGenerator<Case[]>;
  #ahead: Case[] = [];
  #categorised = false;

  /** `only`: the ids of the cases that are wanted. */
  constructor(source: Source, only?: ReadonlySet<string>) {
    this.#source = source;
    this.#only = only;
    this.#batches = this.#read();
  }

  /**
   * Reads the first cases: all of them, or 10,000, or those of some 64 MB. Rejects with a {@link UserError} that names file,
   * line and field.
   */
  async readAhead(): Promise<void> {
    let bytes = 0;
    const most = AHEAD.cases * this.#source.repeat;
    while (this.#ahead.length < most && bytes < AHEAD.bytes) {
      const { value, done } = await this.#batches.next();
      if (done) break;
      this.#ahead.push(...value);
      bytes += roughBytes(value);
    }
    const { dataset, fields } = this.#source;
    if (this.count === 0) {
      const none = this.#only ? 'none of its cases is to be run (--only-failed)' : 'there is no case in it';
      throw new UserError(`${shownDataset(dataset)}: ${none}`);
    }
    if (fields.category && !this.#categorised) {
      const which = this.complete ? 'no case has' : `none of the first ${count(this.count)} cases has`;
      throw new UserError(`${shownDataset(dataset)}: ${which} the field "${fields.category.text}" (--category-field)`);
    }
  }

  /** Cases that were read ahead and not handed out yet. */
  get ahead(): readonly Case[] {
    return this.#ahead;
  }

  /**
   * Returns a digest of the cases that were read ahead and not handed out yet: the version of a dataset that was read whole.
   * O(their size).
   */
  digest(): string {
    const hash = createHash('sha256');
    for (const { id, input, expected, category, actual, repeat } of this.#ahead) {
      if (repeat > 0) continue;
      hash.update(`${digestText([id, input, expected, category, actual])}\n`);
    }
    return `${hash.digest('hex').slice(0, 16)}${this.complete ? '' : '+'}`;
  }

  /** The cases. An error of the dataset ends them and is kept as {@link failure}: what was paid for is not thrown away. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Case, void> {
    const ahead = this.#ahead;
    this.#ahead = [];
    yield* ahead;
    try {
      for await (const batch of this.#batches) yield* batch;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.failure = error;
    }
  }

  /** Lets go of the dataset. */
  async close(): Promise<void> {
    await this.#batches.return(undefined);
  }

  async *#read(): AsyncGenerator<Case[], void> {
    const { dataset, limit, scorers, repeat } = this.#source;
    const isNumeric = scorers.some(({ name, made }) => name === 'numeric' && made === undefined);
    for await (const batch of records(dataset)) {
      const cases: Case[] = [];
      let problem: FieldProblem | undefined;
      for (const record of batch.slice(0, limit - this.#records)) {
        try {
          const one = caseOf(record, this.#records, this.#source);
          if (this.#only === undefined || this.#only.has(one.id)) cases.push(this.#noted(one));
        } catch (error) {
          if (!(error instanceof FieldProblem)) throw error;
          problem = error;
          break;
        }
        this.#records += 1;
      }
      if (isNumeric) checkNumbers(cases);
      this.count += cases.length * repeat;
      if (cases.length > 0) yield repeat === 1 ? cases : cases.flatMap((one) => repeated(one, repeat));
      if (problem) {
        const place = await recordPlace(dataset, this.#records);
        throw new UserError(`${shownDataset(dataset)}${place}: ${problem.message}`);
      }
      if (this.#records >= limit) break;
    }
    this.complete = true;
  }

  #noted(one: Case): Case {
    this.#categorised ||= one.category !== NO_CATEGORY;
    if (this.#ids.has(one.id) && this.repeatedIds.size < 3) this.repeatedIds.add(one.id);
    if (this.#ids.size < MOST_IDS) this.#ids.add(one.id);
    return one;
  }
}

/** A value that has no text is as good as none: its case ends in an error. */
function digestText(value: unknown): string {
  try {
    return toJsonText(value) ?? '';
  } catch {
    return '';
  }
}

/** The dataset as it is named to people. */
export function shownDataset(dataset: string): string {
  return dataset === '/dev/stdin' ? 'standard input' : dataset;
}

/** Notes the cases whose expected value no answer can be compared with as a number. */
function checkNumbers(cases: Case[]): void {
  const scores = scoreMatches(
    'numeric',
    cases.map(({ expected }) => ({ expected: isNested(expected) ? '' : expected, actual: '' })),
  );
  for (const [i, one] of cases.entries()) {
    if (Number.isNaN(scores[i]!.score)) one.problem = NOT_ONE_NUMBER;
  }
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** The heap that cases hold, roughly: what their longest texts take. */
function roughBytes(cases: Case[]): number {
  const sizeOf = (value: unknown): number => {
    if (typeof value === 'string') return value.length;
    return isNested(value) ? 1024 : 8;
  };
  return cases.reduce(
    (sum, { input, expected, actual }) => sum + 200 + sizeOf(input) + sizeOf(expected) + sizeOf(actual),
    0,
  );
}

/** The records of a file; the time it takes to get each batch of them is a stage of the run. */
export async function* records(file: string): AsyncGenerator<unknown[], void> {
  let batches: AsyncGenerator<unknown[], void> | undefined;
  try {
    const opened = DatasetStream.fromFile<unknown>(file).batches(READ_BATCH);
    batches = opened;
    for (;;) {
      const { value, done } = await performanceMonitor.measure('dataset-loading', () => opened.next());
      if (done || !value) return;
      yield value;
      // Records that are at hand come without a turn of the event loop; signals and progress need one now and then.
      await setImmediate();
    }
  } catch (error) {
    throw isAboutFile(error) ? new UserError(messageWithFile(error, file), { cause: error }) : error;
  } finally {
    await batches?.return();
  }
}

/** Tells whether an error is about the file (the stream's or the system's) and not a failure of ours. */
function isAboutFile(error: unknown): error is Error {
  if (error instanceof DatasetError) return true;
  return error instanceof Error && !(error instanceof AiEvalsError) && 'code' in error;
}

function messageWithFile({ message }: Error, file: string): string {
  return message.includes(file) ? message : `${file}: ${message}`;
}

/** Returns the case in a record, or the problem of the record. `position`: that of the record, from 0. */
export function caseIn(record: unknown, position: number, fields: Fields): Case | string {
  try {
    return caseOf(record, position, { fields, repeat: 1 });
  } catch (error) {
    if (error instanceof FieldProblem) return error.message;
    throw error;
  }
}

/** The answers that are wanted to a case. */
function repeated(one: Case, times: number): Case[] {
  return Array.from({ length: times }, (_, repeat) => ({ ...one, index: one.index + repeat, repeat }));
}

function caseOf(record: unknown, position: number, { fields, repeat }: Pick<Source, 'fields' | 'repeat'>): Case {
  const needed = (path: FieldPath): unknown => {
    const value = path.in(record);
    if (value === undefined) throw new FieldProblem(path, 'is missing');
    return value;
  };
  const idPath = fields.id ?? DEFAULT_ID;
  const id = fields.id ? needed(idPath) : idPath.in(record);
  if (isNested(id)) throw new FieldProblem(idPath, 'is not a text or a number');
  // Recorded answers need no input, but a path that was asked for has to be right.
  const inputPath = fields.input ?? (fields.actual ? undefined : DEFAULT_INPUT);
  return {
    index: position * repeat,
    repeat: 0,
    id: id === undefined || id === null ? `case-${position + 1}` : String(id),
    input: inputPath ? needed(inputPath) : DEFAULT_INPUT.in(record),
    expected: needed(fields.expected),
    category: categoryOf(record, fields),
    actual: fields.actual && needed(fields.actual),
    problem: undefined,
  };
}

/** A field that cannot be used; the place is found when it is told. */
class FieldProblem extends Error {
  constructor(path: FieldPath, problem: string) {
    super(`field "${path.text}" ${problem}`);
  }
}

function categoryOf(record: unknown, fields: Fields): string {
  const paths = fields.category ? [fields.category] : DEFAULT_CATEGORIES;
  const value = paths.map((path) => path.in(record)).find((found) => found !== undefined && found !== null);
  if (value === undefined || value === '') return NO_CATEGORY;
  return typeof value === 'string' ? value : (toJsonText(value) ?? NO_CATEGORY);
}
