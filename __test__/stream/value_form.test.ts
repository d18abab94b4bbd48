/** The JSON form of values: nothing is lost or changed between a file, the program and the next file. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DatasetStream, PreciseDate, ResultWriter } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { all } from './items';

const directory = mkdtempSync(join(tmpdir(), 'form-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function target(name: string): string {
  files += 1;
  return join(directory, `${files}-${name}`);
}

async function written(items: readonly unknown[], name = 'out.jsonl'): Promise<string> {
  const path = target(name);
  const writer = ResultWriter.toFile<unknown>(path);
  await writer.writeMany(items);
  await writer.close();
  return path;
}

/** Returns what `toFile` and then `fromFile` make of `items`. */
const back = async (items: readonly unknown[], name?: string) =>
  all(DatasetStream.fromFile(await written(items, name)));
const line = async (item: unknown) => readFileSync(await written([item]), 'utf8').trimEnd();
const read = (text: string) => {
  const path = target('in.jsonl');
  writeFileSync(path, text);
  return all(DatasetStream.fromFile(path));
};

describe('fromFile', () => {
  test('reads an integer beyond 2^53 as a BigInt with every digit', async () => {
    const [item] = await read(
      '{"a":9007199254740993,"b":[-9007199254740993,{"__proto__":12345678901234567890}],"c":9007199254740991}',
    );
    expect(item.a).toBe(9007199254740993n);
    expect(item.b[0]).toBe(-9007199254740993n);
    expect(Object.getOwnPropertyDescriptor(item.b[1], '__proto__')?.value).toBe(12345678901234567890n);
    expect(item.c).toBe(Number.MAX_SAFE_INTEGER);
    expect(await read('9007199254740993\n9007199254740992')).toEqual([9007199254740993n, 9007199254740992n]);
  });

  test('leaves other numbers, and digits in strings, as JSON.parse gives them', async () => {
    const texts = [
      '1.2345678901234567890',
      '1e400',
      '12345678901234567e3',
      '1234567890123456.5',
      '"12345678901234567890"',
    ];
    const tricky = [
      '"\\"12345678901234567890"',
      '{"12345678901234567890":"\\\\"}',
      '[1234567890123456]',
      '"\\u0000x:1"',
    ];
    for (const text of [...texts, ...tricky]) expect(await read(text), text).toStrictEqual([JSON.parse(text)]);
    await expect(read('{"a":12345678901234567890x}')).rejects.toThrow(/not valid JSON/);
  });

  test('reads BigInts from arrays, documents and pipes of any depth', async () => {
    const path = target('a.json');
    writeFileSync(path, `{"testCases":[${'['.repeat(3000)}12345678901234567890${']'.repeat(3000)}]}`);
    let [value] = await all<unknown>(DatasetStream.fromFile(path));
    while (Array.isArray(value)) value = value[0];
    expect(value).toBe(12345678901234567890n);
  });

  test('keeps digits of CSV as text', async () => {
    const path = target('a.csv');
    writeFileSync(path, 'id\n12345678901234567890\n');
    expect(await all(DatasetStream.fromFile(path))).toEqual([{ id: '12345678901234567890' }]);
  });
});

describe('toFile', () => {
  test.each([
    [
      'a Map of strings',
      new Map<string, unknown>([
        ['k', 1],
        ['__proto__', [2n]],
      ]),
      '{"k":1,"__proto__":[2]}',
    ],
    [
      'a Map of other keys',
      new Map<unknown, unknown>([
        [1, 'a'],
        [{ b: 1 }, new Map()],
      ]),
      '[[1,"a"],[{"b":1},{}]]',
    ],
    ['a Set', new Set([1, 'a']), '[1,"a"]'],
    ['a BigInt', { n: 9007199254740993n, m: [-1n] }, '{"n":9007199254740993,"m":[-1]}'],
    ['a large number', { n: 2 ** 60, m: 1e21 }, '{"n":1.152921504606847e+18,"m":1e+21}'],
    [
      'numbers that JSON lacks',
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0],
      '["NaN","Infinity","-Infinity",-0]',
    ],
    ['bytes', [new Uint8Array([0, 255]), Buffer.from('a'), new Uint8Array([1]).buffer], '["AP8=","YQ==","AQ=="]'],
    [
      'an embedding',
      { e: new Float32Array([0.5, -1]), b: new BigInt64Array([2n ** 60n]) },
      '{"e":[0.5,-1],"b":[1152921504606846976]}',
    ],
    ['a Date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['a precise Date', new PreciseDate('2024-02-29T12:34:56.789999Z'), '"2024-02-29T12:34:56.789999Z"'],
    ['half a surrogate pair', ['\ud800', '\udfff', '😀'], '["\\ud800","\\udfff","😀"]'],
    ['a RegExp', /a"/gi, '"/a\\"/gi"'],
    ['no form', { a: undefined, f() {}, s: Symbol('s'), l: [undefined] }, '{"l":[null]}'],
  ])('writes %s in its form', async (_, value, text) => {
    expect(await line(value)).toBe(text);
    expect(await line({ member: [value, 0n] })).toBe(`{"member":[${text},0]}`);
  });

  test('writes an Error with its name, message, members, cause and errors', async () => {
    const cause = Object.assign(new TypeError('inner'), { code: 'ECONNREFUSED' });
    const error = new AggregateError([new Error('one')], 'outer', { cause });
    expect(JSON.parse(await line({ error }))).toEqual({
      error: {
        name: 'AggregateError',
        message: 'outer',
        cause: { name: 'TypeError', message: 'inner', code: 'ECONNREFUSED' },
        errors: [{ name: 'Error', message: 'one' }],
      },
    });
  });

  test('refuses a value that holds itself or is nested too deep, and goes on', async () => {
    const loop: Record<string, unknown> = { big: 1n };
    loop.self = loop;
    let deep: unknown = 1n;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    const writer = ResultWriter.toFile<unknown>(target('odd.jsonl'));
    await expect(writer.write(loop)).rejects.toThrow(TypeError);
    await expect(writer.write(deep)).rejects.toThrow(TypeError);
    await writer.write({ same: [loop.big, loop.big] });
    await writer.close();
  });

  test('writes what toJSON gives, with the form of that', async () => {
    class Money {
      toJSON() {
        return { amount: 5n, currency: new Map([['code', 'EUR']]) };
      }
    }
    expect(await line({ m: new Money(), u: new URL('http://a/') })).toBe(
      '{"m":{"amount":5,"currency":{"code":"EUR"}},"u":"http://a/"}',
    );
  });

  test('writes the form of a CSV cell', async () => {
    const row = {
      map: new Map([['k', 1]]),
      big: 2n ** 60n,
      date: new Date(0),
      half: 'a\ud83d',
      other: '\udc00',
      none: null,
    };
    const [cells] = await back([row], 'out.csv');
    expect(cells).toEqual({
      map: '{"k":1}',
      big: '1152921504606846976',
      date: '1970-01-01T00:00:00.000Z',
      half: 'a\\ud83d',
      other: '\\udc00',
      none: '',
    });
  });
});

describe('fromFile, toFile, fromFile', () => {
  const big = fc.bigInt().filter((n) => n > 2n ** 53n - 1n || n < 1n - 2n ** 53n);
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false, '', -0, 2 ** 53, -(2 ** 60), 1e21, 5e-324, '\ud800', 9007199254740993n),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.maxSafeInteger(),
      big,
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
    ),
  }));

  test('give every value of JSON back, of the same type, in every JSON format', async () => {
    const property = fc.asyncProperty(fc.array(value, { maxLength: 8 }), async (items) => {
      for (const name of ['a.jsonl', 'a.json', 'a.jsonl.gz', 'a.json.zst']) {
        const once = await back(items, name);
        expect(once.length).toBe(items.length);
        for (const [i, item] of once.entries()) expect(item).toEqual(items[i]);
        expect(await back(once, name)).toStrictEqual(once);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('give every text of a table back in CSV, and in TSV where it holds it', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('"', 'a"b', ',', '\t', '\r\n', ' x ', '#', ';'),
    );
    const property = fc.asyncProperty(fc.array(fc.record({ a: cell, b: cell }), { minLength: 1 }), async (rows) => {
      expect(await back(rows, 'a.csv.gz')).toEqual(rows);
      const plain = rows.filter((row) => !/[\t\r\n]/.test(row.a + row.b));
      if (plain.length > 0) expect(await back(plain, 'a.tsv')).toEqual(plain);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('keep all that Parquet files hold: the second trip changes nothing', async () => {
    const typed = await all(DatasetStream.fromFile(join(__dirname, 'parquet', 'values.parquet')));
    for (const name of ['v.jsonl', 'v.json', 'v.jsonl.zst']) {
      const once = await back(typed, name);
      expect(await back(once, name)).toStrictEqual(once);
      expect(once[0]).toMatchObject({
        date: '1969-12-31',
        millis: '2024-02-29T12:34:56.789Z',
        micros: '2024-02-29T12:34:56.789999Z',
        nanos: '2024-02-29T12:34:56.789999999Z',
        bytes: 'AP8=',
        list: [1, null, 2n ** 60n],
        map: { k: 1, big: 2n ** 60n },
        float: 0.5,
      });
      expect(once[1]).toMatchObject({
        int64: 2n ** 63n - 1n,
        uint64: 2n ** 64n - 1n,
        double: 'NaN',
        float: '-Infinity',
      });
    }
  });

  test('compress with any number of members', async () => {
    const path = target('many.jsonl.gz');
    const writer = ResultWriter.toFile<unknown>(path, { batchSize: 2 });
    for (let i = 0; i < 7; i += 1) await writer.write({ i });
    await writer.close();
    expect(gunzipSync(readFileSync(path)).toString()).toBe([0, 1, 2, 3, 4, 5, 6].map((i) => `{"i":${i}}\n`).join(''));
  });
});
