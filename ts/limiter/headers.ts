/** Rate-limit headers out of whatever carries them. */

/** Names that matter, in lower case. The engine knows their grammar. */
const RELEVANT =
  /^(?:retry-after|retry-after-ms|x-should-retry|(?:x-|anthropic-)?(?:ratelimit|tokenlimit)(?:bysize)?(?:-.*)?)$/;

/** Names to ask for where a carrier can only be asked by name. */
const NAMES = [
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'ratelimit',
  'ratelimit-policy',
  ...['limit', 'remaining', 'reset'].flatMap((part) => [
    `x-ratelimit-${part}`,
    `ratelimit-${part}`,
    `ratelimitbysize-${part}`,
    `x-ratelimitbysize-${part}-minute`,
    `x-tokenlimit-${part}`,
    ...['requests', 'tokens', 'minute', 'req-minute', 'requests-minute', 'tokens-minute'].map(
      (kind) => `x-ratelimit-${part}-${kind}`,
    ),
    ...['requests', 'tokens', 'input-tokens', 'output-tokens'].map((kind) => `anthropic-ratelimit-${kind}-${part}`),
  ]),
];

/**
 * Returns the headers that concern limits as a flat list of names, in lower case, and values. Read are a `Headers` or a
 * `Map`, any other iterable of pairs, a flat list such as Node's `rawHeaders`, anything with a `get` method, and a plain
 * object; names may be in any case. Anything else, and a carrier that throws, has none.
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
  const add = (key: unknown, value: unknown): void => {
    const name = String(key).toLowerCase();
    const text: unknown = Array.isArray(value) ? value[0] : value;
    if (RELEVANT.test(name) && (typeof text === 'string' || typeof text === 'number')) found.push(name, String(text));
  };
  if (Array.isArray(headers) && typeof headers[0] === 'string') {
    for (let i = 0; i + 1 < headers.length; i += 2) add(headers[i], headers[i + 1]);
  } else if (Symbol.iterator in headers) {
    for (const [key, value] of headers as Iterable<[unknown, unknown]>) add(key, value);
  } else if ('get' in headers && typeof headers.get === 'function') {
    for (const name of NAMES) add(name, headers.get(name));
  } else {
    for (const [key, value] of Object.entries(headers)) add(key, value);
  }
  return found;
}
