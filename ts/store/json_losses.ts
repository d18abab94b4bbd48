/** Functions within values, which `JSON.stringify` would leave out without a word. */

/** Returns whether JSON would lose a function of `value`, which is known to hold no cycle. O(size of the value). */
export function holdsFunction(value: object): boolean {
  if (hasToJson(value)) return false;
  if (Array.isArray(value)) {
    for (const element of value) if (loses(element)) return true;
    return false;
  }
  for (const name in value) {
    if (Object.hasOwn(value, name) && loses((value as Record<string, unknown>)[name])) return true;
  }
  return false;
}

/** Returns whether `value` makes its own replacement for JSON. */
export function hasToJson(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function loses(value: unknown): boolean {
  if (typeof value === 'function') return !hasToJson(value);
  return typeof value === 'object' && value !== null && holdsFunction(value);
}
