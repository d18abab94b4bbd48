/** The scorer of numbers by how near they are. */
import { outOfRange, wrongType } from '../arguments.js';
import type { ReadPair } from '../scoring/read_pair.js';
import { NativeScorer } from './native_scorer.js';
import { readOptions, threshold } from './options.js';
import { packNumbers } from './packed_numbers.js';
import type { Scorer, ThresholdOption } from './scorer.js';

/** A number; a bigint counts as the nearest one. */
export type Numeric = number | bigint;

const readNumbers: ReadPair<Numeric, Numeric | null | undefined> = (expected, actual, place, texts) => {
  const wanted = numberOf(`${place}expected`, expected);
  if (actual === null || actual === undefined) return 0;
  texts.push(packNumbers([wanted]), packNumbers([numberOf(`${place}actual`, actual)]));
  return 2;
};

function numberOf(name: string, value: unknown): number {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'number') return wrongType(name, 'a number', value);
  return Number.isNaN(value) ? outOfRange(name, 'a number other than NaN', value) : value;
}

/**
 * Nearness of numbers, equal to NumericDiff of autoevals: `1 − |e − a| / (|e| + |a|)`, and 1 where both are 0. Opposite
 * signs score 0, so does anything against 0. Infinity scores 1 against itself, else 0. `NaN` is a `RangeError`. O(1).
 */
export function numericDiff(options?: ThresholdOption): Scorer<Numeric, Numeric | null | undefined> {
  const { threshold: least } = readOptions('numericDiff', options, { threshold: threshold.graded });
  return new NativeScorer({
    name: 'numericDiff',
    threshold: least,
    specification: { kernel: 'numericDiff' },
    read: readNumbers,
  });
}
