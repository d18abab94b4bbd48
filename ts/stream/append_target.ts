/** An existing file that rows are appended to. Where its records end is found natively, by the rules of the readers. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { AiEvalsError } from '../errors.js';
import { fromNative, guarded, native } from '../native.js';

/** Opens `path` for reading and writing, created when it is not there. */
export function openForAppend(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
}

/** Where the next row goes. */
export interface AppendPoint {
  /** Bytes of the file that stay; anything behind them is the beginning of a record that was never finished. */
  position: number;
  /** The line end that is missing between them and the next row. */
  lineEnd: string;
  /** The columns of a CSV file that has a header. */
  columns?: string[];
}

/**
 * The point in the file at `path`; `header` is the header row that a CSV file without one would get, as far as it is known.
 * Rejects when rows would be lost. O(last line) for JSON lines, O(file) for CSV, off this thread.
 */
export async function appendPoint(path: string, csv: boolean, header: string | undefined): Promise<AppendPoint> {
  try {
    return await native.findAppendPoint(path, csv, header);
  } catch (error) {
    const { message } = fromNative(error);
    throw new AiEvalsError('ERR_STORAGE', `${path} cannot be appended to: ${message}`, { cause: error });
  }
}

/** The columns of the CSV file at `path`, at once, when it has a header row with its line end. O(header). */
export function finishedHeader(path: string): string[] | undefined {
  return guarded(() => native.finishedCsvHeader(path)) ?? undefined;
}
