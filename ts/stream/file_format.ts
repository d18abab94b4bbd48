/** The formats and compressions in which files of results are written. */
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { outOfRange } from '../arguments.js';
import { fromNative, native } from '../native.js';

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

const gzipped = promisify<Uint8Array, Buffer>(gzip);

/** Returns `bytes` as one gzip member or zstd frame: a file may have any number of them. Off this thread. */
export async function compressed(bytes: Buffer, compression: FileCompression): Promise<Buffer> {
  if (compression === undefined) return bytes;
  if (compression === 'gzip') return gzipped(bytes);
  return native.zstdFrame(bytes).catch((error: unknown) => {
    throw fromNative(error);
  });
}
