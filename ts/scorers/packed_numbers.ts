/** Numbers on their way to a native scorer: in a text, four UTF-16 units each (`src/scoring/packed_numbers.rs`). */
import { outOfRange, wrongType } from '../arguments.js';

/** Units handed to `String.fromCharCode` at a time. */
const PIECE = 4096;

/** A list of numbers, as an array or in a typed array. */
export type NumberList = readonly number[] | Exclude<NodeJS.TypedArray, BigInt64Array | BigUint64Array>;

/** Packs numbers, bit for bit. */
export function packNumbers(numbers: ArrayLike<number>): string {
  const units = new Uint16Array(Float64Array.from(numbers).buffer);
  let text = '';
  for (let from = 0; from < units.length; from += PIECE) {
    text += String.fromCharCode(...units.subarray(from, from + PIECE));
  }
  return text;
}

/** Checks a list of finite numbers and copies it. Throws a `TypeError` or `RangeError` that names the element. */
export function finiteNumbers(name: string, list: unknown): Float64Array {
  const isList = Array.isArray(list) || (ArrayBuffer.isView(list) && !(list instanceof DataView));
  if (!isList) return wrongType(name, 'an array of numbers', list);
  const numbers = list as ArrayLike<unknown>;
  const copy = new Float64Array(numbers.length);
  for (let i = 0; i < copy.length; i += 1) {
    const number = numbers[i];
    if (typeof number !== 'number') return wrongType(`${name}[${i}]`, 'a number', number);
    copy[i] = Number.isFinite(number) ? number : outOfRange(`${name}[${i}]`, 'a finite number', number);
  }
  return copy;
}
