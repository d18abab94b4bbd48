/** A dataset file, read whole and checked. What is wrong with it is found with line and member. */
import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DatasetError } from '../errors.js';
import { DatasetStream, type FileOptions } from '../stream/index.js';
import { fromJsonText, toJsonText } from '../value/form.js';
import { memberPath } from '../value/path.js';
import type { Dataset, DatasetCase, DatasetProblem } from './dataset.js';
import { jsonPlace } from './json_place.js';
import { type RowForm, recordLine } from './record_line.js';
import { type CaseFields, type CaseProblem, TestCaseForm } from './test_case_form.js';

/** Options of reading a dataset file. */
export interface DatasetFileOptions extends Omit<FileOptions, 'onInvalid'> {
  /** Names of the members that hold the parts of a case, where they are others than ours. */
  fields?: CaseFields | undefined;
}

/** A dataset as it was read: the cases without a problem, and the problems. */
export interface ReadDataset {
  dataset: Dataset;
  problems: DatasetProblem[];
}

type Format = NonNullable<FileOptions['format']>;
type Steps = (string | number)[];

/** Problems whose lines are looked for; the file is read again for each. */
const MOST_PLACED = 20;

const FORMATS: Readonly<Record<string, Format>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  jsonlines: 'jsonl',
  json: 'json',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  parquet: 'parquet',
};

/** Endings of the names of dataset files, without compression. */
export const ENDINGS = Object.keys(FORMATS);

/** Returns the name of a dataset file without its endings: `triage.jsonl.gz` is `triage`. */
export function bareName(path: string): string {
  const plain = basename(path).replace(/\.(gz|gzip|zst|zstd)$/i, '');
  const ending = /\.([^.]+)$/.exec(plain)?.[1]?.toLowerCase();
  return ending !== undefined && Object.hasOwn(FORMATS, ending) ? plain.slice(0, -ending.length - 1) : plain;
}

function formatOf(path: string, options: DatasetFileOptions): Format | undefined {
  if (options.format !== undefined) return options.format;
  const plain = basename(path).replace(/\.(gz|gzip|zst|zstd)$/i, '');
  const named = FORMATS[/\.([^.]+)$/.exec(plain)?.[1]?.toLowerCase() ?? ''];
  const { delimiter, quote, header, comment } = options;
  const isRows = [delimiter, quote, header, comment].some((option) => option !== undefined);
  return isRows && named !== 'tsv' ? 'csv' : named;
}

/**
 * Reads a file. Rejects with a {@link DatasetError} for what cannot be read at all. O(size of the file), all of it in
 * memory.
 */
export async function readDatasetFile(path: string, options: DatasetFileOptions = {}): Promise<ReadDataset> {
  const format = formatOf(path, options);
  const document = format === 'json' || (await mayBeDocument(path, format)) ? await readDocument(path) : undefined;
  const isMeant = format === 'json' || recordsIn(document?.value) !== undefined;
  return document && isMeant ? readJson(path, document, options) : readRecords(path, format, options);
}

/** Resolves to whether a file whose name does not say its format begins as a JSON document does. */
async function mayBeDocument(path: string, format: Format | undefined): Promise<boolean> {
  if (format !== undefined) return false;
  const about = await stat(path).catch(() => undefined);
  if (!about?.isFile()) return false;
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    return /^\ufeff?\s*[[{]/.test(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** Returns the records of a JSON document; `undefined` where there are none. */
function recordsIn(value: unknown): unknown[] | undefined {
  const records = Array.isArray(value) ? value : (value as { testCases?: unknown } | null | undefined)?.testCases;
  return Array.isArray(records) ? records : undefined;
}

/** Reads the text of a JSON document; `undefined` when it is none, which the stream of items then tells with its place. */
async function readDocument(path: string): Promise<{ text: string; value: unknown } | undefined> {
  const text = await textOf(path);
  try {
    return { text, value: fromJsonText(text.replace(/^\ufeff/, '')) };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function textOf(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new DatasetError(path, undefined, undefined, `cannot be read: ${error.message}`);
  });
  return (await plainBytes(path, bytes)).toString('utf8');
}

async function plainBytes(path: string, bytes: Buffer): Promise<Buffer> {
  const magic = bytes.length < 2 ? 0 : bytes.readUInt16BE();
  // Of Node.js 22.15 and later.
  const { zstdDecompress } = process.getBuiltinModule('node:zlib') as { zstdDecompress?: typeof gunzip };
  if (magic !== 0x1f8b && magic !== 0x28b5) return bytes;
  if (magic === 0x28b5 && !zstdDecompress) {
    const reason =
      'a JSON document that zstd compressed needs Node.js 22.15; compress it with gzip, or write JSON lines';
    throw new DatasetError(path, undefined, undefined, reason);
  }
  const expand = promisify<Buffer, Buffer>(magic === 0x1f8b ? gunzip : zstdDecompress!);
  return expand(bytes).catch((error: Error) => {
    throw new DatasetError(path, undefined, undefined, `cannot be decompressed: ${error.message}`);
  });
}

function readJson(
  path: string,
  { text, value }: { text: string; value: unknown },
  options: DatasetFileOptions,
): ReadDataset {
  const header = Array.isArray(value) ? {} : value;
  const records = recordsIn(value);
  if (records === undefined) {
    const reason = 'must be an array of test cases, or an object whose testCases is one';
    throw new DatasetError(path, 1, undefined, reason);
  }
  const prefix: Steps = Array.isArray(value) ? [] : ['testCases'];
  const located = (steps: Steps, message: string): DatasetProblem => ({
    path: shownPath(steps),
    message,
    ...{ line: jsonPlace(text, steps).line },
  });
  const { cases, problems } = readCases(records, options, false);
  const headed = headerOf(path, header as Record<string, unknown>, cases);
  return {
    dataset: headed.dataset,
    problems: [
      ...headed.problems.map(({ path: steps, message }) => located([...steps], message)),
      ...problems.map(({ index, path: steps, message }) => located([...prefix, index, ...steps], message)),
    ],
  };
}

async function readRecords(
  path: string,
  format: Format | undefined,
  options: DatasetFileOptions,
): Promise<ReadDataset> {
  const { fields: _, ...rest } = options;
  const records: unknown[] = [];
  // Of a file that is `.json` by name only its content says what it is.
  const { format: given, ...untold } = rest;
  const asked = given === undefined || format === 'json' ? untold : rest;
  for await (const batch of DatasetStream.fromFile(path, asked).batches(1000)) records.push(...batch);
  const isRow = format === 'csv' || format === 'tsv';
  const { cases, problems } = readCases(records, options, isRow);
  const { dataset } = headerOf(path, {}, cases);
  if (records.length === 0) problems.push({ index: -1, path: [], message: 'there is no test case in it' });
  return { dataset, problems: await placed(path, format, options, problems) };
}

interface IndexedProblem extends CaseProblem {
  /** Index of the case; −1 for the file. */
  index: number;
}

function readCases(records: readonly unknown[], { fields = {} }: DatasetFileOptions, isRow: boolean) {
  const form = new TestCaseForm(fields, isRow);
  const cases: DatasetCase[] = [];
  const problems: IndexedProblem[] = [];
  const first = new Map<string, number>();
  for (const [index, record] of records.entries()) {
    const { made, problems: found } = form.read(record, index);
    problems.push(...found.map((problem) => ({ index, ...problem })));
    if (!made) continue;
    const earlier = first.get(made.id);
    if (earlier === undefined) first.set(made.id, index);
    else {
      const message = `${JSON.stringify(made.id)} is the id of case ${earlier + 1} already; ids must be unique`;
      problems.push({ index, path: [fields.id ?? 'id'], message });
      continue;
    }
    cases.push(made);
  }
  return { cases, problems };
}

/** Checks a dataset in memory as {@link readDatasetFile} checks one in a file. */
export function checkDataset(dataset: unknown): { cases: DatasetCase[]; problems: DatasetProblem[] } {
  const value = (typeof dataset === 'object' && dataset !== null ? dataset : {}) as Record<string, unknown>;
  if (!Array.isArray(value.testCases)) {
    return { cases: [], problems: [{ path: 'testCases', message: 'must be an array of test cases' }] };
  }
  const { cases, problems } = readCases(value.testCases, {}, false);
  const told = [
    ...headerOf('', value, cases).problems.map(({ path, message }) => ({ path: shownPath([...path]), message })),
    ...problems.map(({ index, path, message }) => ({ path: shownPath(['testCases', index, ...path]), message })),
  ];
  return { cases, problems: told };
}

/** Makes the dataset of a header and its cases. Members that are no texts are problems. */
function headerOf(path: string, header: Record<string, unknown>, cases: DatasetCase[]) {
  const problems: CaseProblem[] = [];
  const text = (name: string, otherwise: () => string): string => {
    const value = header[name];
    if (value === undefined || value === null) return otherwise();
    if (typeof value === 'string' && (value !== '' || name === 'description')) return value;
    if (name === 'version' && typeof value === 'number') return String(value);
    problems.push({ path: [name], message: `must be a text${name === 'description' ? '' : ' that is not empty'}` });
    return otherwise();
  };
  const id = text('id', () => bareName(path) || 'dataset');
  const { id: _, name: __, description: ___, version: ____, testCases: _____, ...others } = header;
  const dataset: Dataset = {
    id,
    name: text('name', () => id),
    description: text('description', () => ''),
    version: text('version', () => digestOf(cases)),
    testCases: cases,
  };
  if (Object.keys(others).length > 0) dataset.metadata = others;
  return { dataset, problems };
}

/** Returns a digest of cases: 16 hexadecimal digits of SHA-256. O(their size). */
export function digestOf(cases: readonly DatasetCase[]): string {
  const hash = createHash('sha256');
  for (const { id, input, expected, metadata } of cases) {
    hash.update(`${toJsonText([id, input, expected, metadata])}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Adds lines to the first problems of a file of records. */
async function placed(
  path: string,
  format: Format | undefined,
  { quote, comment, header }: DatasetFileOptions,
  problems: readonly IndexedProblem[],
): Promise<DatasetProblem[]> {
  const isRow = format === 'csv' || format === 'tsv';
  const form: RowForm = {
    format: isRow ? format : 'jsonl',
    quote: isRow ? (quote === false ? undefined : (quote ?? (format === 'csv' ? '"' : undefined))) : undefined,
    comment: isRow ? comment : undefined,
    hasHeader: isRow && header === undefined,
  };
  const told: DatasetProblem[] = [];
  for (const [i, { index, path: steps, message }] of problems.entries()) {
    const hasLine = index >= 0 && format !== 'parquet' && i < MOST_PLACED;
    const line = hasLine ? await recordLine(path, form, index) : undefined;
    const shown = index < 0 ? '' : shownPath([index, ...steps]);
    told.push({ path: shown, message, ...(line === undefined ? {} : { line }) });
  }
  return told;
}

function shownPath(steps: readonly (string | number)[]): string {
  const path = steps.reduce<string>(
    (before, step) => (typeof step === 'number' ? `${before}[${step}]` : memberPath(before, step)),
    '',
  );
  return path.replace(/^\./, '');
}

/** Returns the error of a dataset with problems: the first of them, and the number of the others. */
export function datasetError(file: string, problems: readonly DatasetProblem[]): DatasetError {
  const { path, message, line } = problems[0]!;
  const more = problems.length - 1;
  const others =
    more === 0 ? '' : ` (and ${more} more ${more === 1 ? 'problem' : 'problems'}; validateDataset lists all)`;
  return new DatasetError(file, line, undefined, `${path}${path === '' ? '' : ' '}${message}${others}`);
}
