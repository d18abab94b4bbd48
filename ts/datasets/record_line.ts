/** The line of a record in a file of records, found after the fact by reading the file again. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

/** The form of the rows of a file. */
export interface RowForm {
  format: 'jsonl' | 'csv' | 'tsv';
  /** The character around fields that hold line ends; `undefined` for none. */
  quote: string | undefined;
  /** The first character of lines that are left out. */
  comment: string | undefined;
  /** `true` when the first record names the columns. */
  hasHeader: boolean;
}

/**
 * Resolves to the first line (from 1) of the record with this index (from 0). Resolves to `undefined` for what cannot be
 * read again: a pipe, or a text that zstd compressed.
 */
export async function recordLine(file: string, form: RowForm, index: number): Promise<number | undefined> {
  const about = await stat(file).catch(() => undefined);
  if (!about?.isFile()) return undefined;
  const magic = await firstBytes(file);
  if (magic === 0x28b5) return undefined;
  const bytes = createReadStream(file);
  const text = magic === 0x1f8b ? bytes.pipe(createGunzip()) : bytes;
  text.setEncoding('utf8');
  const wanted = index + Number(form.hasHeader);
  try {
    const lines = new RecordLines(form);
    for await (const chunk of text as AsyncIterable<string>) {
      const line = lines.take(chunk, wanted);
      if (line !== undefined) return line;
    }
    return undefined;
  } finally {
    bytes.destroy();
  }
}

async function firstBytes(file: string): Promise<number> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 ? buffer.readUInt16BE() : 0;
  } finally {
    await handle.close();
  }
}

/** Counts lines and records as text comes. */
class RecordLines {
  readonly #form: RowForm;
  #line = 1;
  #records = -1;
  /** `true` behind the first character of a record. */
  #isWithin = false;
  #isQuoted = false;
  #isComment = false;

  constructor(form: RowForm) {
    this.#form = form;
  }

  /** Reads `chunk`; returns the line on which the record `wanted` begins, if it does so in it. */
  take(chunk: string, wanted: number): number | undefined {
    const { quote, comment } = this.#form;
    for (const char of chunk) {
      if (char === '\n') {
        this.#line += 1;
        this.#isComment = false;
        if (!this.#isQuoted) this.#isWithin = false;
        continue;
      }
      if (this.#isComment || char === '\r' || char === '\ufeff') continue;
      if (!this.#isWithin) {
        if (char === comment) {
          this.#isComment = true;
          continue;
        }
        // A line of JSON that is blank is no record.
        if (this.#form.format === 'jsonl' && /\s/.test(char)) continue;
        this.#isWithin = true;
        this.#records += 1;
        if (this.#records === wanted) return this.#line;
      }
      if (char === quote) this.#isQuoted = !this.#isQuoted;
    }
    return undefined;
  }
}
