import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchProcessor, DatasetStream, ResultWriter } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'file-writer-'));
afterAll(() => rmSync(directory, { recursive: true }));

const maker = (Class: unknown) => (config: object) => new (Class as new (config: object) => unknown)(config);

describe('ResultWriter.toFile', () => {
  const read = (path: string) => readFileSync(path, 'utf8');
  let files = 0;
  const target = (name: string) => {
    files += 1;
    mkdirSync(join(directory, `${files}`));
    return join(directory, `${files}`, name);
  };

  test('leaves nothing under the name before close, all lines after it, and no temporary file', async () => {
    const path = target('out.jsonl');
    const writer = ResultWriter.toFile<{ n: number }>(path);
    await Promise.all(numbers(1000).map((n) => writer.write({ n })));
    await writer.flush();
    expect(readdirSync(join(path, '..'))).toEqual([expect.stringMatching(/^\.aah-.*\.tmp$/)]);
    await writer.close();
    await writer.close();
    expect(readdirSync(join(path, '..'))).toEqual(['out.jsonl']);
    expect(read(path)).toBe(
      numbers(1000)
        .map((n) => `{"n":${n}}\n`)
        .join(''),
    );
    expect(writer.getStats()).toMatchObject({ itemsWritten: 1000, itemsBuffered: 0, errors: 0 });
    await expect(writer.write({ n: 1 })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await expect(writer.flush()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('abort waits for a close() under way: the file is there, or close() rejects', async () => {
    const path = target('closing.jsonl');
    const writer = ResultWriter.toFile<number>(path);
    await writer.write(1);
    const closed = writer.close();
    await writer.abort();
    await closed;
    expect(read(path)).toBe('1\n');
    const missing = ResultWriter.toFile<number>(join(path, 'x.jsonl'));
    await missing.write(1);
    const failing = expect(missing.close()).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    await missing.abort();
    await failing;
    await expect(missing.flush()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('a CSV file of one column keeps its empty values', async () => {
    const path = target('one.csv');
    const writer = ResultWriter.toFile<object>(path);
    await writer.writeMany(['a', '', 'b', null].map((output) => ({ output })));
    await writer.close();
    expect(read(path)).toBe('output\r\na\r\n""\r\nb\r\n""\r\n');
    const back = await DatasetStream.fromFile(path).process(async (batch) => batch);
    expect(back).toEqual(['a', '', 'b', ''].map((output) => ({ output })));
  });

  test('an aborted writer leaves the target as it was', async () => {
    const path = target('kept.jsonl');
    writeFileSync(path, 'before');
    const writer = ResultWriter.toFile(path);
    await writer.writeMany(numbers(500));
    await writer.abort();
    expect(read(path)).toBe('before');
    expect(readdirSync(join(path, '..'))).toEqual(['kept.jsonl']);
  });

  test('two writers cannot append to one file at a time, in one process or in two', async () => {
    const path = target('shared.jsonl');
    const open = () => ResultWriter.toFile<string>(path, { append: true, batchSize: 1 });
    const [first, second] = [open(), open()];
    await first.write('a');
    await expect(second.write('b')).rejects.toThrow(/another writer appends to it/);
    await first.write('c');
    await first.close();
    // What was accepted is written once the other one is done.
    await second.close();
    expect(read(path)).toBe('"a"\n"c"\n"b"\n');
    const third = open();
    await third.write('d');
    writeFileSync(path, '"elsewhere"\n', { flag: 'a' });
    await expect(third.write('e')).rejects.toThrow(/another process wrote to it/);
    await third.abort();
    expect(read(path)).toBe('"a"\n"c"\n"b"\n"d"\n"elsewhere"\n');
  });

  test('the file behind a link is replaced, not the link, and keeps its permissions', async () => {
    const path = target('real.jsonl');
    const link = join(path, '..', 'link.jsonl');
    writeFileSync(path, 'old', { mode: 0o600 });
    symlinkSync(path, link);
    const writer = ResultWriter.toFile<number>(link);
    await writer.write(1);
    await writer.close();
    expect(read(path)).toBe('1\n');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    // Windows has no such permissions.
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('CSV comes back as it was written', async () => {
    const path = target('out.csv');
    const rows = numbers(300).map((i) => ({
      id: `${i}`,
      text: ['a,b', 'say "x"', 'two\r\nlines', ' padded ', '', 'é'][i % 6]!,
    }));
    const writer = ResultWriter.toFile<object>(path);
    await writer.writeMany(rows);
    await writer.write({ text: 'other order', id: 'x' });
    await writer.write({ id: 'y', text: { a: [1] } });
    await writer.close();
    const back = await DatasetStream.fromFile(path).process(async (batch) => batch);
    expect(back).toEqual([...rows, { id: 'x', text: 'other order' }, { id: 'y', text: '{"a":[1]}' }]);
  });

  test('append cuts a torn last line off and goes on; a whole one without its end is kept', async () => {
    const path = target('log.jsonl');
    writeFileSync(path, '{"n":0}\n{"n":1}\n{"n":2,"te');
    const first = ResultWriter.toFile<object>(path, { append: true });
    await first.write({ n: 2 });
    await first.flush();
    expect(read(path)).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
    await first.close();
    writeFileSync(path, '{"n":0}');
    const second = ResultWriter.toFile<object>(path, { append: true });
    await second.write({ n: 1 });
    await second.close();
    expect(read(path)).toBe('{"n":0}\n{"n":1}\n');
  });

  test('makes the header of CSV without columns from the first batch, and refuses a later member', async () => {
    const path = target('members.csv');
    const writer = ResultWriter.toFile<object>(path, { batchSize: 2 });
    await writer.write({ a: 1 });
    await writer.write({ a: 2, b: 3 });
    const late = writer.write({ a: 4, 'late one': 5 });
    await expect(late).rejects.toMatchObject({ name: 'AiEvalsError', code: 'ERR_STORAGE' });
    await expect(late).rejects.toThrow(/members\.csv.*"late one".*`columns`/);
    await expect(writer.writeMany([{ a: 6 }, { c: 7 }])).rejects.toThrow('"c"');
    expect(writer.getStats()).toMatchObject({ itemsWritten: 2, itemsBuffered: 0 });
    await writer.write({ b: 8, late: undefined });
    await writer.close();
    expect(read(path)).toBe('a,b\r\n1,\r\n2,3\r\n,8\r\n');
  });

  test('makes the header of CSV from all results that wait, however many', async () => {
    const path = target('many.csv');
    const writer = ResultWriter.toFile<object>(path);
    await writer.writeMany(numbers(2500).map((i) => (i === 2400 ? { i, last: 'x' } : { i })));
    await writer.close();
    const lines = read(path).split('\r\n');
    expect(lines[0]).toBe('i,last');
    expect(lines[2401]).toBe('2400,x');
    expect(lines).toHaveLength(2502);
  });

  test('leaves members out of CSV that are not among columns', async () => {
    const path = target('chosen.csv');
    const writer = ResultWriter.toFile<object>(path, { columns: ['b', 'a'] });
    await writer.writeMany([{ a: 1 }, { a: 2, b: 3, c: 4 }]);
    await writer.close();
    expect(read(path)).toBe('b,a\r\n,1\r\n3,2\r\n');
  });

  test('append to CSV refuses a member, or a chosen column, that the header lacks', async () => {
    const path = target('grown.csv');
    writeFileSync(path, 'a,"b ""q"" x"\r\n1,2\r\n');
    const writer = ResultWriter.toFile<object>(path, { append: true });
    await expect(writer.write({ a: 3, c: 4 })).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    await expect(writer.write({ a: 3, c: 4 })).rejects.toThrow('"c"');
    await writer.write({ a: 5, 'b "q" x': 6 });
    await writer.close();
    const chosen = ResultWriter.toFile<object>(path, { append: true, columns: ['a', 'd'] });
    await expect(chosen.write({ a: 7, d: 8 })).rejects.toThrow('"d"');
    await chosen.abort();
    expect(read(path)).toBe('a,"b ""q"" x"\r\n1,2\r\n5,6\r\n');
  });

  test('throws a TypeError for options of a wrong type, a RangeError for impossible ones', () => {
    for (const name of ['batchSize', 'maxMemory', 'bufferSize']) {
      for (const make of [DatasetStream, BatchProcessor, ResultWriter].map(maker)) {
        expect(() => make({ [name]: null })).toThrow(TypeError);
        expect(() => make({ [name]: undefined })).not.toThrow();
      }
    }
    expect(() => ResultWriter.toFile('a.csv', { batchSize: null as never })).toThrow(TypeError);
    expect(() => ResultWriter.toFile('a.csv', { columns: 'a,b' as never })).toThrow(TypeError);
    expect(() => ResultWriter.toFile('a.csv', { append: 'yes' as never })).toThrow(TypeError);
    expect(() => ResultWriter.toFile('a.csv', { columns: ['a', 'b', 'a'] })).toThrow(RangeError);
    expect(() => ResultWriter.toFile('a.csv', { columns: [] })).toThrow(RangeError);
  });

  test('append to CSV keeps the header and its columns', async () => {
    const path = target('log.csv');
    for (const row of [
      { a: 1, b: 'x\ny' },
      { b: 'z', a: 2 },
    ]) {
      const writer = ResultWriter.toFile<object>(path, { append: true });
      await writer.write(row);
      await writer.close();
      writeFileSync(path, '3,"torn\n', { flag: 'a' });
    }
    expect(read(path)).toBe('a,b\r\n1,"x\ny"\r\n2,z\r\n3,"torn\n');
  });

  test('rejects with one clear error for an unwritable target, and loses nothing', async () => {
    const path = join(target('x'), '..', 'missing', 'out.jsonl');
    const writer = ResultWriter.toFile<number>(path, { batchSize: 2 });
    await writer.write(1);
    const failing = writer.write(2);
    await expect(failing).rejects.toMatchObject({ name: 'AiEvalsError', code: 'ERR_STORAGE' });
    await expect(failing).rejects.toThrow(path);
    mkdirSync(join(path, '..'));
    await writer.close();
    expect(read(path)).toBe('1\n2\n');
    await expect(ResultWriter.toFile(directory).close()).rejects.toThrow(/directory/);
    expect(() => ResultWriter.toFile('')).toThrow(TypeError);
    expect(() => ResultWriter.toFile('a', { format: 'xml' as never })).toThrow(RangeError);
  });

  test.skipIf(process.platform === 'win32')('refuses a target that is no file, and leaves it as it is', async () => {
    const pipe = target('pipe');
    execFileSync('mkfifo', [pipe]);
    const link = target('link');
    symlinkSync(target('nothing'), link);
    for (const [path, reason] of [
      [pipe, 'a pipe or a device'],
      [link, 'a link to nothing'],
    ] as const) {
      for (const append of [false, true]) {
        const writer = ResultWriter.toFile<number>(path, { append });
        await writer.write(1);
        await expect(writer.close()).rejects.toThrow(reason);
        await writer.abort();
      }
    }
    expect(lstatSync(pipe).isFIFO() && lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test('append keeps a line without its end behind a byte order mark', async () => {
    const path = target('mark.jsonl');
    writeFileSync(path, '\ufeff{"a":1}');
    const writer = ResultWriter.toFile<unknown>(path, { append: true });
    await writer.write({ a: 2 });
    await writer.close();
    expect(read(path)).toBe('\ufeff{"a":1}\n{"a":2}\n');
  });

  test('makes an empty file of no results', async () => {
    const path = target('empty.jsonl');
    await ResultWriter.toFile(path).close();
    expect(read(path)).toBe('');
    const csv = target('empty.csv');
    await ResultWriter.toFile(csv, { columns: ['a', 'b'] }).close();
    expect(read(csv)).toBe('a,b\r\n');
  });

  test('refuses a result without a JSON form as a whole', async () => {
    const path = target('odd.jsonl');
    const writer = ResultWriter.toFile<unknown>(path);
    await expect(writer.writeMany([1, undefined])).rejects.toThrow(TypeError);
    await writer.write(2);
    await writer.close();
    expect(read(path)).toBe('2\n');
  });
});
