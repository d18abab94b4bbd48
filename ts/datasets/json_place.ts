/** The place of a member in a JSON text, found after the fact, so that parsing need not carry places along. */

/** A place in a text. */
export interface TextPlace {
  /** From 1. */
  line: number;
  /** From 0, in UTF-8. */
  byteOffset: number;
}

/**
 * Returns the place of the member at `path` in `text`, which is valid JSON: of the innermost member on the path that there
 * is. Of several members of one name it is the last, which is the one that counts. O(characters).
 */
export function jsonPlace(text: string, path: readonly (string | number)[]): TextPlace {
  let at = start(text, 0);
  for (const step of path) {
    const next = memberAt(text, at, step);
    if (next === undefined) break;
    at = next;
  }
  const before = text.slice(0, at);
  return { line: before.split('\n').length, byteOffset: Buffer.byteLength(before) };
}

/** The first place from `at` on that holds no white space. */
function start(text: string, at: number): number {
  let place = at;
  while (place < text.length && /[\s\ufeff]/.test(text[place]!)) place += 1;
  return place;
}

function memberAt(text: string, at: number, step: string | number): number | undefined {
  const isObject = text[at] === '{';
  if (!isObject && text[at] !== '[') return undefined;
  let found: number | undefined;
  let place = start(text, at + 1);
  for (let index = 0; place < text.length && text[place] !== '}' && text[place] !== ']'; index += 1) {
    let name: string | number = index;
    if (isObject) {
      const end = stringEnd(text, place);
      name = JSON.parse(text.slice(place, end)) as string;
      // Behind the colon.
      place = start(text, start(text, end) + 1);
    }
    if (name === step) found = place;
    place = start(text, valueEnd(text, place));
    if (text[place] === ',') place = start(text, place + 1);
  }
  return found;
}

/** The place behind the string that starts at `at`. */
function stringEnd(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  return end + 1;
}

/** The place behind the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (let place = at; place < text.length; ) {
    const char = text[place]!;
    if (char === '"') {
      place = stringEnd(text, place);
      if (depth === 0) return place;
      continue;
    }
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      if (depth === 0) return place;
      depth -= 1;
      if (depth === 0) return place + 1;
    } else if (depth === 0 && (char === ',' || /\s/.test(char))) return place;
    place += 1;
  }
  return text.length;
}
