/** An existing file that rows are appended to. The end of its records is found natively, by the rules of the readers. */
import { constants, type FileHandle, open } from 'node:fs/promises';
import { AiEvalsError } from '../errors.js';
import { fromNative, guarded, native } from '../native.js';
import type { FileFormat } from './file_format.js';

/** Opens `path` for reading and writing, created when it is not there. */
export function openForAppend(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
}

/** The place of the next row. */
export interface AppendPoint {
  /** Bytes of the file that stay. Anything behind them is the beginning of a record that was never finished. */
  position: number;
  /** The line end that is missing between them and the next row. */
  lineEnd: string;
  /** The columns of a CSV or TSV file that has a header. */
  columns?: string[];
}

/**
 * Finds the point in the file at `path`. `header` is the header row that a file of rows without one would get, where known.
 * Rejects when rows would be lost. O(last line) for JSON lines, O(file) for rows, off this thread.
 */
export async function appendPoint(path: string, format: FileFormat, header: string | undefined): Promise<AppendPoint> {
  try {
    return await native.findAppendPoint(path, format, header);
  } catch (error) {
    const { message } = fromNative(error);
    throw new AiEvalsError('ERR_STORAGE', `${path} cannot be appended to: ${message}`, { cause: error });
  }
}

/** Returns the columns of the CSV or TSV file at `path`, at once, when it has a header row with its line end. O(header). */
export function finishedHeader(path: string, format: FileFormat): string[] | undefined {
  return guarded(() => native.finishedCsvHeader(path, format)) ?? undefined;
}
