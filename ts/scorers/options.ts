/** Checks of a factory's options, at construction: an unknown option is a `TypeError`, a bad value says what is allowed. */
import { options as optionsObject, outOfRange, wrongType } from '../arguments.js';

/** Checks the value of an option and returns it, or the default for `undefined`. */
export type OptionCheck<T> = (name: string, value: unknown) => T;

/** Checks every option of `given`. Options that are not in `checks` are refused. */
export function readOptions<T extends object>(
  factory: string,
  given: object | undefined,
  checks: { [K in keyof T]: OptionCheck<T[K]> },
): T {
  const values = optionsObject(`${factory}: options`, given) as Record<string, unknown>;
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(checks, name)) {
      wrongType(`${factory}: options`, `an object of ${Object.keys(checks).join(', ')}`, `the unknown option ${name}`);
    }
  }
  const entries = Object.entries<OptionCheck<unknown>>(checks);
  return Object.fromEntries(entries.map(([name, check]) => [name, check(`${factory}: ${name}`, values[name])])) as T;
}

/** A boolean, by default false. */
export function flag(fallback = false): OptionCheck<boolean> {
  return (name, value = fallback) => (typeof value === 'boolean' ? value : wrongType(name, 'a boolean', value));
}

/** One of several names, by default the first. */
export function oneOf<T extends string>(...names: readonly T[]): OptionCheck<T> {
  const expected = `one of ${names.map((name) => `'${name}'`).join(', ')}`;
  return (name, value = names[0]) => {
    if (typeof value !== 'string') return wrongType(name, expected, value);
    return names.includes(value as T) ? (value as T) : outOfRange(name, expected, value);
  };
}

/** A number from `least` to `most`. */
export function numberIn(least: number, most: number, fallback: number): OptionCheck<number>;
export function numberIn(least: number, most: number): OptionCheck<number | undefined>;
export function numberIn(least: number, most: number, fallback?: number): OptionCheck<number | undefined> {
  const expected = `a number from ${least} to ${most}`;
  return (name, value = fallback) => {
    if (value === undefined) return undefined;
    if (typeof value !== 'number') return wrongType(name, expected, value);
    return value >= least && value <= most ? value : outOfRange(name, expected, value);
  };
}

/** A whole number from `least` to `most`. */
export function wholeNumberIn(least: number, most: number, fallback: number): OptionCheck<number> {
  const expected = `a whole number from ${least} to ${most}`;
  return (name, value = fallback) => {
    if (typeof value !== 'number') return wrongType(name, expected, value);
    return Number.isInteger(value) && value >= least && value <= most ? value : outOfRange(name, expected, value);
  };
}

/** The threshold of a scorer that says yes or no, or of a graded one. */
export const threshold = { yesNo: numberIn(0, 1, 1), graded: numberIn(0, 1, 0.8) };

/** Cells of the quadratic table that a pair may take. */
export const cells = (fallback: number): OptionCheck<number> => numberIn(1, Number.MAX_VALUE, fallback);
