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
  /** `undefined`: the standard output. */
  readonly #file: number | undefined;
  readonly #rows: readonly RowStore[];
  #open = true;

  /** `file` may be `-`, the standard output. Throws a {@link UserError} when it cannot be written. */
  constructor(file: string, runs = 1) {
    this.#given = file;
    this.#rows = Array.from({ length: runs }, () => new RowStore());
    if (file === '-') {
      this.#target = file;
      this.#path = file;
      return;
    }
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
  add(index: number, result: CaseResult, run = 0): void {
    this.#rows[run]!.add(index, resultText(result));
  }

  /**
   * Writes the summary of each run with its results, in dataset order, and puts the file in place. Several runs are the
   * member `runs`, behind the figures that `total` gives for all of them.
   */
  write(summaries: readonly Summary[], total?: object): void {
    try {
      const isOne = total === undefined;
      if (!isOne) this.#append(`${JSON.stringify(total, null, 2).slice(0, -2)},\n  "runs": [\n`);
      for (const [run, summary] of summaries.entries()) {
        if (run > 0) this.#append(',\n');
        this.#writeRun(summary, this.#rows[run]!);
      }
      this.#append(isOne ? '\n' : '\n  ]\n}\n');
      if (this.#file !== undefined && this.#path !== this.#target) fsyncSync(this.#file);
      this.#close();
      if (this.#path !== this.#target) renameSync(this.#path, this.#target);
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  #writeRun(summary: Summary, rows: RowStore): void {
    let text = `${JSON.stringify(summary, null, 2).slice(0, -2)},\n  "results": [`;
    let separator = '';
    for (const row of rows.inOrder()) {
      text += `${separator}\n    ${row}`;
      separator = ',';
      if (text.length < CHUNK) continue;
      this.#append(text);
      text = '';
    }
    this.#append(`${text}${separator === '' ? '' : '\n  '}]\n}`);
  }

  /** Leaves no trace of a run that came to nothing. */
  discard(): void {
    this.#close();
    if (this.#path !== this.#target) rmSync(this.#path, { force: true });
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#file !== undefined) closeSync(this.#file);
    for (const rows of this.#rows) rows.close();
  }

  #append(text: string): void {
    if (this.#file === undefined) process.stdout.write(text);
    else writeAll(this.#file, Buffer.from(text));
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
