/** The file `--json` names: opened before the run, so that nothing is spent when it cannot be written, and whole or not there. */
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Summary } from './summary.js';
import { UserError } from './user_error.js';

/** Results turned into text at once: bounds the memory of writing a million of them. */
const CHUNK = 4096;

export class ReportFile {
  readonly #given: string;
  readonly #target: string;
  /** Where it is written; moved over the target when complete. The target itself when that is a device or pipe. */
  readonly #path: string;
  readonly #file: number;
  #open = true;

  /** Throws a {@link UserError} when `file` cannot be written. */
  constructor(file: string) {
    this.#given = file;
    try {
      const target = resolved(file);
      const kind = statSync(target, { throwIfNoEntry: false });
      if (kind?.isDirectory()) throw new Error('is a directory');
      this.#target = target;
      this.#path = kind && !kind.isFile() ? target : join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
      this.#file = openSync(this.#path, 'w');
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /** Writes `summary` and puts it in place. */
  write(summary: Summary): void {
    const { results, ...head } = summary;
    try {
      const opening = JSON.stringify(head, null, 2);
      this.#append(`${opening.slice(0, -2)},\n  "results": [`);
      for (let start = 0; start < results.length; start += CHUNK) {
        const rows = results.slice(start, start + CHUNK).map((result) => `\n    ${JSON.stringify(result)}`);
        this.#append(`${start === 0 ? '' : ','}${rows.join(',')}`);
      }
      this.#append(`${results.length === 0 ? '' : '\n  '}]\n}\n`);
      if (this.#path !== this.#target) fsyncSync(this.#file);
      this.#close();
      if (this.#path !== this.#target) renameSync(this.#path, this.#target);
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /** Leaves no trace of a run that came to nothing. */
  discard(): void {
    this.#close();
    if (this.#path !== this.#target) rmSync(this.#path, { force: true });
  }

  #close(): void {
    if (this.#open) closeSync(this.#file);
    this.#open = false;
  }

  #append(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  #unwritable(error: unknown): UserError {
    const reason = error instanceof Error ? error.message : String(error);
    return new UserError(`${this.#given} (--json) cannot be written: ${reason}`, { cause: error });
  }
}

/** The file behind a symbolic link, so that the link stays. */
function resolved(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
