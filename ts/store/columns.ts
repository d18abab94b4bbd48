/** Checks of single columns. The errors have the column, and the row where there are several, as members too. */
import { types } from 'node:util';
import { outOfRange, wrongType } from '../arguments.js';
import { jsonText, jsonTextOrPieces, type Place } from './json_text.js';

/** The largest value of the integer columns. */
export const MAX_INT = 2 ** 31 - 1;

const MOST_ID_UNITS = 1024;

/** Texts, whose methods of ES2024 Node.js 20 has. */
type Text = string & { isWellFormed(): boolean; toWellFormed(): string };

/** A row that is being checked: its place in the call, and the name of the argument it came in. */
export interface Row {
  readonly name: string;
  readonly row?: number;
}

/** Returns the place of a column, as messages name it. */
export function placeOf({ name, row }: Row, column: string): string {
  return row === undefined ? `${name}.${column}` : `${name}[${row}].${column}`;
}

/** Calls `check`, and adds row and column to the error that it throws. */
function at<T>(row: Row, column: string, check: (place: string) => T): T {
  try {
    return check(placeOf(row, column));
  } catch (error) {
    throw located(error, row, column);
  }
}

/** Adds row and column to an error. */
export function located(error: unknown, { row }: Row, column: string): unknown {
  if (typeof error !== 'object' || error === null) return error;
  return Object.assign(error, row === undefined ? { column } : { row, column });
}

/** Returns an id: 1–1024 UTF-16 units without U+0000 and halves of surrogate pairs. */
export function id(row: Row, column: string, value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= MOST_ID_UNITS) {
    if (!value.includes('\0') && (value as Text).isWellFormed()) return value;
  }
  return at(row, column, (place) => refuseId(place, value));
}

/** Returns an id that is an argument of its own. */
export function argumentId(name: string, value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= MOST_ID_UNITS) {
    if (!value.includes('\0') && (value as Text).isWellFormed()) return value;
  }
  return refuseId(name, value);
}

function refuseId(place: string, value: unknown): never {
  const expected = `a text of 1 to ${MOST_ID_UNITS} UTF-16 units without U+0000 and halves of surrogate pairs`;
  return typeof value === 'string' ? outOfRange(place, expected, value) : wrongType(place, expected, value);
}

/** Returns a text; halves of surrogate pairs, which no database takes, become U+FFFD. */
export function text(row: Row, column: string, value: unknown): string {
  if (typeof value !== 'string') return at(row, column, (place) => wrongType(place, 'a text', value));
  return (value as Text).toWellFormed();
}

/** Returns a finite number. */
export function finite(row: Row, column: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  return at(row, column, (place) =>
    typeof value === 'number'
      ? outOfRange(place, 'a finite number', value)
      : wrongType(place, 'a finite number', value),
  );
}

/** Returns milliseconds as a whole number of an integer column. */
export function milliseconds(row: Row, column: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_INT) return Math.round(value);
  return refuseInteger(row, column, value, 'a number');
}

/** Returns a whole number of an integer column. */
export function count(row: Row, column: string, value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_INT) return value;
  return refuseInteger(row, column, value, 'a whole number');
}

function refuseInteger(row: Row, column: string, value: unknown, kind: string): never {
  const expected = `${kind} from 0 to 2147483647`;
  return at(row, column, (place) =>
    typeof value === 'number' ? outOfRange(place, expected, value) : wrongType(place, expected, value),
  );
}

/** Returns a boolean. */
export function flag(row: Row, column: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : at(row, column, (place) => wrongType(place, 'a boolean', value));
}

/** Returns the milliseconds since 1970 of a `Date`. */
export function moment(row: Row, column: string, value: unknown): number {
  if (!types.isDate(value)) return at(row, column, (place) => wrongType(place, 'a Date', value));
  const time = Date.prototype.getTime.call(value);
  return Number.isNaN(time) ? at(row, column, (place) => outOfRange(place, 'a valid Date', value)) : time;
}

/** Returns the JSON text of a value. */
export function json(row: Row, column: string, value: unknown): string {
  const place: Place = () => placeOf(row, column);
  try {
    return jsonText(value, place);
  } catch (error) {
    throw located(error, row, column);
  }
}

/** Returns the JSON text of a value; of a large one, the pieces of the text. */
export function jsonOrPieces(row: Row, column: string, value: unknown): string | Generator<string, void> {
  const place: Place = () => placeOf(row, column);
  try {
    const text = jsonTextOrPieces(value, place);
    return typeof text === 'string' ? text : locatedPieces(text, row, column);
  } catch (error) {
    throw located(error, row, column);
  }
}

function* locatedPieces(pieces: Generator<string, void>, row: Row, column: string): Generator<string, void> {
  try {
    yield* pieces;
  } catch (error) {
    throw located(error, row, column);
  }
}
