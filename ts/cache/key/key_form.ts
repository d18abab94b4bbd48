/** Forms of keys: one for each kind of cache. */
import * as check from '../../arguments.js';
import { textSize } from '../../value/size.js';
import { isStackOverflow } from '../../value/stack_overflow.js';
import { describeRequest } from '../explain_miss.js';
import type { CacheRequest } from '../options.js';
import { type CachedQuery, paramsText } from '../query_text.js';
import { writeKey, writeTextKey } from './content_key.js';
import { invalidKey } from './invalid_key.js';

/** Turns the two arguments that name an entry into a key, a note and a name. */
export interface KeyForm<K> {
  /** Writes the key, for `withKey`. */
  write(a: unknown, b: unknown, repeat: number, forOthers: boolean): number;
  /** Returns the part of a written key that a memory tier keeps; its size is `keySize`. */
  kept(a: unknown, b: unknown): K | undefined;
  readonly keySize: ((key: K) => number) | undefined;
  /** Describes the entry, for the explanation of a later miss; `''` where there is none. */
  note(a: unknown, b: unknown, repeat: number): string;
  /** Names the entry in an error. */
  named(a: unknown): string;
  /** Returns the arguments by their names. */
  request(a: unknown, b: unknown): CacheRequest;
  /** True if the key is one text. */
  readonly isText: boolean;
  /** True if misses can be explained. */
  readonly isExplained: boolean;
}

function quoted(text: unknown): string {
  const whole = JSON.stringify(text);
  return whole.length <= 80 ? whole : `${whole.slice(0, 80)}…`;
}

/** Makes the form of a text called `name`, which is its own key. */
export function textForm(name: 'key' | 'text'): KeyForm<string> {
  return {
    write: (text) => writeTextKey(check.string(name, text)),
    kept: (text) => text as string,
    keySize: textSize,
    note: () => '',
    named: (text) => `the ${name} ${quoted(text)}`,
    request: (text) => (name === 'key' ? { key: text } : { text }),
    isText: true,
    isExplained: false,
  };
}

/** The form of an input and a model configuration, by their content. */
export const REQUEST: KeyForm<undefined> = {
  write: (input, config, repeat, forOthers) => writeKey('input', input, 'modelConfig', config, forOthers, repeat),
  kept: () => undefined,
  keySize: undefined,
  note: describeRequest,
  named: () => 'this input and modelConfig',
  request: (input, modelConfig) => ({ input, modelConfig }),
  isText: false,
  isExplained: true,
};

/** The form of a query text and its parameters, by their content. */
export const QUERY: KeyForm<CachedQuery> = {
  write: (query, params, repeat, forOthers) =>
    writeKey('query', check.string('query', query), 'params', params, forOthers, repeat),
  kept: (query, params) => ({ query: query as string, params: textOf(query, params) }),
  keySize: ({ query, params }) => 40 + textSize(query) + textSize(params),
  note: () => '',
  named: (query) => `the query ${quoted(query)} with these params`,
  request: (query, params) => ({ query, params }),
  isText: false,
  isExplained: false,
};

/** Returns the text of the parameters, whose key has been written. */
function textOf(query: unknown, params: unknown): string {
  try {
    return paramsText(params);
  } catch (error) {
    if (isStackOverflow(error)) throw invalidKey(['query', 'params'], [query, params], true);
    throw error;
  }
}
