/** The JSON text of a value that a scorer is given. */
import { randomUUID } from 'node:crypto';
import { outOfRange, wrongType } from '../arguments.js';

/** Marks a bigint until the text around it is written; nobody else can know it. */
const BIGINT = `bigint-${randomUUID()}:`;
const BIGINT_TEXT = new RegExp(`"${BIGINT}(-?\\d+)"`, 'g');

/**
 * Returns the JSON text of a value, bigints as numbers with all their digits. Throws a `TypeError` for what JSON cannot
 * hold (functions, symbols, maps, sets, cycles) and a `RangeError` for numbers that are not finite; `name` is what the
 * error calls the value.
 */
export function jsonText(name: string, value: unknown): string {
  let hasBigints = false;
  const checked = (key: string, part: unknown): unknown => {
    switch (typeof part) {
      case 'bigint':
        hasBigints = true;
        return `${BIGINT}${part}`;
      case 'number':
        return Number.isFinite(part) ? part : outOfRange(at(name, key), 'a finite number', part);
      case 'function':
      case 'symbol':
        return wrongType(at(name, key), 'a JSON value', part);
      default:
        return part instanceof Map || part instanceof Set ? wrongType(at(name, key), 'a JSON value', part) : part;
    }
  };
  const text = written(name, value, checked);
  return hasBigints ? text.replace(BIGINT_TEXT, '$1') : text;
}

function written(name: string, value: unknown, checked: (key: string, part: unknown) => unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, checked);
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error;
    // A cycle, or a value that nests deeper than the stack.
    if (error instanceof RangeError) outOfRange(name, 'a JSON value that nests less deep', value);
    wrongType(name, 'a JSON value without cycles', value);
  }
  return text ?? wrongType(name, 'a JSON value', value);
}

function at(name: string, key: string): string {
  return key === '' ? name : `${name}, at ${JSON.stringify(key)},`;
}
