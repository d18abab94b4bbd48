/** Datasets in a folder: made, extended, checked and exported. */
import { access, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { options as checkOptions, outOfRange, string, wrongType } from '../arguments.js';
import { DatasetError } from '../errors.js';
import { TemporaryFile } from '../stream/temporary_file.js';
import type { TestCaseInput } from '../types.js';
import { fromJsonText, toJsonText } from '../value/form.js';
import type { Dataset, DatasetProblem } from './dataset.js';
import { datasetText, type ExportDatasetOptions } from './dataset_export.js';
import { bareName, checkDataset, datasetError, readDatasetFile } from './dataset_file.js';
import { withFileLock } from './file_lock.js';
import { datasetFiles } from './load_dataset.js';

/** A dataset to be made. */
export interface NewDataset {
  /** Letters, digits, `_`, `-`, `.` and spaces; at most 100 characters. The name of its file. */
  id: string;
  /** Default: the id. */
  name?: string | undefined;
  /** Default `''`. */
  description?: string | undefined;
  /** Default: a digest of the cases, which changes with them. */
  version?: string | undefined;
  /** Default: none. */
  testCases?: readonly (TestCaseInput | Readonly<Record<string, unknown>>)[] | undefined;
}

/** The outcome of a check. */
export interface DatasetValidation {
  /** `true` when there are no errors. */
  valid: boolean;
  errors: DatasetProblem[];
  /** Oddities with which a dataset can be used. */
  warnings: DatasetProblem[];
}

/** A dataset in a list. */
export interface DatasetListing {
  id: string;
  name: string;
  description: string;
  version: string;
  /** Number of test cases. */
  testCases: number;
  path: string;
  /** Why it cannot be loaded; left out where it can. */
  error?: string;
}

/**
 * Datasets in a folder, a file each. Files are written beside their names and renamed, so that a reader, or a process that
 * was killed, never leaves half of one. Processes that change a dataset at the same time take turns: nothing is lost.
 */
export class DatasetManager {
  /** The folder. */
  readonly directory: string;

  /** The folder is made when the first dataset is. */
  constructor(directory: string) {
    this.directory = resolve(string('directory', directory));
  }

  /** Makes a dataset. Rejects with a `DatasetError` when there is one of this id, or when a case is not right. */
  async createDataset(dataset: NewDataset): Promise<Dataset> {
    const { id, name, description, version, testCases = [] } = checkOptions('dataset', dataset) as NewDataset;
    const path = this.#pathOf(id);
    const document = { id, name: name ?? id, description: description ?? '', version, testCases };
    await mkdir(this.directory, { recursive: true });
    return this.#locked(path, async (check) => {
      const there = await this.#fileOf(id);
      if (there !== undefined) {
        throw new DatasetError(there, undefined, undefined, 'there is a dataset of this id already; choose another');
      }
      await this.#write(path, document, check);
      return this.loadDataset(id);
    });
  }

  /** Loads a dataset and checks every case. Rejects with a `DatasetError` as the function of this name does. */
  async loadDataset(id: string): Promise<Dataset> {
    const path = await this.#needed(id);
    const { dataset, problems } = await readDatasetFile(path);
    if (problems.length > 0) throw datasetError(path, problems);
    return dataset;
  }

  /**
   * Adds a case at the end of a dataset, of which the rest stays as it is. Rejects with a `DatasetError` for a case that is
   * not right, an id that another case has, or a dataset that is no JSON document. O(size of the dataset).
   */
  async addTestCase(id: string, testCase: TestCaseInput | Readonly<Record<string, unknown>>): Promise<Dataset> {
    if (typeof testCase !== 'object' || testCase === null) wrongType('testCase', 'a test case object', testCase);
    const path = await this.#needed(id);
    if (!path.endsWith('.json')) {
      const reason = 'only datasets in .json files take further cases; make one by exportDataset';
      throw new DatasetError(path, undefined, undefined, reason);
    }
    return this.#locked(path, async (check) => {
      const { problems } = await readDatasetFile(path);
      if (problems.length > 0) throw datasetError(path, problems);
      const value = fromJsonText((await readFile(path, 'utf8')).replace(/^\ufeff/, ''));
      const document = Array.isArray(value) ? { testCases: value } : (value as { testCases: unknown[] });
      await this.#write(path, { ...document, testCases: [...document.testCases, testCase] }, check);
      return this.loadDataset(id);
    });
  }

  /** Checks a dataset, by its id or as it is in memory. Resolves to everything that is wrong with it. */
  async validateDataset(dataset: string | Dataset): Promise<DatasetValidation> {
    const path = typeof dataset === 'string' ? await this.#needed(dataset) : undefined;
    try {
      const { cases, problems } = path === undefined ? checkDataset(dataset) : await readCases(path);
      const warnings: DatasetProblem[] = [];
      if (cases.length === 0 && problems.length === 0) warnings.push({ path: 'testCases', message: 'there is none' });
      const without = cases.filter(({ metadata }) => metadata.category === undefined).length;
      if (without > 0) warnings.push({ path: 'testCases', message: `${without} of ${cases.length} have no category` });
      return { valid: problems.length === 0, errors: problems, warnings };
    } catch (error) {
      if (!(error instanceof DatasetError)) throw error;
      const { message, line } = error;
      return { valid: false, errors: [{ path: '', message, ...(line === undefined ? {} : { line }) }], warnings: [] };
    }
  }

  /** Resolves to a dataset as text, and writes it to `path` if one is given. O(size of the dataset). */
  async exportDataset(id: string, options?: ExportDatasetOptions): Promise<string> {
    const { path, ...form } = checkOptions('options', options);
    const text = datasetText(await this.loadDataset(id), form);
    if (path !== undefined) await writeWhole(string('path', path), text);
    return text;
  }

  /** Lists the datasets by name of their files. One that cannot be loaded has an `error`. O(size of all of them). */
  async listDatasets(): Promise<DatasetListing[]> {
    const listed: DatasetListing[] = [];
    for (const name of await datasetFiles(this.directory)) {
      const path = join(this.directory, name);
      const id = bareName(name);
      try {
        const { dataset, problems } = await readDatasetFile(path);
        const { name: shown, description, version, testCases } = dataset;
        const error = problems.length > 0 ? { error: datasetError(path, problems).message } : {};
        listed.push({ id, name: shown, description, version, testCases: testCases.length, path, ...error });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        listed.push({ ...{ id, name: id, description: '', version: '', testCases: 0, path }, error: message });
      }
    }
    return listed;
  }

  /** The file that a dataset of this id is made in. No id leads out of the folder. */
  #pathOf(id: string): string {
    const expected = 'letters, digits, _, -, . and spaces, not first or last a . or a space, at most 100 of them';
    if (typeof id !== 'string') return wrongType('id', 'a text', id);
    const isName = /^[\p{L}\p{N}_-](?:[\p{L}\p{N}_. -]{0,98}[\p{L}\p{N}_-])?$/u.test(id);
    // The ending of a format would be taken for that of the file. Windows has devices of these names in every folder.
    if (!isName || bareName(id) !== id || /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(id)) {
      return outOfRange('id', expected, id);
    }
    return join(this.directory, `${id}.json`);
  }

  async #fileOf(id: string): Promise<string | undefined> {
    const path = this.#pathOf(id);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
    const name = (await datasetFiles(this.directory)).find((file) => bareName(file) === id);
    return name === undefined ? undefined : join(this.directory, name);
  }

  async #needed(id: string): Promise<string> {
    const path = await this.#fileOf(id);
    if (path !== undefined) return path;
    const ids = (await datasetFiles(this.directory)).map(bareName).join(', ') || 'none';
    throw new DatasetError(this.#pathOf(id), undefined, undefined, `there is no dataset of this id; there are: ${ids}`);
  }

  #locked<T>(path: string, work: (check: () => Promise<void>) => Promise<T>): Promise<T> {
    return withFileLock(path, work);
  }

  async #write(path: string, document: { testCases: readonly unknown[] }, check: () => Promise<void>): Promise<void> {
    const text = documentText(document);
    const { problems } = checkDataset(fromJsonText(text));
    if (problems.length > 0) throw datasetError(path, problems);
    await writeWhole(path, text, check);
  }
}

async function readCases(path: string) {
  const { dataset, problems } = await readDatasetFile(path);
  return { cases: dataset.testCases, problems };
}

/** A document with a line for each case, so that changes show as such. */
function documentText({ testCases, ...header }: { testCases: readonly unknown[] }): string {
  const members = Object.entries(header).filter(([, value]) => value !== undefined);
  const lines = members.map(([name, value]) => `  ${JSON.stringify(name)}: ${toJsonText(value) ?? 'null'},\n`);
  const cases = testCases.map((testCase) => `\n    ${toJsonText(testCase) ?? 'null'}`);
  return `{\n${lines.join('')}  "testCases": [${cases.join(',')}${cases.length === 0 ? '' : '\n  '}]\n}\n`;
}

/** Writes a file beside its name and renames it; `check` is called before. */
async function writeWhole(path: string, text: string, check?: () => Promise<void>): Promise<void> {
  const temporary = await TemporaryFile.open(path);
  try {
    await temporary.file.writeFile(text);
    await temporary.file.sync();
    await temporary.file.close();
    await check?.();
    await temporary.takeName();
  } catch (error) {
    await temporary.file.close().catch(() => {});
    await temporary.remove();
    throw error;
  }
}
