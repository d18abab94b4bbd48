/**
 * Results packed for one call of the engine: every text of the batch in one string, numbers in one array, so that nothing
 * crosses per cell. What always holds: a row is packed whole or, when a column of it is refused, not at all.
 */
import { outOfRange, wrongType } from '../arguments.js';
import * as column from './columns.js';
import type { NewResult } from './types.js';

/** Texts of a row, in the order of the engine. */
const TEXTS = [
  'runId',
  'testCaseId',
  'category',
  'input',
  'expected',
  'actual',
  'explanation',
  'tokenUsage',
  'metadata',
];
/** The length of a text that is not there. */
const ABSENT = 0xffff_ffff;

/** A packed batch, as the engine takes it. */
export interface PackedResults {
  rows: number;
  texts: string;
  lengths: Uint32Array;
  numbers: Float64Array;
}

/** A batch that grows row by row. */
export class ResultBatch {
  rows = 0;
  /** Length of the texts, in UTF-16 units. */
  units = 0;
  readonly #name: string;
  readonly #maxRowBytes: number;
  #texts: string[] = [];
  #lengths: number[] = [];
  #numbers: number[] = [];
  #runId = '';

  /** `name`: of the argument that the rows come in, for messages. */
  constructor(name: string, maxRowBytes: number) {
    this.#name = name;
    this.#maxRowBytes = maxRowBytes;
  }

  /**
   * Packs a row, the `place`-th of the call. `runId` takes the place of the row's. Throws {@link ArgumentTypeError} or
   * {@link ArgumentRangeError} with `row` and `column`.
   */
  add(given: Omit<NewResult, 'runId'> & { runId?: string }, place: number | undefined, runId?: string): void {
    const row: column.Row = place === undefined ? { name: this.#name } : { name: this.#name, row: place };
    if (typeof given !== 'object' || given === null) {
      const name = place === undefined ? this.#name : `${this.#name}[${place}]`;
      wrongType(name, 'a result object', given);
    }
    const run = runId ?? column.id(row, 'runId', given.runId);
    const optionalText = (name: 'category' | 'explanation') => {
      const value: unknown = given[name];
      return value === undefined || value === null ? undefined : column.text(row, name, value);
    };
    const optionalJson = (name: 'actual' | 'tokenUsage' | 'metadata') => {
      const value: unknown = given[name];
      return value === undefined ? undefined : column.json(row, name, value);
    };
    const optional = (check: typeof column.finite, name: keyof NewResult) => {
      const value: unknown = given[name as keyof typeof given];
      return value === undefined || value === null ? Number.NaN : check(row, name, value);
    };
    const texts = [
      run === this.#runId ? '' : run,
      column.id(row, 'testCaseId', given.testCaseId),
      optionalText('category'),
      column.json(row, 'input', given.input),
      column.json(row, 'expected', given.expected),
      optionalJson('actual'),
      optionalText('explanation'),
      optionalJson('tokenUsage'),
      optionalJson('metadata'),
    ];
    // In the order of the engine.
    const numbers = [
      optional(column.count, 'repeat'),
      optional(column.count, 'index'),
      Number(column.flag(row, 'passed', given.passed)),
      column.finite(row, 'score', given.score),
      optional(column.finite, 'confidence'),
      column.milliseconds(row, 'latencyMs', given.latencyMs),
      optional(column.finite, 'cost'),
      optional(column.moment, 'createdAt'),
    ];
    this.#checkSize(row, texts);
    this.#append(texts, numbers);
    this.#runId = run;
  }

  #append(texts: readonly (string | undefined)[], numbers: readonly number[]): void {
    for (const text of texts) {
      this.#lengths.push(text === undefined ? ABSENT : text.length);
      if (!text) continue;
      this.#texts.push(text);
      this.units += text.length;
    }
    for (const number of numbers) this.#numbers.push(number);
    this.rows += 1;
  }

  /** Returns what was packed, and begins anew. */
  take(): PackedResults {
    const packed = {
      rows: this.rows,
      texts: this.#texts.join(''),
      lengths: Uint32Array.from(this.#lengths),
      numbers: Float64Array.from(this.#numbers),
    };
    this.rows = 0;
    this.units = 0;
    this.#texts = [];
    this.#lengths = [];
    this.#numbers = [];
    this.#runId = '';
    return packed;
  }

  /** A UTF-16 unit takes at most three bytes, so that most rows need no counting. */
  #checkSize(row: column.Row, texts: readonly (string | undefined)[]): void {
    const units = texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
    if (units * 3 <= this.#maxRowBytes) return;
    const bytes = texts.map((text) => Buffer.byteLength(text ?? ''));
    const total = bytes.reduce((sum, each) => sum + each, 0);
    if (total <= this.#maxRowBytes) return;
    const largest = TEXTS[bytes.indexOf(Math.max(...bytes))]!;
    try {
      outOfRange(
        row.row === undefined ? row.name : `${row.name}[${row.row}]`,
        `a row of at most ${this.#maxRowBytes} bytes (maxRowBytes); its column ${largest} is the largest`,
        `${total} bytes`,
      );
    } catch (error) {
      throw column.located(error, row, largest);
    }
  }
}
