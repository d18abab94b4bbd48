/**
 * Names for the engine. Its text is UTF-8, which has no lone surrogates: they would all become the same replacement
 * character, and two components one. So they cross as a mark and a character of the private use area, and come back.
 */
const MARK = '\u{10fffd}';
const PRIVATE = 0xe000;
const SURROGATES = 0xd800;

/** `name` as text that UTF-8 can hold; different names stay different. Most are returned as they are. */
export function toWellFormed(name: string): string {
  return name.replace(/\p{Surrogate}|\u{10fffd}/gu, (found) =>
    found === MARK ? MARK + MARK : MARK + String.fromCharCode(found.charCodeAt(0) - SURROGATES + PRIVATE),
  );
}

/** Text that holds what {@link toWellFormed} made, with the names as they were. */
export function fromWellFormed(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replace(/\u{10fffd}([\u{10fffd}\ue000-\ue7ff])/gu, (_, found: string) =>
    found === MARK ? MARK : String.fromCharCode(found.charCodeAt(0) - PRIVATE + SURROGATES),
  );
}
