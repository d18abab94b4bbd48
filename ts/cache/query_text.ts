/** What a pattern of `QueryCache.invalidate` is matched against. */
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
  return JSON.stringify(params, function (this: unknown, _name, shown: unknown) {
    if (typeof shown === 'bigint' || (typeof shown === 'number' && !Number.isFinite(shown))) return String(shown);
    if (typeof shown !== 'object' || shown === null) return shown;
    while (holders.length > 0 && holders.at(-1) !== this) {
      holders.pop();
      given.pop();
    }
    if (given.includes(shown)) return '[cycle]';
    const holder = types.isMap(shown) || types.isSet(shown) ? [...shown] : shown;
    given.push(shown);
    holders.push(holder);
    return holder;
  });
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

function anyLeaf(value: unknown, pattern: RegExp): boolean {
  if (typeof value !== 'object' || value === null) return pattern.test(String(value));
  if (Array.isArray(value)) return value.some((element) => anyLeaf(element, pattern));
  return Object.entries(value).some(([name, member]) => pattern.test(name) || anyLeaf(member, pattern));
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
