/** The files a run writes must be others than the one it reads, and than each other. */
import { type BigIntStats, statSync } from 'node:fs';
import type { RunOptions } from './run_options.js';
import { asksModel } from './scorer_columns.js';
import { fileOf } from './store_location.js';
import { UserError } from './user_error.js';

/** Throws a {@link UserError} when a file would be written over that the run reads or writes as something else. */
export function checkOutputFiles({ dataset, jsonFile, linesFile, cacheFile, cacheMode, ...options }: RunOptions): void {
  const asks = options.fields.actual === undefined || options.scorers.some(asksModel);
  const cache = cacheMode === 'off' || !asks ? undefined : cacheFile;
  refuse(jsonFile, '--json', dataset, 'the dataset itself');
  refuse(linesFile, '--json-lines', dataset, 'the dataset itself');
  refuse(linesFile, '--json-lines', jsonFile, 'the file of --json');
  refuse(cache, '--cache-file', dataset, 'the dataset itself');
  refuse(cache, '--cache-file', jsonFile, 'the file of --json');
  refuse(cache, '--cache-file', linesFile, 'the file of --json-lines');
  const store = options.store === undefined ? undefined : fileOf(options.store);
  refuse(store, '--store', dataset, 'the dataset itself');
  refuse(store, '--store', jsonFile, 'the file of --json');
  refuse(store, '--store', linesFile, 'the file of --json-lines');
  refuse(store, '--store', cache, 'the file of --cache-file');
}

function refuse(written: string | undefined, flag: string, other: string | undefined, role: string): void {
  if (written === undefined || other === undefined || !isSameFile(written, other)) return;
  throw new UserError(`${written} (${flag}) is ${role}: name another file`);
}

function isSameFile(a: string, b: string): boolean {
  if (a === b) return true;
  const one = found(a);
  const other = found(b);
  // Devices and pipes can be read and written at once.
  return one?.isFile() === true && other?.isFile() === true && one.dev === other.dev && one.ino === other.ino;
}

/** Returns the figures of a file; whoever opens it says why there are none. */
function found(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
