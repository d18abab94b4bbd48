/** Tokens of JavaScript, TypeScript and JSON, as far as the keys of an object literal can be found among them. */

/** A name, number or text; or one character of punctuation. */
export interface Token {
  /** The name, the value of the text, or the character. */
  text: string;
  isPunctuation: boolean;
  /** Offset of its first character. */
  at: number;
}

const SPACE_OR_COMMENT = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const WORD = /[\p{ID_Start}$_\d][\p{ID_Continue}$.\u200c\u200d]*/uy;
const TEXT = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const REGULAR_EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
/** Punctuation behind which a slash begins a regular expression. */
const BEFORE_EXPRESSION = '(,=:[!&|?{};+-*%<>~^';

/** Splits a source into tokens. What it does not understand becomes punctuation. O(its length). */
export function sourceTokens(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const begin = at;
    const skipped = match(SPACE_OR_COMMENT);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const word = match(WORD);
    const quoted = word === undefined ? match(TEXT) : undefined;
    if (word !== undefined) {
      at += word.length;
      tokens.push({ text: word, isPunctuation: false, at: begin });
    } else if (quoted !== undefined) {
      at += quoted.length;
      tokens.push({ text: valueOf(quoted), isPunctuation: false, at: begin });
    } else if (source[at] === '`') {
      at = endOfTemplate(source, at);
      tokens.push({ text: source.slice(begin, at), isPunctuation: false, at: begin });
    } else {
      const last = tokens.at(-1);
      const mayBegin = last === undefined || (last.isPunctuation && BEFORE_EXPRESSION.includes(last.text));
      const expression = mayBegin ? match(REGULAR_EXPRESSION) : undefined;
      at += expression?.length ?? 1;
      tokens.push({ text: source.slice(begin, at), isPunctuation: expression === undefined, at: begin });
    }
  }
  return tokens;
}

function valueOf(quoted: string): string {
  try {
    return JSON.parse(quoted.startsWith("'") ? `"${quoted.slice(1, -1).replaceAll('"', '\\"')}"` : quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

/** Returns the offset behind the template that begins at `from`; templates nest. */
function endOfTemplate(source: string, from: number): number {
  let depth = 0;
  for (let at = from + 1; at < source.length; at += 1) {
    const letter = source[at];
    if (letter === '\\') at += 1;
    else if (depth === 0 && letter === '`') return at + 1;
    else if (depth === 0 && letter === '$' && source[at + 1] === '{') {
      depth = 1;
      at += 1;
    } else if (depth > 0 && letter === '`') at = endOfTemplate(source, at) - 1;
    else if (depth > 0 && letter === '{') depth += 1;
    else if (depth > 0 && letter === '}') depth -= 1;
  }
  return source.length;
}
