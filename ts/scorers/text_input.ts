/** The texts that a scorer takes, and the rules for what is not a string. */
import { wrongType } from '../arguments.js';
import type { ReadPair } from '../scoring/read_pair.js';

/** A text. Numbers, bigints and booleans count as their JSON text. */
export type Text = string | number | bigint | boolean;

/** One or several texts expected; of several the best counts, unless the metric combines them. */
export type ExpectedText = Text | readonly Text[];

/** An answer; `null` and `undefined` are no answer and score 0. */
export type ActualText = Text | null | undefined;

/** Reads the pair of a text scorer. */
export const readTexts: ReadPair<ExpectedText, ActualText> = (expected, actual, place, texts) => {
  if (typeof expected === 'string' && typeof actual === 'string') {
    texts.push(expected, actual);
    return 2;
  }
  const before = texts.length;
  if (Array.isArray(expected)) {
    if (expected.length === 0) wrongType(`${place}expected`, 'a text or a list of at least one', expected);
    for (const [i, text] of expected.entries()) texts.push(textOf(text, place, `expected[${i}]`));
  } else {
    texts.push(textOf(expected, place, 'expected'));
  }
  if (actual === null || actual === undefined) {
    texts.length = before;
    return 0;
  }
  texts.push(textOf(actual, place, 'actual'));
  return texts.length - before;
};

function textOf(value: unknown, place: string, name: string): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
      return JSON.stringify(value);
    case 'bigint':
      return String(value);
    default:
      return wrongType(`${place}${name}`, 'a text (a string, number, bigint or boolean)', value);
  }
}
