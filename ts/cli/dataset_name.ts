/** The file that `--dataset` means: a path, or the id of a dataset. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../package_root.js';
import { UserError } from './user_error.js';

/** Names of files that hold datasets. */
export const DATASET_FILE = /^(?!\.)(.+)\.(?:jsonl|ndjson|json|csv|tsv|parquet)(?:\.(?:gz|gzip|zst|zstd))?$/i;

/** The folder of the datasets that ship with the package. */
export const SHIPPED = join(PACKAGE_ROOT, 'datasets');

/** The part of a configuration in which datasets are looked for. */
interface Configured {
  directory: string;
  config: { datasets?: readonly string[] | undefined };
}

/** The id of the dataset in a file: its name without its endings. */
export function datasetId(file: string): string {
  const name = file.replace(/^.*[\\/]/s, '');
  return DATASET_FILE.exec(name)?.[1] ?? name;
}

/** Returns the files of a folder that hold datasets, sorted; none when there is no such folder. */
export function datasetFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { withFileTypes: true });
  return names
    .filter((entry) => !entry.isDirectory() && DATASET_FILE.test(entry.name))
    .map(({ name }) => join(folder, name))
    .sort();
}

/**
 * Returns the path of a dataset: of a file of this path; else of the dataset of this id in the configuration, in the folder
 * `datasets` beside it, or in the package. Throws a {@link UserError} that names the ids there are.
 */
export function datasetNamed(name: string, configured?: Configured): string {
  if (name === '-') return '/dev/stdin';
  if (existsSync(name) || /[\\/]/.test(name)) return name;
  const known = knownDatasets(configured);
  const found = known.find((file) => datasetId(file) === name);
  if (found !== undefined) return found;
  const ids = [...new Set(known.map(datasetId))].join(', ');
  throw new UserError(`there is no dataset ${name} (--dataset), neither a file nor an id; the ids are ${ids}`);
}

/** The datasets of a configuration, of the folder `datasets` and of the package, each once. */
export function knownDatasets(configured?: Configured): string[] {
  const directory = configured?.directory ?? process.cwd();
  const named = (configured?.config.datasets ?? []).map((path) => resolve(directory, path));
  const all = [
    ...named,
    ...datasetFiles(join(directory, 'datasets')).map((file) => resolve(file)),
    ...datasetFiles(SHIPPED),
  ];
  return [...new Set(all)];
}

/** The path of a file as it is shown: from the working directory where that is shorter. */
export function shownPath(file: string): string {
  const near = relative(process.cwd(), file);
  return near.length < file.length && !near.startsWith('..') ? near : file;
}
