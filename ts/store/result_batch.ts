/**
 * Results packed for one call of the engine: every text of the batch in one string, numbers in one array, so that nothing
 * crosses per cell. What always holds: a row is packed whole or, when a column of it is refused, not at all.
 */
import { outOfRange, wrongType } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
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
/** UTF-16 units of a piece of a batch's text, which crosses in one go: some tenths of a millisecond. */
const PIECE_UNITS = 256 * 1024;

/** A packed batch, as the engine takes it. */
export interface PackedResults {
  rows: number;
  /** The text of all columns of all rows, in pieces. */
  pieces: string[];
  /** Length of the text, in UTF-16 units. */
  units: number;
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
  #pieces: string[] = [];
  /** Texts of the piece that grows. */
  #texts: string[] = [];
  #pieceUnits = 0;
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
   * {@link ArgumentRangeError} with `row` and `column`. Returns a promise where a value is so large that the event loop gets
   * turns while it is read: then nothing else may be added until it is settled, and it rejects with these errors.
   */
  add(
    given: Omit<NewResult, 'runId'> & { runId?: string },
    place: number | undefined,
    runId?: string,
  ): Promise<void> | undefined {
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
      return value === undefined ? undefined : column.jsonOrPieces(row, name, value);
    };
    const optional = (check: typeof column.finite, name: keyof NewResult) => {
      const value: unknown = given[name as keyof typeof given];
      return value === undefined || value === null ? Number.NaN : check(row, name, value);
    };
    const texts = [
      run,
      column.id(row, 'testCaseId', given.testCaseId),
      optionalText('category'),
      column.jsonOrPieces(row, 'input', given.input),
      column.jsonOrPieces(row, 'expected', given.expected),
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
    if (texts.every(isWhole)) {
      this.#checkSize(row, texts);
      this.#append(run, texts, numbers);
      return undefined;
    }
    return this.#addInTurns(row, run, texts, numbers);
  }

  async #addInTurns(
    row: column.Row,
    run: string,
    texts: readonly (string | undefined | Generator<string, void>)[],
    numbers: readonly number[],
  ): Promise<void> {
    const read: (string[] | string | undefined)[] = [];
    const bytes = texts.map(() => 0);
    let total = 0;
    for (const [at, text] of texts.entries()) {
      const pieces: string[] = [];
      for (const piece of typeof text === 'object' ? text : [text ?? '']) {
        const size = Buffer.byteLength(piece);
        bytes[at]! += size;
        total += size;
        if (total > this.#maxRowBytes) this.#refuseSize(row, bytes, `more than ${this.#maxRowBytes} bytes`);
        pieces.push(piece);
        const due = turnDue();
        if (due) await due;
      }
      read.push(typeof text === 'object' ? pieces : text);
    }
    // Only a row that was read whole is packed.
    this.#append(run, read, numbers);
  }

  #append(run: string, texts: readonly (string | readonly string[] | undefined)[], numbers: readonly number[]): void {
    // A run that is that of the row before crosses as an empty text.
    for (const [at, text] of texts.entries()) this.#appendText(at === 0 && run === this.#runId ? '' : text);
    for (const number of numbers) this.#numbers.push(number);
    this.#runId = run;
    this.rows += 1;
  }

  #appendText(text: string | readonly string[] | undefined): void {
    if (text === undefined) {
      this.#lengths.push(ABSENT);
      return;
    }
    const before = this.units;
    if (typeof text === 'string') this.#appendPiece(text);
    else for (const piece of text) this.#appendPiece(piece);
    this.#lengths.push(this.units - before);
  }

  #appendPiece(text: string): void {
    if (text === '') return;
    this.units += text.length;
    for (let from = 0; from < text.length; from += PIECE_UNITS) {
      const part = text.length <= PIECE_UNITS ? text : text.slice(from, from + PIECE_UNITS);
      this.#texts.push(part);
      this.#pieceUnits += part.length;
      if (this.#pieceUnits >= PIECE_UNITS) this.#endPiece();
    }
  }

  #endPiece(): void {
    if (this.#texts.length > 0) this.#pieces.push(this.#texts.join(''));
    this.#texts = [];
    this.#pieceUnits = 0;
  }

  /** Returns what was packed, and begins anew. */
  take(): PackedResults {
    this.#endPiece();
    const packed = {
      rows: this.rows,
      pieces: this.#pieces,
      units: this.units,
      lengths: Uint32Array.from(this.#lengths),
      numbers: Float64Array.from(this.#numbers),
    };
    this.rows = 0;
    this.units = 0;
    this.#pieces = [];
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
    if (total > this.#maxRowBytes) this.#refuseSize(row, bytes, `${total} bytes`);
  }

  #refuseSize(row: column.Row, bytes: readonly number[], given: string): never {
    const largest = TEXTS[bytes.indexOf(Math.max(...bytes))]!;
    try {
      outOfRange(
        row.row === undefined ? row.name : `${row.name}[${row.row}]`,
        `a row of at most ${this.#maxRowBytes} bytes (maxRowBytes); its column ${largest} is the largest`,
        given,
      );
    } catch (error) {
      throw column.located(error, row, largest);
    }
  }
}

function isWhole(text: string | undefined | Generator<string, void>): text is string | undefined {
  return typeof text !== 'object';
}
