/** What can be held outside the heap (`shared`, `persist`) comes back exactly as it is; what could not, is refused. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import v8 from 'node:v8';
import vm from 'node:vm';
import { DatasetStream, ResponseCache } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';

const { decode, encode } = createRequire(import.meta.url)(
  '../../.facade/value/codec.js',
) as typeof import('../../ts/value/codec.js');

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-values-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.useRealTimers());

/** What a value is once it has been bytes, which lie at an odd place as they do in a file. */
function back(value: unknown): unknown {
  const { form, payload } = encode(value);
  const bytes = Buffer.alloc(payload.length + 2, 0xee);
  bytes.set(payload, 1);
  const found = decode(form, bytes, 1, 1 + payload.length);
  bytes.fill(0xee);
  return found;
}

const VECTORS: (new (buffer: ArrayBuffer, start?: number, length?: number) => ArrayBufferView)[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

/** A view of a part of a larger buffer. */
const view = fc
  .tuple(fc.constantFrom(...VECTORS, DataView), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(2), fc.nat(2))
  .map(([View, bytes, start, length]) => new View(bytes.slice().buffer, 8 * start, View === DataView ? 8 : length));

const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('\ud800', 'é', '世界', ''),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
);

const name = fc.oneof(fc.string(), fc.constantFrom('toJSON', '__proto__', 'a', '0', 'constructor', 'length'));

const supported = fc.letrec<{ value: unknown }>((tie) => {
  const members = fc.array(fc.tuple(name, tie('value')), { maxLength: 4 });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      view,
      fc.date({ noInvalidDate: true }),
      fc.constantFrom(/a+/gi, new ArrayBuffer(3)),
      fc.array(fc.double(), { minLength: 1 }),
      fc.array(tie('value'), { maxLength: 4 }),
      // With holes and members besides the elements.
      fc
        .tuple(fc.array(tie('value'), { maxLength: 3 }), fc.integer({ min: 3, max: 6 }), members)
        .map(([list, length, more]) => {
          list.length = length;
          return define(
            list,
            more.filter(([own]) => own !== 'length'),
          );
        }),
      members.map((own) => define({}, own)),
      members.map((own) => define(Object.create(null), own)),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(tie('value'), { maxLength: 3 }).map((entries) => new Set(entries)),
    ),
  };
}).value;

function define(object: object, members: [string, unknown][]): object {
  for (const [own, value] of members) {
    Object.defineProperty(object, own, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}

test('any value that is made of what is supported comes back as it is', () => {
  fc.assert(
    fc.property(supported, (value) => {
      expect(isDeepStrictEqual(back(value), value)).toBe(true);
    }),
    { numRuns: 1500 },
  );
});

class Answer {
  text = 'hi';
}
class List extends Array {}
/** Called as the builtin is, and another class. */
const { Map: FalseMap, Date: FalseDate } = {
  Map: class Map extends globalThis.Map {},
  Date: class Date extends globalThis.Date {},
};
function resizable(): ArrayBuffer {
  const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
  return new Resizable(8, { maxByteLength: 16 });
}
function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}
function detachedView(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}
const besides = (object: object, own: PropertyKey = 'source') => Object.assign(object, { [own]: 'x' });
const symbol = Symbol('s');

const odd: Record<string, () => unknown> = {
  'a class instance': () => new Answer(),
  'an array of a class': () => List.from([1, 2]),
  'a class called Map': () => new FalseMap(),
  'a class called Date': () => new FalseDate(),
  'a Buffer': () => Buffer.from('x'),
  'a function': () => () => 1,
  'a symbol': () => symbol,
  'an error': () => new RangeError('no'),
  'a boxed primitive': () => new String('x'),
  'a promise': () => Promise.resolve(1),
  'a WeakMap': () => new WeakMap(),
  'an object with a symbol': () => besides({}, symbol),
  'an array with a symbol': () => besides([1], symbol),
  'numbers and strings with a symbol': () => besides([1, 'a'], symbol),
  'a Date with a member': () => besides(new Date(1)),
  'a Date with a symbol': () => besides(new Date(1), symbol),
  'a Map with a member': () => besides(new Map()),
  'a Set with a member': () => besides(new Set()),
  'a Float32Array with a member': () => besides(new Float32Array([1, Number.NaN])),
  'an Int8Array with a symbol': () => besides(new Int8Array(2), symbol),
  'a DataView with a member': () => besides(new DataView(new ArrayBuffer(2))),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(8),
  'a view of shared memory': () => new Uint8Array(new SharedArrayBuffer(8)),
  'a DataView of shared memory': () => new DataView(new SharedArrayBuffer(8)),
  'a view of a resizable buffer': () => new Uint8Array(resizable()),
  'a detached buffer': detached,
  'a view of a detached buffer': detachedView,
  'a Proxy of an object': () => new Proxy({ a: 1 }, {}),
  'a Proxy of numbers': () => new Proxy([1, 2], {}),
  'a Proxy of an instance': () => new Proxy(new Answer(), {}),
  'a search under way': () => Object.assign(/a/g, { lastIndex: 3 }),
};

/** A place in a value: what to put the culprit into, and how that reads in a path. */
const step = fc.oneof(
  fc.constantFrom('a', 'b c', '0').map((own) => ({
    path: own === 'b c' ? '["b c"]' : `.${own}`,
    around: (inner: unknown): unknown => ({ before: 1, [own]: inner }),
  })),
  fc.nat(3).map((at) => ({
    path: `[${at}]`,
    around: (inner: unknown): unknown => [...Array.from({ length: at }, (_, i) => i), inner],
  })),
  fc.constant({
    path: '{1}',
    around: (inner: unknown): unknown =>
      new Map([
        ['a', 1],
        ['b', inner],
      ] as [string, unknown][]),
  }),
  fc.constant({
    path: '{1 (a key)}',
    around: (inner: unknown): unknown =>
      new Map([
        ['a', 1],
        [inner, 1],
      ] as [unknown, number][]),
  }),
  fc.constant({ path: '{0}', around: (inner: unknown): unknown => new Set([inner]) }),
);

describe('what would come back as something else is refused, wherever it is, with a TypeError that says where', () => {
  test.each(Object.entries(odd))('%s', (_what, make) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4 }), (steps) => {
        const value = steps.reduceRight((inner, { around }) => around(inner), make());
        const path = `value${steps.map((one) => one.path).join('')} is `;
        expect(() => encode(value)).toThrow(expect.objectContaining({ message: expect.stringContaining(path) }));
        expect(() => encode(value)).toThrow(TypeError);
      }),
      { numRuns: 40 },
    );
  });
});

test('values that structured cloning would change are refused or come back equal', () => {
  const anything = fc.oneof(
    supported,
    fc.tuple(supported, fc.constantFrom(...Object.values(odd))).map(([value, make]) => ({ value, odd: make() })),
  );
  let refused = 0;
  fc.assert(
    fc.property(anything, (value) => {
      let isKept = false;
      try {
        isKept = isDeepStrictEqual(v8.deserialize(v8.serialize(value)), value);
      } catch {}
      if (isKept) return;
      let found: unknown;
      try {
        found = back(value);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        refused += 1;
        return;
      }
      expect(isDeepStrictEqual(found, value)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(100);
});

test('a stream keeps in the heap exactly what a cache refuses', async () => {
  const values: [string, unknown][] = Object.entries(odd).map(([what, make]) => [what, { in: [make()] }]);
  const stored: [string, unknown][] = fc
    .sample(supported, { numRuns: 200, seed: 1 })
    .map((value, i) => [`${i}`, { value }]);
  const stream = new DatasetStream<unknown>({ bufferSize: 1, spillDirectory: folder });
  stream.push('first');
  for (const [, value] of [...values, ...stored]) stream.push(value);
  const [, ...found] = await stream.process(async (batch) => batch);
  for (const [i, [what, value]] of values.entries()) expect([what, found[i] === value]).toEqual([what, true]);
  for (const [i, [, value]] of stored.entries()) {
    expect(isDeepStrictEqual(found[values.length + i], value)).toBe(true);
  }
  const left = stored.filter(([, value], i) => found[values.length + i] !== value);
  expect(left.length).toBeGreaterThan(100);
});

test('values of another realm come back as those of this one', () => {
  const source = `({ d: new Date(1), m: new Map([[1, new Float32Array([2])]]), a: [1, , 2], n: [1, 2], r: /a/, s: new Set([1]) })`;
  const foreign = vm.runInNewContext(source) as object;
  expect(foreign).not.toBeInstanceOf(Object);
  expect(back(foreign)).toStrictEqual(vm.runInThisContext(source));
  expect(back(vm.runInNewContext('new Int8Array([1, 2])'))).toStrictEqual(new Int8Array([1, 2]));
  expect(() => encode(vm.runInNewContext('new (class Map extends globalThis.Map {})()'))).toThrow(/derived from Map/);
});

test('a date that was made under fake timers is a date', () => {
  vi.useFakeTimers({ now: 5000 });
  const at = new Date();
  vi.useRealTimers();
  expect(back({ at })).toStrictEqual({ at: new Date(5000) });
});

test('only the bytes of a view are written, and nothing else of the memory of its Buffer', () => {
  const secret = Buffer.from('API_KEY=sk-very-secret-1234567890');
  expect(secret.buffer.byteLength).toBeGreaterThan(secret.length);
  const shown = new Uint8Array(secret.buffer, secret.byteOffset, 3);
  const file = join(folder, 'views.db');
  const cache = new ResponseCache({ persist: file });
  cache.set('member', 0, { shown, data: new DataView(secret.buffer, secret.byteOffset, 3) });
  cache.set('bare', 0, shown);
  expect(cache.get('member', 0)).toStrictEqual({
    shown: new Uint8Array([65, 80, 73]),
    data: new DataView(shown.slice().buffer),
  });
  expect(cache.get('bare', 0).buffer.byteLength).toBe(3);
  cache.close();
  const written = readFileSync(file);
  expect(written.includes('API')).toBe(true);
  expect(written.includes('sk-very-secret')).toBe(false);
});

test('views come back with a buffer each, also those that shared one; a view that is there twice is one', () => {
  const numbers = new Float64Array([1, 2, 3, 4]);
  const [head, tail] = [numbers.subarray(0, 2), numbers.subarray(2)];
  const found = back({ head, tail, again: head, whole: numbers.buffer }) as Record<string, Float64Array>;
  expect(found).toStrictEqual({ head, tail, again: head, whole: numbers.buffer });
  expect(found.again).toBe(found.head);
  expect([found.head?.buffer.byteLength, found.tail?.buffer.byteLength]).toEqual([16, 16]);
});

test('a vector of any kind takes the room of its numbers', () => {
  for (const Vector of VECTORS) {
    const vector = new Vector(new ArrayBuffer(1536));
    expect(encode(vector).payload.length).toBe(vector.byteLength);
  }
});

describe('what is too much for one value is refused with what to do about it', () => {
  const nested = (levels: number, leaf: unknown) => {
    let value = leaf;
    for (let i = 0; i < levels; i += 1) value = i % 2 ? [value] : { o: value };
    return value;
  };
  test('2,000 levels come back; more are refused, on whatever stack', () => {
    for (const leaf of [1, 1n]) {
      const value = nested(2000, leaf);
      let found = back(value) as Record<string, unknown>;
      for (let i = 0; i < 2000; i += 1) found = Object.values(found)[0] as never;
      expect(found).toBe(leaf);
    }
    for (const levels of [2002, 10_000, 100_000]) {
      expect(() => encode(nested(levels, 1))).toThrow(TypeError);
      expect(() => encode(nested(levels, 1n))).toThrow(
        /^value(\[0\]|\.o){40,}.*… is nested more than 2000 levels deep.*store plain data/,
      );
    }
    // From the end of the stack outwards, until there is room.
    const deep = nested(1900, 1);
    const errors: unknown[] = [];
    const down = (): void => {
      try {
        down();
      } catch (outOfStack) {
        try {
          encode(deep);
        } catch (error) {
          errors.push(error);
          throw outOfStack;
        }
      }
    };
    down();
    expect(errors.at(-1)).toBeInstanceOf(TypeError);
    expect(errors.at(-1)).toHaveProperty('message', expect.stringContaining('cannot be written as bytes'));
  });

  test('an array of more than ten million elements, and text longer than V8 can hold', () => {
    expect(() => encode({ list: new Array(10_000_001) })).toThrow(/^value\.list is an array of 10000001 elements/);
    const half = 'x'.repeat(2 ** 28);
    expect(() => encode([half, half])).toThrow(/^value cannot be written as bytes \(.*\); store it in smaller parts/);
    expect(() => encode([half, half])).toThrow(TypeError);
  });
});

test('set throws the error that a getter of the value throws', () => {
  const value = {
    get text(): string {
      throw new RangeError('from the getter');
    },
  };
  expect(() => encode(value)).toThrow('from the getter');
});
