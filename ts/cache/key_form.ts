/** How the arguments that name an entry become its key: one form for each kind of cache. */
import * as check from '../arguments.js';
import { textSize } from '../value/size.js';
import { isStackOverflow } from '../value/stack_overflow.js';
import { writeKey, writeTextKey } from './content_key.js';
import { describeRequest } from './description.js';
import { noContent } from './no_content.js';
import { type CachedQuery, paramsText } from './query_text.js';

/** What the two arguments that name an entry are called, made into and kept as. */
export interface KeyForm<K> {
  /** Writes the key, as `writeKey` does: the caller calls `keyRead`. */
  write(a: unknown, b: unknown, repeat: number, forOthers: boolean): number;
  /** What a memory tier keeps of a key that was written; its size is `keySize`. */
  kept(a: unknown, b: unknown): K | undefined;
  readonly keySize: ((key: K) => number) | undefined;
  /** The entry in words, for the explanation of a later miss; `''` where there is none. */
  note(a: unknown, b: unknown, repeat: number): string;
  /** The entry's name in an error. */
  named(a: unknown): string;
}

function quoted(text: unknown): string {
  const whole = JSON.stringify(text);
  return whole.length <= 80 ? whole : `${whole.slice(0, 80)}…`;
}

/** A text that is called `name`, and is its own key. */
export function textForm(name: string): KeyForm<string> {
  return {
    write: (text) => writeTextKey(check.string(name, text)),
    kept: (text) => text as string,
    keySize: textSize,
    note: () => '',
    named: (text) => `the ${name} ${quoted(text)}`,
  };
}

/** An input and a model configuration by their content. */
export const REQUEST: KeyForm<undefined> = {
  write: (input, config, repeat, forOthers) => writeKey('input', input, 'modelConfig', config, forOthers, repeat),
  kept: () => undefined,
  keySize: undefined,
  note: describeRequest,
  named: () => 'this input and modelConfig',
};

/** A query text and its parameters by their content. */
export const QUERY: KeyForm<CachedQuery> = {
  write: (query, params, repeat, forOthers) =>
    writeKey('query', check.string('query', query), 'params', params, forOthers, repeat),
  kept: (query, params) => ({ query: query as string, params: textOf(query, params) }),
  keySize: ({ query, params }) => 40 + textSize(query) + textSize(params),
  note: () => '',
  named: (query) => `the query ${quoted(query)} with these params`,
};

/** The text of the parameters, whose key has been written. */
function textOf(query: unknown, params: unknown): string {
  try {
    return paramsText(params);
  } catch (error) {
    if (isStackOverflow(error)) throw noContent(['query', 'params'], [query, params], true);
    throw error;
  }
}
