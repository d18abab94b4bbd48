/** Configurations in JSON. */
import { UserError } from '../user_error.js';
import type { ConfigSource } from './config_source.js';
import { keyLine, lineAt } from './key_place.js';
import { sourceTokens } from './source_tokens.js';

/** Reads a configuration. Throws a {@link UserError} with the line of a mistake. */
export function readJsonConfig(file: string, source: string): ConfigSource {
  let value: unknown;
  try {
    value = JSON.parse(source) as unknown;
  } catch (error) {
    throw new UserError(`${file}:${mistakeLine(source, error as Error)}: is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const repeated = repeatedKey(source);
  if (repeated) {
    throw new UserError(
      `${file}:${lineAt(source, repeated.at)}: the key ${repeated.key} is given twice; delete one of them`,
    );
  }
  return { value, lineOf: (path) => keyLine(source, path) };
}

/** The line of the mistake. V8 does not tell its place in every message. */
function mistakeLine(source: string, { message }: Error): number {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return lineAt(source, Number(position));
  // The shortest beginning that has a mistake ends with it; a shorter one merely ends too early.
  let [right, wrong] = [0, source.length];
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (isMistaken(source.slice(0, middle))) wrong = middle;
    else right = middle;
  }
  return lineAt(source, Math.max(0, wrong - 1));
}

function isMistaken(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (error) {
    return !/end of JSON|Unterminated/i.test((error as Error).message);
  }
}

/** The first key that an object holds twice, of which JSON.parse would take the last. */
function repeatedKey(source: string): { key: string; at: number } | undefined {
  const open: (Set<string> | undefined)[] = [];
  const tokens = sourceTokens(source);
  for (const [i, token] of tokens.entries()) {
    const { text, isPunctuation, at } = token;
    if (isPunctuation) {
      if (text === '{') open.push(new Set());
      else if (text === '[') open.push(undefined);
      else if (text === '}' || text === ']') open.pop();
      continue;
    }
    const next = tokens[i + 1];
    const keys = open.at(-1);
    if (!keys || !next?.isPunctuation || next.text !== ':') continue;
    if (keys.has(text)) return { key: text, at };
    keys.add(text);
  }
  return undefined;
}
