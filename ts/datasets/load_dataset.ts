/** Loading of a dataset by its path or its id. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { options as checkOptions, string, wrongType } from '../arguments.js';
import { DatasetError } from '../errors.js';
import { PACKAGE_ROOT } from '../package_root.js';
import { checkedFile, checkedPath } from '../stream/file_source.js';
import type { Dataset } from './dataset.js';
import { bareName, type DatasetFileOptions, datasetError, ENDINGS, readDatasetFile } from './dataset_file.js';

/** Options of {@link loadDataset}. */
export interface LoadDatasetOptions extends DatasetFileOptions {
  /** The folder in which an id is looked for. Default `datasets`, in the working directory. */
  directory?: string | undefined;
}

/** The folder of the datasets that come with the package. */
const BUNDLED = join(PACKAGE_ROOT, 'datasets');

/**
 * Loads a whole dataset and checks every case of it.
 *
 * - A path or file URL names a file: JSON (`{ id, name, description, version, testCases }` or an array of cases), JSON
 *   lines, CSV, TSV or Parquet, plain or compressed.
 * - An id names a file of that name in `directory`, then one of those that come with the package (`everyday`).
 *
 * A case has `id`, `input`, `expected` (or `expectedBehavior`) and `metadata`. Other members become metadata.
 *
 * Rejects with a `DatasetError` that names file, line and member of the first problem. O(size of the file), all of it in
 * memory: for more than that holds there is `DatasetStream.fromFile`.
 */
// biome-ignore lint/suspicious/noExplicitAny: what a file holds is the caller's to say
export async function loadDataset<TInput = any, TOutput = any>(
  pathOrId: string | URL,
  options?: LoadDatasetOptions,
): Promise<Dataset<TInput, TOutput>> {
  const { directory, fields, ...file } = checkOptions('options', options);
  const checked: DatasetFileOptions = checkedFile(file);
  if (fields !== undefined) checked.fields = checkedFields(fields);
  const folder = directory === undefined ? 'datasets' : string('directory', directory);
  const path = await fileOf(pathOrId, folder);
  const { dataset, problems } = await readDatasetFile(path, checked);
  if (problems.length > 0) throw datasetError(path, problems);
  return dataset as Dataset<TInput, TOutput>;
}

function checkedFields(fields: unknown): NonNullable<DatasetFileOptions['fields']> {
  const given = checkOptions('fields', fields as object);
  for (const [name, path] of Object.entries(given)) {
    if (!['id', 'input', 'expected', 'category'].includes(name)) {
      wrongType('fields', 'an object of id, input, expected or category', fields);
    }
    if (path !== undefined) string(`fields.${name}`, path);
  }
  return given;
}

/** Resolves to the file that a path or an id means. */
async function fileOf(pathOrId: string | URL, directory: string): Promise<string> {
  const given = checkedPath(pathOrId);
  if (typeof pathOrId !== 'string' || /[/\\]/.test(given) || bareName(given) !== given || (await isFile(given))) {
    return given;
  }
  const near = await filesNamed(directory, given);
  const [file, other] = near.length > 0 ? near : await filesNamed(BUNDLED, given);
  if (file === undefined) throw await notFound(given, directory);
  if (other !== undefined) {
    throw new DatasetError(
      file,
      undefined,
      undefined,
      `the id ${JSON.stringify(given)} also names ${other}; pass a path`,
    );
  }
  return file;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (about) => !about.isDirectory(),
    () => false,
  );
}

/** Resolves to the dataset files of a folder; to none when there is no such folder. */
export async function datasetFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const isDataset = new RegExp(`[^.]\\.(${ENDINGS.join('|')})(\\.(gz|gzip|zst|zstd))?$`, 'i');
  return names.filter((name) => !name.startsWith('.') && isDataset.test(name)).sort();
}

async function filesNamed(directory: string, id: string): Promise<string[]> {
  const names = await datasetFiles(directory);
  return names.filter((name) => bareName(name) === id).map((name) => join(directory, name));
}

async function notFound(id: string, directory: string): Promise<DatasetError> {
  const listed = async (folder: string) => (await datasetFiles(folder)).map(bareName).join(', ') || 'none';
  const reason =
    `there is no file of this path and no dataset of this id. Ids in ${resolve(directory)}: ${await listed(directory)}; ` +
    `ids of the package: ${await listed(BUNDLED)}`;
  return new DatasetError(id, undefined, undefined, reason);
}
