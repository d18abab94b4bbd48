/** Formats of files of results: their names, the text of a row and compression. */
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { outOfRange } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { fromNative, native } from '../native.js';
import { toJsonText } from '../value/form.js';

/** A format of a file of results. */
export type FileFormat = 'jsonl' | 'json' | 'csv' | 'tsv';

const FORMATS: Readonly<Record<string, FileFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  jsonlines: 'jsonl',
  json: 'json',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
};

/** A compression of a file of results; `undefined` for none. */
export type FileCompression = 'gzip' | 'zstd' | undefined;

/** Returns what the whole name of `path` says: `results.csv.gz` is gzipped CSV. A name without an ending is JSON lines. */
export function formatOfName(path: string): { format: FileFormat | undefined; compression: FileCompression } {
  const name = basename(path).toLowerCase();
  const plain = name.replace(/\.(gz|gzip|zst|zstd)$/, '');
  const compression = plain === name ? undefined : /\.g[^.]*$/.test(name) ? 'gzip' : 'zstd';
  const ending = /[^.]\.([^.]*)$/.exec(plain)?.[1];
  return { format: ending === undefined ? 'jsonl' : FORMATS[ending], compression };
}

/** Returns `given`, checked, or the format that the name of `path` says. Throws `RangeError` when neither tells one. */
export function checkedFormat(given: unknown, path: string): FileFormat {
  const names = [...new Set(Object.values(FORMATS))];
  if (given === undefined) {
    const endings = names.map((name) => `.${name}`).join(', ');
    return (
      formatOfName(path).format ??
      outOfRange('path', `a name that ends in ${endings} (then .gz or .zst), or \`format\` passed`, path)
    );
  }
  return names.find((name) => name === given) ?? outOfRange('format', `one of ${names.join(', ')}`, given);
}

/** Returns `bytes` as one gzip member or zstd frame: a file may have any number of them. Off this thread. */
export async function compressed(bytes: Buffer, compression: FileCompression): Promise<Buffer> {
  if (compression === undefined) return bytes;
  if (compression === 'gzip') return promisify<Uint8Array, Buffer>(gzip)(bytes);
  return native.zstdFrame(bytes).catch((error: unknown) => {
    throw fromNative(error);
  });
}

/** Returns the row of these cells, with its line end. TSV has no quotes: a tab or a line end in a cell is refused. */
export function rowText(format: 'csv' | 'tsv', cells: readonly string[]): string {
  // An empty line is no row.
  if (format === 'csv') return cells.length === 1 && cells[0] === '' ? '""\r\n' : `${cells.map(quoted).join(',')}\r\n`;
  return `${cells.join('\t')}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Throws `ERR_STORAGE` when TSV cannot hold `text`, the member `name` of a result. */
export function checkTsvCell(name: string, text: string): void {
  if (!/[\t\r\n]/.test(text)) return;
  const reason = `the member ${JSON.stringify(name)} holds a tab or a line end, which TSV cannot`;
  throw new AiEvalsError('ERR_STORAGE', `${reason}; write CSV or JSON lines`);
}

/**
 * Returns the text of a cell: nothing for `undefined` and `null`, strings as they are, everything else its JSON form (see
 * `value/form.ts`) without quotes around it. Half a surrogate pair, which UTF-8 lacks, is its escape `\ud83d`.
 */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return wellFormed(value);
  const text = toJsonText(value) ?? '';
  if (text === 'null') return '';
  return wellFormed(text.startsWith('"') ? (JSON.parse(text) as string) : text);
}

/** Returns the text of a cell that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe. */
export function inertCellText(value: unknown): string {
  const text = cellText(value);
  return typeof value !== 'number' && typeof value !== 'bigint' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
