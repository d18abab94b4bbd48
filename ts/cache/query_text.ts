/** Texts that a pattern of `QueryCache.invalidate` is matched against. */
import { types } from 'node:util';

/** A cached query as its caller wrote it. */
export interface CachedQuery {
  query: string;
  /** The parameters as JSON; `''` without any. */
  params: string;
}

/** JSON of any value, at the time of the call: the caller may change the parameters later. */
export function paramsText(params: unknown): string {
  if (params === undefined) return '';
  // The path from the root to the holder of what is shown now: what was given, and what was shown in its place.
  const given: object[] = [];
  const holders: unknown[] = [];
  const text: string | undefined = JSON.stringify(params, function (this: unknown, _name, shown: unknown) {
    if (types.isBigIntObject(shown)) return String(shown);
    if (typeof shown === 'bigint' || (typeof shown === 'number' && !Number.isFinite(shown))) return String(shown);
    if (typeof shown !== 'object' || shown === null) return shown;
    while (holders.length > 0 && holders.at(-1) !== this) {
      holders.pop();
      given.pop();
    }
    if (given.includes(shown)) return '[cycle]';
    const holder = holderOf(shown);
    given.push(shown);
    holders.push(holder);
    return holder;
  });
  // A value that shows itself as nothing has no text.
  return text ?? '';
}

/** Returns the value that JSON is to show for an object: a sparse array may be long without holding much. */
function holderOf(shown: object): object {
  if (types.isMap(shown) || types.isSet(shown)) return [...shown];
  return Array.isArray(shown) && isSparse(shown) ? { ...shown } : shown;
}

function isSparse(array: readonly unknown[]): boolean {
  for (let i = 0; i < array.length; i += 1) {
    if (array[i] === undefined && !(i in array)) return true;
  }
  return false;
}

/** The pattern without the flags that make a RegExp remember where it was. */
export function patternOf(pattern: RegExp | string): RegExp {
  if (typeof pattern !== 'string') return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new SyntaxError(
      `pattern must be the source of a regular expression, got ${JSON.stringify(pattern)}: ${error}`,
    );
  }
}

/** Returns true if any name or value matches. Without recursion: parameters may be nested deeply. */
function anyLeaf(root: unknown, pattern: RegExp): boolean {
  const open = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) {
      if (pattern.test(String(value))) return true;
    } else if (Array.isArray(value)) {
      for (const element of value) open.push(element);
    } else {
      for (const [name, member] of Object.entries(value)) {
        if (pattern.test(name)) return true;
        open.push(member);
      }
    }
  }
  return false;
}

/**
 * Whether `pattern` matches the query text, its parameters as JSON, both in one line (`QUERY:PARAMS`), or any name or
 * value in the parameters on its own (so that `^` and `$` mean what they look like).
 */
export function matches({ query, params }: CachedQuery, pattern: RegExp): boolean {
  if (pattern.test(query)) return true;
  if (params === '') return false;
  return pattern.test(params) || pattern.test(`${query}:${params}`) || anyLeaf(JSON.parse(params), pattern);
}
