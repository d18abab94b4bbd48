/** CSV and TSV: the options of `fromFile`, and the formats that `toFile` picks by name. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { DatasetStream, ResultWriter } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { all } from './items';

const directory = mkdtempSync(join(tmpdir(), 'rows-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function path(name: string): string {
  files += 1;
  return join(directory, `${files}-${name}`);
}
function file(name: string, content: string | Uint8Array): string {
  const made = path(name);
  writeFileSync(made, content);
  return made;
}
const read = (name: string, content: string | Uint8Array, options = {}) =>
  all(DatasetStream.fromFile(file(name, content), options));

describe('fromFile of TSV', () => {
  const text = 'id\tsaid\n1\t"no end\n2\t5" disk\n';

  test('takes a quote for text', async () => {
    const rows = [
      { id: '1', said: '"no end' },
      { id: '2', said: '5" disk' },
    ];
    for (const name of ['a.tsv', 'a.tab', 'A.TSV']) expect(await read(name, text), name).toEqual(rows);
    expect(await read('a.tsv.gz', gzipSync(text))).toEqual(rows);
    expect(await read('a.txt', text, { format: 'tsv' })).toEqual(rows);
  });

  test('has quotes where quote says so', async () => {
    expect(await read('a.tsv', 'a\tb\n"x\ty"\tz\n', { quote: '"' })).toEqual([{ a: 'x\ty', b: 'z' }]);
  });
});

describe('delimiter', () => {
  test.each([';', '|', '\t', ':', ' ', '\x1f', '^'])('separates by %j in files of any name', async (delimiter) => {
    const text = `a${delimiter}b\n1,5${delimiter}"x${delimiter}y"\n`;
    for (const name of ['a.csv', 'a.txt', 'a.data.gz']) {
      const content = name.endsWith('gz') ? gzipSync(text) : text;
      expect(await read(name, content, { delimiter })).toEqual([{ a: '1,5', b: `x${delimiter}y` }]);
    }
  });

  test('is asked for where a header of one column looks like several', async () => {
    await expect(read('a.csv', 'id;input\n1;x\n')).rejects.toMatchObject({
      code: 'ERR_DATASET',
      line: 1,
      message: expect.stringContaining("pass `delimiter: ';'`"),
    });
    await expect(read('a.tsv', 'id,input\n1,x\n', { onInvalid: 'skip' })).rejects.toThrow("pass `delimiter: ','`");
    expect(await read('a.csv', 'id;input\n1;x\n', { delimiter: ',' })).toEqual([{ 'id;input': '1;x' }]);
    expect(await read('a.csv', 'text\na;b\n')).toEqual([{ text: 'a;b' }]);
  });
});

describe('header', () => {
  test('makes arrays of the rows where it is false', async () => {
    expect(await read('a.csv', '1,"a,b"\n2,\n', { header: false })).toEqual([
      ['1', 'a,b'],
      ['2', ''],
    ]);
    await expect(read('a.csv', '1,2\n3\n', { header: false })).rejects.toThrow('the row has 1 fields, the first row 2');
  });

  test('names the columns of a file without a header', async () => {
    expect(await read('a.tsv', '1\t2\n', { header: ['a', '__proto__'] })).toEqual([
      Object.defineProperty({ a: '1' }, '__proto__', { value: '2', enumerable: true }),
    ]);
    await expect(read('a.csv', '1\n', { header: ['a', 'b'] })).rejects.toThrow('the row has 1 fields, the header 2');
  });
});

describe('comment and quote', () => {
  test('leave lines out, and take another character for a quote', async () => {
    const text = "#made by hand\r\na,b\r\n# 'x\r\n1,'#,''2'\r\n#";
    expect(await read('a.csv', text, { comment: '#', quote: "'" })).toEqual([{ a: '1', b: "#,'2" }]);
    expect(await read('a.csv', 'a\n"x\n', { quote: false })).toEqual([{ a: '"x' }]);
  });

  test('report the line of a bad row behind comments', async () => {
    await expect(read('a.csv', '# 1\na,b\n# 3\n1\n', { comment: '#' })).rejects.toMatchObject({ line: 4 });
  });
});

describe('options of rows', () => {
  test.each([
    [{ delimiter: '' }, RangeError],
    [{ delimiter: '::' }, RangeError],
    [{ delimiter: 'é' }, RangeError],
    [{ delimiter: '\n' }, RangeError],
    [{ delimiter: 9 }, TypeError],
    [{ quote: true }, TypeError],
    [{ delimiter: ',', quote: ',' }, RangeError],
    [{ comment: '##' }, RangeError],
    [{ header: true }, TypeError],
    [{ header: [] }, RangeError],
    [{ header: ['a', 'a'] }, RangeError],
    [{ header: [1] }, TypeError],
    [{ format: 'jsonl', delimiter: ';' }, RangeError],
    [{ format: 'parquet', header: false }, RangeError],
  ])('%j throws at once', (options, error) => {
    expect(() => DatasetStream.fromFile('a', options as never)).toThrow(error);
  });
});

describe('toFile', () => {
  const rows = [
    { a: '1', b: 'x,y' },
    { a: '2', b: '' },
  ];
  const save = async (name: string, options = {}) => {
    const made = path(name);
    const writer = ResultWriter.toFile<object>(made, { batchSize: 1, ...options });
    await writer.writeMany(rows);
    await writer.close();
    return made;
  };

  test.each([
    ['a.jsonl', '{"a":"1","b":"x,y"}\n{"a":"2","b":""}\n'],
    ['a.ndjson', '{"a":"1","b":"x,y"}\n{"a":"2","b":""}\n'],
    ['a', '{"a":"1","b":"x,y"}\n{"a":"2","b":""}\n'],
    ['a.json', '[\n{"a":"1","b":"x,y"},\n{"a":"2","b":""}\n]\n'],
    ['a.csv', 'a,b\r\n1,"x,y"\r\n2,\r\n'],
    ['A.CSV', 'a,b\r\n1,"x,y"\r\n2,\r\n'],
    ['a.tsv', 'a\tb\n1\tx,y\n2\t\n'],
  ])('writes what the name %s says, plain and compressed', async (name, text) => {
    expect(readFileSync(await save(name), 'utf8')).toBe(text);
    expect(gunzipSync(readFileSync(await save(`${name}.gz`))).toString()).toBe(text);
    const zstd = await save(`${name}.zst`);
    expect([...readFileSync(zstd).subarray(0, 4)]).toEqual([0x28, 0xb5, 0x2f, 0xfd]);
    for (const made of [await save(name), await save(`${name}.gz`), zstd]) {
      expect(await all(DatasetStream.fromFile(made))).toEqual(rows);
    }
  });

  test.each(['a.parquet', 'a.xlsx', 'a.txt', 'a.csv.xz', 'a.csv.zip', 'a.'])('refuses the name %s', (name) => {
    expect(() => ResultWriter.toFile(path(name))).toThrow(RangeError);
    expect(() => ResultWriter.toFile(path(name), { format: 'csv' })).not.toThrow();
  });

  test('writes whole files when there is nothing to write', async () => {
    for (const [name, text] of [
      ['a.json', '[]\n'],
      ['a.json.gz', '[]\n'],
      ['a.jsonl.gz', ''],
      ['a.csv.gz', ''],
    ] as const) {
      const made = path(name);
      await ResultWriter.toFile(made).close();
      const bytes = readFileSync(made);
      expect(name.endsWith('gz') ? gunzipSync(bytes).toString() : bytes.toString(), name).toBe(text);
      expect(await all(DatasetStream.fromFile(made))).toEqual([]);
    }
  });

  test('refuses what TSV cannot hold, and keeps the rest', async () => {
    const made = path('a.tsv');
    const writer = ResultWriter.toFile<object>(made);
    await expect(writer.write({ a: 'x\ty' })).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    await expect(writer.write({ a: 'x\ny' })).rejects.toThrow(/"a".*write CSV or JSON lines/);
    await writer.write({ a: '"x"' });
    await writer.close();
    expect(readFileSync(made, 'utf8')).toBe('a\n"x"\n');
  });

  test('appends to TSV by the rules of TSV', async () => {
    const made = file('a.tsv', 'a\tb\n"open\t1\n2\tto');
    const writer = ResultWriter.toFile<object>(made, { append: true });
    await writer.write({ b: '3', a: '2' });
    await writer.close();
    expect(readFileSync(made, 'utf8')).toMatch(/^a\tb\n"open\t1\n2\tto\r?\n2\t3\n$/);
  });

  test('cannot append to a JSON array or a compressed file', () => {
    for (const name of ['a.json', 'a.csv.gz', 'a.jsonl.zst']) {
      expect(() => ResultWriter.toFile(path(name), { append: true }), name).toThrow(RangeError);
    }
    expect(() => ResultWriter.toFile(path('a.jsonl'), { columns: ['a'] })).toThrow(RangeError);
    expect(readdirSync(directory).filter((name) => name.startsWith('.aah'))).toEqual([]);
  });
});
