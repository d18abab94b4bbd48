/** The JSON values that a scorer takes, as texts. `null` is a value. */
import { wrongType } from '../arguments.js';
import type { ReadPair } from '../scoring/read_pair.js';

/** Reads the pair of a JSON scorer: texts are JSON, other values become it. `undefined` is no answer. */
export const readJson: ReadPair<unknown, unknown> = (expected, actual, place, texts) => {
  const wanted = jsonOf(expected, `${place}expected`);
  if (typeof expected === 'string' && !isJson(expected)) {
    wrongType(`${place}expected`, 'JSON text, or a value that is not a string', expected);
  }
  if (actual === undefined) return 0;
  texts.push(wanted, jsonOf(actual, `${place}actual`));
  return 2;
};

/** The JSON text of a value; a string is one already. */
export function jsonOf(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return String(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, or a bigint within.
  }
  return text ?? wrongType(name, 'a value that JSON can express', value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
