/** Rate-limit headers out of whatever carries them. */

const NAMES = [
  'retry-after',
  'retry-after-ms',
  ...['limit', 'remaining', 'reset'].flatMap((what) =>
    ['requests', 'tokens'].map((kind) => `x-ratelimit-${what}-${kind}`),
  ),
  ...['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((kind) =>
    ['limit', 'remaining', 'reset'].map((what) => `anthropic-ratelimit-${kind}-${what}`),
  ),
];
const KNOWN = new Set(NAMES);

/**
 * The headers that concern limits, as a flat list of names and values: of a `Headers` (or anything with `get`), an
 * iterable of pairs or a plain object, names in any case. Anything else, and a carrier that throws, has none.
 */
export function rateLimitHeaders(headers: unknown): string[] {
  if (typeof headers !== 'object' || headers === null) return [];
  try {
    return collect(headers);
  } catch {
    return [];
  }
}

function collect(headers: object): string[] {
  const found: string[] = [];
  const add = (name: string, value: unknown): void => {
    const text = Array.isArray(value) ? value[0] : value;
    if (typeof text === 'string' || typeof text === 'number') found.push(name, String(text));
  };
  if ('get' in headers && typeof headers.get === 'function') {
    for (const name of NAMES) add(name, headers.get(name));
    return found;
  }
  const pairs = Symbol.iterator in headers ? (headers as Iterable<[unknown, unknown]>) : Object.entries(headers);
  for (const [key, value] of pairs) {
    const name = String(key).toLowerCase();
    if (KNOWN.has(name)) add(name, value);
  }
  return found;
}
