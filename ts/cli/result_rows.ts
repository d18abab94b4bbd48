/** The results of a run on their way into files: a line each as they come, and all of them in dataset order at the end. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toJsonText } from '../value/form.js';
import type { CaseResult } from './tally.js';
import { UserError } from './user_error.js';

/** Bytes written at a time. */
const CHUNK = 1024 * 1024;

/** Returns the result as one line of JSON. A value too deep to have a JSON text is replaced by a note. */
export function resultText(result: CaseResult): string {
  try {
    return toJsonText(result)!;
  } catch {
    const members = Object.entries(result).map(([name, value]) => [name, writable(value)] as const);
    return toJsonText(Object.fromEntries(members))!;
  }
}

function writable(value: unknown): unknown {
  try {
    toJsonText(value);
    return value;
  } catch (error) {
    return `(not written: ${(error as Error).message})`;
  }
}

/** Writes every byte of `bytes`. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/**
 * Texts by index, held in a temporary file: a million results with their answers do not fit in memory. Costs 16 bytes of
 * memory a text.
 */
export class RowStore {
  readonly #directory = mkdtempSync(join(tmpdir(), 'ai-evals-rows-'));
  readonly #file = openSync(join(this.#directory, 'rows'), 'w+');
  readonly #places: (readonly [start: number, length: number] | undefined)[] = [];
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written = 0;

  /** Adds the text with this index. */
  add(index: number, text: string): void {
    const bytes = Buffer.from(text);
    this.#places[index] = [this.#written + this.#waitingBytes, bytes.length];
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= CHUNK) this.#flush();
  }

  /** The texts there are, by index. */
  *inOrder(): Generator<string, void> {
    this.#flush();
    for (const place of this.#places) {
      if (!place) continue;
      const [start, length] = place;
      const bytes = Buffer.alloc(length);
      for (let at = 0; at < length; ) at += readSync(this.#file, bytes, at, length - at, start + at);
      yield bytes.toString();
    }
  }

  /** Removes the temporary file. */
  close(): void {
    closeSync(this.#file);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #flush(): void {
    writeAll(this.#file, Buffer.concat(this.#waiting));
    this.#written += this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}

/** The file `--json-lines` names: a line per result, written as results come, at most a second late. */
export class LinesFile {
  readonly #given: string;
  readonly #file: number;
  readonly #isNew: boolean;
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #begun = false;

  /** Throws a {@link UserError} when `file` cannot be written. What is in it stays until the first result. */
  constructor(file: string) {
    this.#given = file;
    try {
      this.#isNew = statSync(file, { throwIfNoEntry: false }) === undefined;
      this.#file = openSync(file, 'a');
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /** Adds a line. */
  add(text: string): void {
    this.#waiting.push(text);
    if (this.#waiting.length >= 256) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), 1000).unref();
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const text = `${this.#waiting.join('\n')}\n`;
    this.#waiting = [];
    try {
      // Devices and pipes have nothing to cut off.
      if (!this.#begun && statSync(this.#given, { throwIfNoEntry: false })?.isFile()) ftruncateSync(this.#file);
      this.#begun = true;
      writeAll(this.#file, Buffer.from(text));
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /** Writes what waits and closes the file; one without any result goes when it was not there before. */
  close(): void {
    this.flush();
    closeSync(this.#file);
    if (this.#isNew && !this.#begun) rmSync(this.#given, { force: true });
  }

  #unwritable(error: unknown): UserError {
    const reason = error instanceof Error ? error.message : String(error);
    return new UserError(`${this.#given} (--json-lines) cannot be written: ${reason}`, { cause: error });
  }
}
