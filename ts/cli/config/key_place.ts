/** The line of a key in the source of a configuration. */
import type { KeyPath } from './shape.js';
import { sourceTokens, type Token } from './source_tokens.js';

const OPENING = '([{';
const CLOSING = ')]}';

/**
 * Returns the line, from 1, of the key at `path` in a program or a JSON text. Where the source does not spell the whole path
 * out, it is the line of the part that it does; `undefined` where it spells out nothing. O(braces · length).
 */
export function keyLine(source: string, path: KeyPath): number | undefined {
  const tokens = sourceTokens(source);
  let best: { depth: number; at: number } | undefined;
  // A configuration may be a variable, or the argument of a call: the object that follows the path furthest is meant.
  for (const [i, token] of tokens.entries()) {
    if (!token.isPunctuation || token.text !== '{') continue;
    const found = follow(tokens, i, path);
    if (found && found.depth > (best?.depth ?? 0)) best = found;
  }
  return best && lineAt(source, best.at);
}

/** Returns the line, from 1, of an offset. */
export function lineAt(source: string, at: number): number {
  return source.slice(0, at).split('\n').length;
}

/** Follows `path` from the bracket at `from`: how many of its parts are found, and where the last of them is. */
function follow(tokens: readonly Token[], from: number, path: KeyPath): { depth: number; at: number } | undefined {
  const [wanted, ...rest] = path;
  if (wanted === undefined) return undefined;
  const isList = tokens[from]!.text === '[';
  if (isList !== (typeof wanted === 'number')) return undefined;
  let index = 0;
  for (let i = from + 1; i < tokens.length && !isOneOf(tokens[i], CLOSING); i += 1) {
    const value = isList ? i : valueOfEntry(tokens, i);
    if (isList ? index === wanted : tokens[i]!.text === wanted && !tokens[i]!.isPunctuation) {
      const inner = value !== undefined && isOneOf(tokens[value], '[{') ? follow(tokens, value, rest) : undefined;
      return inner ? { depth: inner.depth + 1, at: inner.at } : { depth: 1, at: tokens[i]!.at };
    }
    i = endOfEntry(tokens, i);
    index += 1;
    if (isOneOf(tokens[i], CLOSING)) break;
  }
  return undefined;
}

/** The place of the value of `key: value`; `undefined` for any other entry. */
function valueOfEntry(tokens: readonly Token[], at: number): number | undefined {
  return isOneOf(tokens[at + 1], ':') ? at + 2 : undefined;
}

/** The place of the comma or closing bracket that ends an entry. */
function endOfEntry(tokens: readonly Token[], from: number): number {
  let depth = 0;
  for (let i = from; i < tokens.length; i += 1) {
    if (isOneOf(tokens[i], OPENING)) depth += 1;
    else if (depth === 0 && isOneOf(tokens[i], `,${CLOSING}`)) return i;
    else if (isOneOf(tokens[i], CLOSING)) depth -= 1;
  }
  return tokens.length;
}

function isOneOf(token: Token | undefined, letters: string): boolean {
  return token?.isPunctuation === true && letters.includes(token.text);
}
