/** Flags read from a command line: the shape of each, suggestions for misspelt ones, and checked numbers. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './user_error.js';

type Flags = NonNullable<ParseArgsConfig['options']>;

/** The values that were given, by flag, and the arguments that are no flags. */
export interface Given {
  text(flag: string): string | undefined;
  /** The values of a flag that may be given several times, in order. */
  texts(flag: string): string[];
  on(flag: string): boolean;
  /** A number the flag's value must be; `undefined` when the flag was not given. */
  number(flag: string, check: NumberCheck): number | undefined;
  positionals: string[];
}

/** A range with the words that describe it. */
export interface NumberCheck {
  described: string;
  holds: (n: number) => boolean;
}

export const WHOLE_FROM_1: NumberCheck = {
  described: 'a whole number of at least 1',
  holds: (n) => Number.isSafeInteger(n) && n >= 1,
};
export const WHOLE_FROM_0: NumberCheck = {
  described: 'a whole number of at least 0',
  holds: (n) => Number.isSafeInteger(n) && n >= 0,
};
export const FROM_0: NumberCheck = { described: 'a number of at least 0', holds: (n) => n >= 0 && n < Infinity };
export const ABOVE_0: NumberCheck = { described: 'a number above 0', holds: (n) => n > 0 && n < Infinity };
export const SHARE: NumberCheck = { described: 'a number from 0 to 1 (0.9 is 90 %)', holds: (n) => n >= 0 && n <= 1 };
export const PORT: NumberCheck = {
  described: 'a whole number from 0 to 65535',
  holds: (n) => Number.isInteger(n) && n >= 0 && n <= 65_535,
};

/** Reads `args`; throws a {@link UsageError} that names the flag. */
export function readFlags(args: string[], flags: Flags): Given {
  const { values, positionals } = parsed(args, flags);
  const text = (flag: string) => values[flag] as string | undefined;
  return {
    text,
    texts: (flag) => (values[flag] ?? []) as string[],
    on: (flag) => values[flag] === true,
    number: (flag, check) => {
      const value = text(flag);
      if (value === undefined) return undefined;
      // Number('') is 0, and Number takes 0x10; neither is a number someone meant to type.
      const n = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : Number.NaN;
      if (check.holds(n)) return n;
      throw new UsageError(`--${flag} must be ${check.described}, got ${JSON.stringify(value)}`);
    },
    positionals,
  };
}

/** `args` with `value` for a `--flag` that has none behind it: the value of that flag may be left out. */
export function withDefaultFor(flag: string, value: string, args: string[]): string[] {
  const isBare = (arg: string, i: number) => arg === `--${flag}` && /^-./.test(args[i + 1] ?? '-x');
  return args.map((arg, i) => (isBare(arg, i) ? `${arg}=${value}` : arg));
}

function parsed(args: string[], flags: Flags) {
  try {
    return parseArgs({ args, options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
      const unknown = /'(-[^']*)'/.exec(message)?.[1] ?? '';
      const near = nearest(unknown.replace(/^-+/, ''), Object.keys(flags));
      throw new UsageError(`there is no flag ${unknown}${near === undefined ? '' : `; did you mean --${near}?`}`);
    }
    if (code?.startsWith('ERR_PARSE_ARGS')) {
      throw new UsageError(message.replaceAll('\n', ' ').replace(/^Option '(-\w, )?/, "'"));
    }
    throw error;
  }
}

/** The name closest to `word`, if any is close enough: by default a third of its letters may be wrong. */
export function nearest(word: string, names: string[], wrong = 1 / 3): string | undefined {
  const ranked = names.map((name) => ({ name, distance: edits(word, name) }));
  const best = ranked.sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.max(1, Math.floor(best.name.length * wrong)) ? best.name : undefined;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
