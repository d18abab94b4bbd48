/** An existing file that lines are appended to, and what a crash may have left at its end. */
import { closeSync, openSync, readSync } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';

const STEP = 64 * 1024;
const LINE_FEED = 10;
const QUOTE = 34;

/** Opens `path` for reading and writing, created when it is not there. */
export function openForAppend(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT, 0o666);
}

/** What is at the end of a file. */
export interface LineEnd {
  /** Where the next line goes; anything behind it is torn. */
  position: number;
  /** Whether a line end is missing before it. */
  missing: boolean;
}

/**
 * Where the lines of a JSON lines file end. A last line without its end is kept when it is a whole JSON value (another tool
 * wrote it so), else it is torn. O(length of the last line).
 */
export async function endOfJsonLines(file: FileHandle): Promise<LineEnd> {
  const { size } = await file.stat();
  let tail = Buffer.alloc(0);
  for (let at = size; at > 0; ) {
    const length = Math.min(STEP, at);
    at -= length;
    const part = await read(file, at, length);
    const found = part.lastIndexOf(LINE_FEED);
    tail = Buffer.concat([part.subarray(found + 1), tail]);
    if (found >= 0)
      return tail.length === 0 || !isJson(tail) ? end(size - tail.length) : { position: size, missing: true };
  }
  return isJson(tail) ? { position: size, missing: true } : end(0);
}

/**
 * Where the rows of a CSV file end: behind the last line feed outside of quotes. A file of one line without its end is its
 * header and is kept. O(file).
 */
export async function endOfCsvRows(file: FileHandle): Promise<LineEnd> {
  const { size } = await file.stat();
  let quoted = false;
  let whole = 0;
  for (let at = 0; at < size; at += STEP) {
    const part = await read(file, at, Math.min(STEP, size - at));
    for (let i = 0; i < part.length; i += 1) {
      if (part[i] === QUOTE) quoted = !quoted;
      else if (part[i] === LINE_FEED && !quoted) whole = at + i + 1;
    }
  }
  return whole === 0 && size > 0 && !quoted ? { position: size, missing: true } : end(whole);
}

/** The column names in the first row of a CSV file. */
export async function readHeader(file: FileHandle): Promise<string[]> {
  return columnsIn(await read(file, 0, Math.min(STEP, (await file.stat()).size))).columns;
}

/** {@link readHeader} at once, of the file `path`; `undefined` when there is none (yet), or none that can be read. */
export function peekHeader(path: string): string[] | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const bytes = Buffer.alloc(STEP);
    const length = readSync(file, bytes, 0, STEP, 0);
    const { columns, whole } = columnsIn(bytes.subarray(0, length));
    return length > 0 && whole ? columns : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function columnsIn(start: Buffer): { columns: string[]; whole: boolean } {
  const columns: string[] = [];
  const text = start.toString().replace(/^\uFEFF/, '');
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  for (;;) {
    const match = cell.exec(text);
    if (!match) return { columns, whole: false };
    columns.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] !== ',') return { columns, whole: true };
  }
}

function end(position: number): LineEnd {
  return { position, missing: false };
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString().replace(/^\uFEFF/, ''));
    return true;
  } catch {
    return false;
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
