import { createRequire } from 'node:module';
import vm from 'node:vm';
import { ResponseCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';

const { stableKey } = createRequire(import.meta.url)(
  '../../.facade/cache/key/stable_key.js',
) as typeof import('../../ts/cache/key/stable_key.js');

/** Whether both have the same key, in memory and outside. */
function same(a: unknown, b: unknown): boolean {
  const cache = new ResponseCache();
  cache.set(a, 'config', 1);
  const inMemory = cache.has(b, 'config');
  expect(stableKey(a) === stableKey(b)).toBe(inMemory);
  cache.set('input', a, 1);
  expect(cache.has('input', b)).toBe(inMemory);
  return inMemory;
}

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}
class Pixel extends Point {}
class Decimal {
  readonly #digits: string;
  constructor(digits: string) {
    this.#digits = digits;
  }
  toJSON() {
    return this.#digits;
  }
}
class Hidden {
  readonly #secret: number;
  constructor(secret: number) {
    this.#secret = secret;
  }
  get reveal() {
    return this.#secret;
  }
}
const cycle = (n: number) => {
  const value: Record<string, unknown> = { n, list: [] };
  value.self = value;
  (value.list as unknown[]).push(value, { up: value });
  return value;
};

test.each([
  ['order of members', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
  ['undefined members', { a: 1, b: undefined }, { a: 1 }],
  ['undefined members in any order', { z: undefined, b: 2, a: 1 }, { a: 1, y: undefined, b: 2 }],
  ['NaN', { t: Number.NaN }, { t: 0 / 0 }],
  ['-0 and 0', { t: -0 }, { t: 0 }],
  ['dates', new Date(5), new Date(5)],
  ['invalid dates', new Date(Number.NaN), new Date('nonsense')],
  ['bigints', 123456789012345678901234567890n, 123456789012345678901234567890n],
  [
    'maps in any order',
    new Map<unknown, unknown>([
      ['a', 1],
      [{ k: 2 }, 'x'.repeat(100)],
    ]),
    new Map<unknown, unknown>([
      [{ k: 2 }, 'x'.repeat(100)],
      ['a', 1],
    ]),
  ],
  ['sets in any order', new Set([3, 'a', { b: 1 }]), new Set([{ b: 1 }, 3, 'a'])],
  ['cycles', cycle(1), cycle(1)],
  ['typed arrays', new Float32Array([1, 2]), new Float32Array([1, 2])],
  ['views of the same bytes', new Uint8Array([9, 1, 2]).subarray(1), new Uint8Array([1, 2])],
  ['Buffer and Uint8Array', Buffer.from([1, 2]), new Uint8Array([1, 2])],
  ['array buffers', new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
  ['null prototypes', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ['instances', new Point(1, 2), new Point(1, 2)],
  ['toJSON of a class with private state', new Decimal('1.10'), new Decimal('1.10')],
  ['URLs', new URL('http://a/b'), new URL('http://a/b')],
  ['own toJSON', { secret: 1, toJSON: () => 5 }, { toJSON: () => 5, other: () => 0 }],
  ['errors', new RangeError('x'), new RangeError('x')],
  ['regular expressions', /a/gi, /a/gi],
  ['holes', Object.assign([1], { 2: 2 }), Object.assign([1], { 2: 2 })],
  [
    'values of another realm',
    { a: [1, { b: new Map([[1, new Date(5)]]) }] },
    vm.runInNewContext('({ a: [1, { b: new Map([[1, new Date(5)]]) }] })'),
  ],
  ['flat and concatenated text', 'x'.repeat(1000), `${'x'.repeat(400)}${'x'.repeat(600)}`],
  ['boxed', Object('a'), Object('a')],
  [
    'getters',
    {
      get a() {
        return 1;
      },
    },
    { a: 1 },
  ],
  [
    'shared members and copies of them',
    (() => {
      const s = { x: 1 };
      return [s, s];
    })(),
    [{ x: 1 }, { x: 1 }],
  ],
  [
    'a thousand members in any order',
    Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])),
    Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${999 - i}`, 999 - i])),
  ],
  ['names longer than any shape keeps', { ['n'.repeat(500)]: 1, a: 2 }, { a: 2, ['n'.repeat(500)]: 1 }],
])('%s: the same content is the same key', (_, a, b) => {
  expect(same(a, b)).toBe(true);
});

const DIFFERENT: [string, unknown, unknown][] = [
  ['undefined and null', undefined, null],
  ['undefined and nothing in an array', [undefined], []],
  ['a hole and undefined', new Array(1), [undefined]],
  ['null members and none', { a: null }, {}],
  ['1 and "1"', 1, '1'],
  ['1 and 1n', 1, 1n],
  ['1n and -1n', 1n, -1n],
  ['true and "true"', true, 'true'],
  ['true and 1', true, 1],
  ['0 and ""', 0, ''],
  ['NaN and null', Number.NaN, null],
  ['NaN and "NaN"', Number.NaN, 'NaN'],
  ['infinities', Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ['neighbouring doubles', 0.1, 0.1 + Number.EPSILON / 8],
  ['2^31 and -2^31', 2 ** 31, -(2 ** 31)],
  ['a date and its text', new Date(0), new Date(0).toJSON()],
  ['a date and its number', new Date(0), 0],
  ['order of an array', [1, 2], [2, 1]],
  ['nesting of arrays', [[1], 2], [[1, 2]]],
  ['an array and an object', ['a'], { 0: 'a' }],
  ['where a name ends', { ab: 'c' }, { a: 'bc' }],
  ['where a text ends', ['ab', 'c'], ['a', 'bc']],
  ['where a long text ends', ['x'.repeat(100), 'x'.repeat(50)], ['x'.repeat(50), 'x'.repeat(100)]],
  ['what looks like structure', '{"a":1}', { a: 1 }],
  ['unpaired surrogates', '\ud800', '\ud801'],
  ['an unpaired surrogate and U+FFFD', '\ud800', '\ufffd'],
  ['long unpaired surrogates', `${'x'.repeat(100)}\ud800`, `${'x'.repeat(100)}\ufffd`],
  ['composed and decomposed text', 'é', 'e\u0301'],
  ['case', 'A', 'a'],
  ['one byte and two bytes of the same bits', 'x'.repeat(100), '\u7878'.repeat(50)],
  ['maps and objects', new Map([['a', 1]]), { a: 1 }],
  ['maps and sets', new Map([[1, 1]]), new Set([1])],
  [
    'values of maps',
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    new Map([
      ['a', 2],
      ['b', 1],
    ]),
  ],
  ['sets', new Set([1, 2]), new Set([1, 3])],
  ['a set and an array', new Set([1]), [1]],
  ['kinds of typed arrays', new Uint8Array([1]), new Int8Array([1])],
  ['a typed array and an array', new Float64Array([1]), [1]],
  ['-0 in typed arrays (bytes)', new Float64Array([-0]), new Float64Array([0])],
  ['classes', new Point(1, 2), new Pixel(1, 2)],
  ['an instance and an object', new Point(1, 2), { x: 1, y: 2 }],
  ['private state behind toJSON', new Decimal('1.10'), new Decimal('1.1')],
  ['URLs', new URL('http://a/b'), new URL('http://a/c')],
  ['errors', new RangeError('x'), new TypeError('x')],
  ['flags', /a/g, /a/i],
  ['depth of cycles', cycle(1), cycle(2)],
  [
    'a cycle and what it leads to',
    (() => {
      const a: unknown[] = [];
      a.push(a);
      return a;
    })(),
    [[]],
  ],
  ['boxed and not', Object(1), 1],
  [
    'toJSON that returns the object itself',
    Object.assign(
      Object.create({
        toJSON() {
          return this;
        },
      }),
      { a: 1 },
    ),
    Object.assign(
      Object.create({
        toJSON() {
          return this;
        },
      }),
      { a: 2 },
    ),
  ],
  ['an own __proto__', JSON.parse('{"__proto__":1}'), {}],
];

test.each(DIFFERENT)('%s: different content is a different key', (_, a, b) => {
  expect(same(a, b)).toBe(false);
  expect(same({ in: [a] }, { in: [b] })).toBe(false);
});

test('the keys of these values all differ', () => {
  const cache = new ResponseCache();
  const all = DIFFERENT.flatMap(([, a, b]) => [a, b]);
  for (const value of all) cache.set(value, undefined, value);
  const distinct = new Set(all.map((value) => stableKey(value)));
  expect(cache.getStats().size).toBe(distinct.size);
});

test('input and modelConfig do not run into each other', () => {
  const cache = new ResponseCache();
  const pairs: [unknown, unknown][] = [
    ['ab', 'c'],
    ['a', 'bc'],
    ['abc', ''],
    ['', 'abc'],
    ['abc', undefined],
    [undefined, 'abc'],
    [['a', 'b'], 'c'],
    ['a', ['b', 'c']],
    [{ a: 1 }, {}],
    [{}, { a: 1 }],
  ];
  for (const [i, [input, config]] of pairs.entries()) cache.set(input, config, i);
  expect(pairs.map(([input, config]) => cache.get(input, config))).toEqual(pairs.map((_, i) => i));
});

test('a sparse array of four billion holes has a key at once', () => {
  const sparse = (value: number) => {
    const array: number[] = [];
    array[4_294_967_290] = value;
    return array;
  };
  expect(same(sparse(1), sparse(1))).toBe(true);
  expect(same(sparse(1), sparse(2))).toBe(false);
});

test.each([
  [() => 1, 'input is a function'],
  [Symbol('s'), 'input is a symbol'],
  [{ a: { b: [1, { c() {} }] } }, 'input.a.b[1].c is a function (c)'],
  [{ 'not a name': Symbol.iterator }, 'input["not a name"] is a symbol'],
  [new Map([['k', { f: () => 1 }]]), 'input{0}.f is a function'],
  [new Set([Symbol('x')]), 'input{0} is a symbol'],
  [Promise.resolve(), 'input is an instance of Promise'],
  [{ cache: new WeakMap() }, 'input.cache is an instance of WeakMap'],
  [[new Hidden(1)], 'input[0] is an instance of Hidden without members'],
  [
    new (class Handler {
      handle = () => 1;
    })(),
    'input.handle is a function',
  ],
])('%o has no content: %s', (value, message) => {
  const cache = new ResponseCache();
  for (const call of [
    () => cache.get(value, {}),
    () => cache.set(value, {}, 1),
    () => cache.has(value, {}),
    () => cache.delete(value, {}),
    () => stableKey(value),
  ]) {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  }
  expect(() => cache.get('fine', { model: 'm', with: value })).toThrow(message.replace(/^input/, 'modelConfig.with'));
  expect(cache.getStats()).toMatchObject({ size: 0, misses: 0 });
  cache.set('still', 'works', 1);
  expect(cache.get('still', 'works')).toBe(1);
});

test('nesting: thousands of levels have a key, more than the stack holds are a TypeError', () => {
  const nest = (levels: number) => {
    let value: unknown = 1;
    for (let i = 0; i < levels; i += 1) value = { v: value };
    return value;
  };
  expect(same(nest(1000), nest(1000))).toBe(true);
  expect(same(nest(1000), nest(1001))).toBe(false);
  const cache = new ResponseCache();
  expect(() => cache.get(nest(200_000), {})).toThrow(TypeError);
  expect(() => cache.get(nest(200_000), {})).toThrow(/nested too deeply/);
  expect(same({ a: 1 }, { a: 1 })).toBe(true);
});

test('an error of a getter or toJSON is thrown, and the cache goes on', () => {
  const cache = new ResponseCache();
  const broken = {
    get a() {
      throw new Error('from the getter');
    },
  };
  expect(() => cache.get(broken, {})).toThrow('from the getter');
  expect(() =>
    cache.get(
      {
        toJSON() {
          throw new Error('from toJSON');
        },
      },
      {},
    ),
  ).toThrow('from toJSON');
  cache.set({ a: [1] }, {}, 1);
  expect(cache.get({ a: [1] }, {})).toBe(1);
});

test('a getter or toJSON may use the cache while its key is written', () => {
  const cache = new ResponseCache();
  const inner = { long: 'y'.repeat(500), list: [1, 2, { x: 3 }] };
  cache.set(inner, 'c', 'inner');
  const tricky = () => ({
    before: ['a', { b: 'x'.repeat(100) }],
    get reads() {
      return cache.get(inner, 'c');
    },
    nested: new (class Json {
      toJSON() {
        return {
          got: cache.get(inner, 'c'),
          failed: (() => {
            try {
              return cache.get(() => 1, 1);
            } catch {
              return 'no';
            }
          })(),
        };
      }
    })(),
    after: 'z'.repeat(100),
  });
  cache.set(tricky(), 'c', 'outer');
  const plain = {
    before: ['a', { b: 'x'.repeat(100) }],
    reads: 'inner',
    nested: tricky().nested,
    after: 'z'.repeat(100),
  };
  expect(cache.get(plain, 'c')).toBe('outer');
  expect(cache.get(tricky(), 'c')).toBe('outer');
});

test('stable keys never change', () => {
  const config = { model: 'openai/gpt-4', temperature: 0.7, maxTokens: 1000, stop: ['\n', 'END'], seed: undefined };
  expect(stableKey('What is 2+2?', config)).toMatchInlineSnapshot(
    `"152ec79a3b641afbfc889228bd40f989c3a05bedd4be7e073d3e6a6c73732354"`,
  );
  expect(stableKey(undefined)).toMatchInlineSnapshot(
    `"31bfc919284e95923c427a6ffc7dc9a3c12eec8bf3e43fa1da40d38fe0af3655"`,
  );
  expect(
    stableKey(
      [new Date(0), 5n, new Map([['a', new Set([1, 'ж'])]]), new Uint8Array([1, 2]), Number.NaN, -0, 'x'.repeat(1000)],
      { deep: { a: [null, true, 1.5] } },
    ),
  ).toMatchInlineSnapshot(`"a9af9f4e75ec67262934e5b9b81e764dec69510854121c476164265c8853f867"`);
});
