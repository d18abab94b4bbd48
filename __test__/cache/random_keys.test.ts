import { createRequire } from 'node:module';
import { ResponseCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';

const { stableKey } = createRequire(import.meta.url)(
  '../../.facade/cache/key/stable_key.js',
) as typeof import('../../ts/cache/key/stable_key.js');

/** A small seeded generator (Mulberry32): the same values in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomValue(next: () => number, depth: number): unknown {
  const int = (n: number) => Math.floor(next() * n);
  const list = () => Array.from({ length: int(4) }, () => randomValue(next, depth - 1));
  const names = ['a', 'b', 'ab', 'role', 'content', 'c'.repeat(40), '0', '10', 'ж'];
  switch (int(depth > 0 ? 16 : 11)) {
    case 0:
      return int(5) - 2;
    case 1:
      return next() < 0.5 ? next() : int(4) / 2;
    case 2:
      return ['', 'a', 'b', 'ab', '1', 'null', '\ud800', 'é'][int(8)];
    case 3:
      return 'ab'[int(2)]?.repeat(int(80));
    case 4:
      return ['ж', '\u0100', 'é'][int(3)]?.repeat(30 + int(10));
    case 5:
      return null;
    case 6:
      return next() < 0.5;
    case 7:
      return BigInt(int(5) - 2);
    case 8:
      return new Date(int(3));
    case 9:
      return new Uint8Array(list().length).fill(int(3));
    case 10:
      return [undefined, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, -(2 ** 31)][int(5)];
    case 11:
      return new Map(list().map((key, i) => [key, i]));
    case 12:
      return new Set(list());
    case 13:
      return list();
    default:
      return Object.fromEntries(
        Array.from({ length: int(5) }, () => [names[int(names.length)], randomValue(next, depth - 1)]),
      );
  }
}

/** The content of a value in the plainest way: nested descriptions, quoted by JSON. */
function described(value: unknown): string {
  const parts = (values: unknown[]) => JSON.stringify(values.map(described));
  const unordered = (values: string[]) => JSON.stringify(values.sort());
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${[...value]}`;
  if (value instanceof Map) return `map ${unordered([...value].map((entry) => parts(entry)))}`;
  if (value instanceof Set) return `set ${unordered([...value].map(described))}`;
  if (Array.isArray(value)) return `array ${parts(value)}`;
  if (typeof value === 'object' && value !== null) {
    return `object ${unordered(Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [parts([name, member])])))}`;
  }
  return typeof value === 'string'
    ? `string ${JSON.stringify(value)}`
    : `${typeof value} ${Object.is(value, -0) ? 0 : String(value)}`;
}

/** The same content in another order and in other objects. */
function shuffled(value: unknown, next: () => number): unknown {
  const mix = <T>(values: T[]): T[] =>
    values
      .map((v) => [next(), v] as const)
      .sort(([a], [b]) => a - b)
      .map(([, v]) => v);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof Map)
    return new Map(mix([...value]).map(([key, member]) => [shuffled(key, next), shuffled(member, next)]));
  if (value instanceof Set) return new Set(mix([...value]).map((member) => shuffled(member, next)));
  if (Array.isArray(value)) return value.map((element) => shuffled(element, next));
  if (typeof value === 'object' && value !== null) {
    const entries = mix([...Object.entries(value), ['dropped', undefined] as [string, unknown]]);
    return Object.fromEntries(entries.map(([name, member]) => [name, shuffled(member, next)]));
  }
  return value;
}

test('random values: equal content is an equal key, different content a different one, over millions of pairs', () => {
  const count = Number(process.env.AI_EVALS_KEY_VALUES ?? 12_000);
  const next = random(7);
  const cache = new ResponseCache({ maxSize: count, ttl: Number.POSITIVE_INFINITY });
  const outside = new Map<string, string>();
  const first = new Map<string, number>();
  const values = Array.from({ length: count }, () => [randomValue(next, 4), randomValue(next, 3)]);
  for (const [i, value] of values.entries()) {
    const content = described(value);
    if (!first.has(content)) {
      first.set(content, i);
      expect(cache.has(value, 'c')).toBe(false);
      cache.set(value, 'c', i);
    }
    const key = stableKey(value);
    expect(outside.get(key) ?? content).toBe(content);
    outside.set(key, content);
  }
  expect(first.size).toBeGreaterThan(count / 3);
  expect(outside.size).toBe(first.size);
  for (const value of values) {
    const other = shuffled(value, next);
    expect(cache.get(other, 'c')).toBe(first.get(described(value)));
    expect(outside.get(stableKey(other))).toBe(described(value));
  }
});
