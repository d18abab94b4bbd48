import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetError, DatasetStream, PreciseDate } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';

// Made by parquet/make.py with pyarrow.
const fixture = (name: string) => join(__dirname, 'parquet', name);
const directory = mkdtempSync(join(tmpdir(), 'parquet-'));
afterAll(() => rmSync(directory, { recursive: true }));

const all = <T = unknown>(path: string, options = {}) =>
  DatasetStream.fromFile<T>(path, options).process(async (batch) => batch);

describe('fromFile of Parquet', () => {
  test.each(['none', 'snappy', 'gzip', 'brotli', 'lz4', 'zstd'])(
    'reads all row groups under %s compression as pyarrow does',
    async (codec) => {
      const expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'));
      expect(await all(fixture(`codec-${codec}.parquet`))).toEqual(expected);
    },
  );

  test('every type has its value', async () => {
    const [first, second] = await all<Record<string, unknown>>(fixture('values.parquet'));
    expect(first).toStrictEqual(
      Object.defineProperty(
        {
          bool: true,
          int8: -128,
          int16: -32768,
          int32: -(2 ** 31),
          int64: Number.MIN_SAFE_INTEGER,
          uint8: 0,
          uint32: 0,
          uint64: Number.MAX_SAFE_INTEGER,
          half: 0.5,
          float: 0.5,
          double: 0.1,
          zero: -0,
          text: 'é "日本" 😀\n',
          large: 'a',
          dictionary: 'x',
          bytes: new Uint8Array([0, 255]),
          fixed: new Uint8Array([97, 98, 99]),
          date: '1969-12-31',
          seconds: new Date('2024-02-29T12:34:56Z'),
          millis: new Date('2024-02-29T12:34:56.789Z'),
          micros: new PreciseDate('2024-02-29T12:34:56.789999Z'),
          nanos: new PreciseDate('2024-02-29T12:34:56.789999999Z'),
          time_ms: '01:02:03.004',
          time_us: '01:02:03.000004',
          time_ns: '00:00:00.000000001',
          decimal: 1234567.89,
          decimal_long: '1234567890123456789012345678.0123456789',
          decimal_wide: `${'9'.repeat(40)}.1`,
          list: [1, null, 2n ** 60n],
          lists: [['a'], [], null],
          struct: { a: 2n ** 60n, when: '2000-01-01', s: { b: new Uint8Array([1]) } },
          structs: [{ x: 1.5 }, null, { x: Number.POSITIVE_INFINITY }],
          map: new Map<string, unknown>([
            ['k', 1],
            ['big', 2n ** 60n],
          ]),
          nothing: null,
          uuid: '00000000-0000-0000-0000-000000000001',
          json: { a: [1, null] },
        },
        '__proto__',
        { value: 2n ** 60n, enumerable: true, configurable: true, writable: true },
      ),
    );
    expect(second).toMatchObject({
      int64: 2n ** 63n - 1n,
      uint64: 2n ** 64n - 1n,
      uint32: 2 ** 32 - 1,
      float: Number.NEGATIVE_INFINITY,
      double: Number.NaN,
      bytes: new Uint8Array(),
      seconds: new Date('1901-01-01'),
      millis: new Date('0001-01-01T00:00:00Z'),
      // Before 1970 a part of a millisecond goes to the millisecond it is in, not towards 1970.
      micros: new Date('1969-12-31T23:59:59.000Z'),
      nanos: new Date('1969-12-31T23:59:59.999Z'),
      time_ns: '23:59:59.999999999',
      decimal: -0.05,
      decimal_long: '-1.5000000000',
      decimal_wide: '-0.1',
      uuid: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
      json: 'x',
    });
  });

  test('a null is null in a column of any type', async () => {
    const third = (await all<Record<string, unknown>>(fixture('values.parquet')))[2] as Record<string, unknown>;
    const { zero, ...rest } = third;
    expect(zero).toBe(5e-324);
    expect(Object.keys(rest).length).toBeGreaterThan(30);
    expect(Object.values(rest).filter((value) => value !== null)).toEqual([]);
  });

  test('timestamps of the old INT96 form are dates', async () => {
    expect(await all(fixture('int96.parquet'))).toEqual([
      { int96: new Date('2024-02-29T12:34:56.789Z') },
      { int96: new Date('1969-12-31T23:59:59.999Z') },
      { int96: null },
    ]);
  });

  test('keeps the part of a millisecond of a timestamp', async () => {
    const [first, second] = await all<Record<string, PreciseDate>>(fixture('values.parquet'));
    const { micros, nanos, millis } = first ?? {};
    expect([micros?.nanoseconds, nanos?.nanoseconds]).toEqual([999_000, 999_999]);
    expect(micros?.getTime()).toBe(Date.parse('2024-02-29T12:34:56.789Z'));
    expect(JSON.stringify([nanos, millis])).toBe('["2024-02-29T12:34:56.789999999Z","2024-02-29T12:34:56.789Z"]');
    expect(millis).not.toBeInstanceOf(PreciseDate);
    expect(second?.nanos?.toISOString()).toBe('1969-12-31T23:59:59.999999999Z');
  });

  test('gives no items of no rows, under any name, to iterations and derived streams', async () => {
    expect(await all(fixture('empty.parquet'))).toEqual([]);
    const path = join(directory, 'data');
    writeFileSync(path, readFileSync(fixture('codec-snappy.parquet')));
    const ids: unknown[] = [];
    for await (const { id } of DatasetStream.fromFile(path, { format: 'parquet' }).shard(1, 2).take(3)) ids.push(id);
    expect(ids).toEqual(['case-1', 'case-3', 'case-5']);
  });

  test('refuses what is cut off, damaged or no Parquet with one clear error', async () => {
    const whole = readFileSync(fixture('codec-none.parquet'));
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 4, 40);
    for (const [name, bytes, message] of [
      ['cut.parquet', whole.subarray(0, whole.length - 10), 'is not a whole Parquet file'],
      ['half.parquet', whole.subarray(0, whole.length / 2), 'is not a whole Parquet file'],
      ['damaged.parquet', damaged, 'row 1 of the Parquet file cannot be read'],
      ['text.parquet', '{"id":1}\n', 'is not a Parquet file'],
      ['nothing.parquet', '', 'is not a Parquet file'],
    ] as const) {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      for (const onInvalid of ['throw', 'skip'] as const) {
        const failure = await all(path, { onInvalid }).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(DatasetError);
        expect((failure as Error).message).toContain(`${path}: ${message}`);
      }
    }
  });
});
