/**
 * The file `--json` names. It is opened before the run, so that nothing is spent when it cannot be written, and it is whole
 * or not there.
 */
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RowStore, resultText, writeAll } from './result_rows.js';
import type { Summary } from './summary.js';
import type { CaseResult } from './tally.js';
import { UserError } from './user_error.js';

/** Characters written at a time. */
const CHUNK = 1024 * 1024;

export class ReportFile {
  readonly #given: string;
  readonly #target: string;
  /** The file that is written and moved over the target when complete; the target itself when that is a device or pipe. */
  readonly #path: string;
  readonly #file: number;
  readonly #rows = new RowStore();
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

  /** Adds the result of the case with this index. */
  add(index: number, result: CaseResult): void {
    this.#rows.add(index, resultText(result));
  }

  /** Writes `summary` with the results, in dataset order, and puts it in place. */
  write(summary: Summary): void {
    try {
      const opening = JSON.stringify(summary, null, 2);
      let text = `${opening.slice(0, -2)},\n  "results": [`;
      let separator = '';
      for (const row of this.#rows.inOrder()) {
        text += `${separator}\n    ${row}`;
        separator = ',';
        if (text.length < CHUNK) continue;
        this.#append(text);
        text = '';
      }
      this.#append(`${text}${separator === '' ? '' : '\n  '}]\n}\n`);
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
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#file);
    this.#rows.close();
  }

  #append(text: string): void {
    writeAll(this.#file, Buffer.from(text));
  }

  #unwritable(error: unknown): UserError {
    const reason = error instanceof Error ? error.message : String(error);
    return new UserError(`${this.#given} (--json) cannot be written: ${reason}`, { cause: error });
  }
}

/** Returns the file behind a symbolic link, so that the link stays. */
function resolved(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
