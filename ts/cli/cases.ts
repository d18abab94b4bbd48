/**
 * The cases of a dataset: records read through `DatasetStream.fromFile`, with the fields the command line names. A dataset
 * is read twice, first to check it whole and count it, before anything is spent on it, then to run it; neither pass
 * keeps it in memory.
 */
import { setImmediate } from 'node:timers/promises';
import { AiEvalsError, DatasetError } from '../errors.js';
import { performanceMonitor } from '../monitor/index.js';
import { scoreMatches } from '../scoring/match.js';
import { DatasetStream } from '../stream/index.js';
import { FieldPath } from './field_path.js';
import { recordPlace } from './record_line.js';
import type { Fields, RunOptions } from './run_options.js';
import { UserError } from './user_error.js';

/** One case. */
export interface Case {
  /** Position in the dataset, from 0. */
  index: number;
  id: string;
  input: unknown;
  expected: unknown;
  category: string;
  /** The recorded answer, when recorded answers are scored. */
  actual: unknown;
}

/** What checking a dataset found. */
export interface DatasetFacts {
  /** Cases to run. */
  total: number;
  /** Ids that more than one of the cases has, up to a few. */
  repeatedIds: string[];
}

/** The category of a case that has none. */
export const NO_CATEGORY = '(none)';

const DEFAULT_ID = new FieldPath('id');
const DEFAULT_INPUT = new FieldPath('input');
const DEFAULT_CATEGORIES = [new FieldPath('metadata.category'), new FieldPath('category')];
/** Ids are compared up to this many cases; beyond it the set would cost more memory than the warning is worth. */
const MOST_IDS = 100_000;
const CHECK_BATCH = 256;
const READ_BATCH = 256;

type Source = Pick<RunOptions, 'dataset' | 'fields' | 'limit' | 'scorer'>;

/** The cases in order. Throws a {@link UserError} that names file, line and field. */
export async function* readCases(source: Source): AsyncGenerator<Case> {
  let index = 0;
  for await (const record of records(source.dataset)) {
    if (index >= source.limit) return;
    let one: Case;
    try {
      one = caseOf(record, index, source.fields);
    } catch (error) {
      if (!(error instanceof FieldProblem)) throw error;
      throw new UserError(`${source.dataset}${await recordPlace(source.dataset, index)}: ${error.message}`);
    }
    yield one;
    index += 1;
  }
}

/** Reads the dataset to its end (or limit) and checks every case of it. */
export async function checkCases(source: Source): Promise<DatasetFacts> {
  const facts: DatasetFacts = { total: 0, repeatedIds: [] };
  const ids = new Set<string>();
  let batch: Case[] = [];
  let categorised = false;
  for await (const one of readCases(source)) {
    facts.total += 1;
    categorised ||= one.category !== NO_CATEGORY;
    if (ids.has(one.id) && facts.repeatedIds.length < 3) facts.repeatedIds.push(one.id);
    if (ids.size < MOST_IDS) ids.add(one.id);
    if (source.scorer === 'numeric' && batch.push(one) === CHECK_BATCH) {
      await checkNumbers(batch, source);
      batch = [];
    }
  }
  await checkNumbers(batch, source);
  if (facts.total === 0) throw new UserError(`${source.dataset}: there is no case in it`);
  if (source.fields.category && !categorised) {
    throw new UserError(`${source.dataset}: no case has the field "${source.fields.category.text}" (--category-field)`);
  }
  return facts;
}

/** Nothing can match an expected text without a number: better said before the run than by a pass rate of 0. */
async function checkNumbers(cases: Case[], { dataset, fields }: Source): Promise<void> {
  const scores = scoreMatches(
    'numeric',
    cases.map(({ expected }) => ({ expected, actual: '' })),
  );
  const bad = cases[scores.findIndex(({ score }) => Number.isNaN(score))];
  if (!bad) return;
  const place = await recordPlace(dataset, bad.index);
  throw new UserError(`${dataset}${place}: field "${fields.expected.text}" holds no number for --scorer numeric`);
}

/** The records of a file; the time it takes to get each batch of them is a stage of the run. */
async function* records(file: string): AsyncGenerator<unknown> {
  let batches: AsyncGenerator<unknown[], void> | undefined;
  try {
    const opened = DatasetStream.fromFile<unknown>(file).batches(READ_BATCH);
    batches = opened;
    for (;;) {
      const { value, done } = await performanceMonitor.measure('dataset-loading', () => opened.next());
      if (done || !value) return;
      yield* value;
      // Records that are at hand come without a turn of the event loop; signals and progress need one now and then.
      await setImmediate();
    }
  } catch (error) {
    throw isAboutFile(error) ? new UserError(messageWithFile(error, file), { cause: error }) : error;
  } finally {
    await batches?.return();
  }
}

/** Whether an error is about the file and not a failure of ours: what the stream says of it, or the system. */
function isAboutFile(error: unknown): error is Error {
  if (error instanceof DatasetError) return true;
  return error instanceof Error && !(error instanceof AiEvalsError) && 'code' in error;
}

function messageWithFile({ message }: Error, file: string): string {
  return message.includes(file) ? message : `${file}: ${message}`;
}

function caseOf(record: unknown, index: number, fields: Fields): Case {
  const needed = (path: FieldPath): unknown => {
    const value = path.in(record);
    if (value === undefined) throw new FieldProblem(path, 'is missing');
    return value;
  };
  const idPath = fields.id ?? DEFAULT_ID;
  const id = fields.id ? needed(idPath) : idPath.in(record);
  if (typeof id === 'object' && id !== null) throw new FieldProblem(idPath, 'is not a text or a number');
  // Recorded answers need no input, but a path that was asked for has to be right.
  const inputPath = fields.input ?? (fields.actual ? undefined : DEFAULT_INPUT);
  return {
    index,
    id: id === undefined || id === null ? `case-${index + 1}` : String(id),
    input: inputPath && needed(inputPath),
    expected: needed(fields.expected),
    category: categoryOf(record, fields),
    actual: fields.actual && needed(fields.actual),
  };
}

/** What is wrong with a field; where is found out when it is told. */
class FieldProblem extends Error {
  constructor(path: FieldPath, problem: string) {
    super(`field "${path.text}" ${problem}`);
  }
}

function categoryOf(record: unknown, fields: Fields): string {
  const paths = fields.category ? [fields.category] : DEFAULT_CATEGORIES;
  const value = paths.map((path) => path.in(record)).find((found) => found !== undefined && found !== null);
  if (value === undefined || value === '') return NO_CATEGORY;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
