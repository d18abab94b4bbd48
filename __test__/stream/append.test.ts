import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DatasetStream, ResultWriter } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'append-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(name: string, content: string | Uint8Array): string {
  files += 1;
  const path = join(directory, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}

async function append(path: string, result: unknown, options = {}): Promise<string> {
  const writer = ResultWriter.toFile(path, { append: true, ...options });
  try {
    await writer.write(result);
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return readFileSync(path, 'utf8');
}

const rowsOf = (path: string) => DatasetStream.fromFile<Record<string, string>>(path).process(async (batch) => batch);

describe('append', () => {
  test('takes nothing from a CSV file that the reader accepts: an inch mark is no quote', async () => {
    const rows = numbers(50_000).map((n) => `${n === 10 ? 'monitor 27"' : `item${n}`},${n}\n`);
    const path = file('inch.csv', `name,score\n${rows.join('')}`);
    const before = await rowsOf(path);
    expect(before).toHaveLength(50_000);
    await append(path, { name: 'new', score: 1 });
    expect(await rowsOf(path)).toEqual([...before, { name: 'new', score: '1' }]);
  });

  test.each([
    ['a,b\n1,2\n3,4', 'a,b\n1,2\n3,4\r\n5,6\r\n'],
    ['a,b\r\n1,2\r\n3,"4"', 'a,b\r\n1,2\r\n3,"4"\r\n5,6\r\n'],
    ['a,b\r1,2\r', 'a,b\r1,2\r5,6\r\n'],
    ['a,b', 'a,b\r\n5,6\r\n'],
  ])('keeps a last row that lacks only its line end: %j', async (content, expected) => {
    expect(await append(file('whole.csv', content), { a: 5, b: 6 })).toBe(expected);
  });

  test('starts a CSV file afresh that holds nothing but the beginning of its header', async () => {
    for (const torn of ['', 'i', 'id,', 'id,te', 'id,text\r']) {
      const expected = 'id,text\r\n9,z\r\n';
      expect(await append(file('torn.csv', torn), { id: 9, text: 'z' })).toBe(expected);
      expect(await append(file('torn.csv', torn), { text: 'z', id: 9 }, { columns: ['id', 'text'] })).toBe(expected);
    }
  });

  test('refuses with one message when the only row is not the header of these results', async () => {
    const path = file('other.csv', 'id,other');
    const message = `${path}: the header is written and has no column for the member "text" of this result`;
    const failure = await append(path, { id: 1, text: 'x' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_STORAGE',
      message: expect.stringMatching(/^(?!.*could not be written)/),
    });
    expect((failure as Error).message.startsWith(message)).toBe(true);
    const chosen = append(path, { id: 1 }, { columns: ['id', 'text'] });
    await expect(chosen).rejects.toThrow(`${path} cannot be appended to: its header has no column "text"`);
    expect(readFileSync(path, 'utf8')).toBe('id,other');
  });

  test('leaves a torn header for the next writer when closed without results', async () => {
    const path = file('nothing.csv', 'id,');
    await ResultWriter.toFile(path, { append: true }).close();
    expect(readFileSync(path, 'utf8')).toBe('id,');
  });

  test('reads a header of any length', async () => {
    const row = (n: number) => Object.fromEntries(numbers(6000).map((k) => [`column_${k}`, `${n}`]));
    const path = file('wide.csv', '');
    for (const n of [1, 2, 3]) await append(path, row(n));
    expect(await rowsOf(path)).toEqual([row(1), row(2), row(3)]);
    const late = append(path, { column_5999: 1, column_6000: 2 });
    await expect(late).rejects.toThrow('"column_6000"');
  });

  test.each([
    [
      'a quote that goes over rows',
      'rows.csv',
      `a,b\n1,"oops\n${'2,ok\n'.repeat(50_000)}`,
      'a quote is opened on line 2',
    ],
    ['two columns of a name', 'twice.csv', 'a,b,a\n1,2,3\n', 'the column `a` twice'],
    ['compressed data', 'lines.jsonl', gzipSync('{"a":1}\n'), 'is compressed'],
    ['a JSON document', 'document.jsonl', '[\n{"a":1}\n]', 'not a JSON lines file'],
    ['text', 'notes.jsonl', 'hello\nworld', 'not a JSON lines file'],
  ])('refuses rather than cut: %s', async (_, name, content, reason) => {
    const path = file(name, content);
    const failing = append(path, { a: 1, b: 2 });
    await expect(failing).rejects.toMatchObject({ name: 'AiEvalsError', code: 'ERR_STORAGE' });
    await expect(failing).rejects.toThrow(`${path} cannot be appended to: `);
    await expect(failing).rejects.toThrow(reason);
    expect(readFileSync(path)).toEqual(Buffer.from(content));
  });

  test('does not keep a torn number as a result', async () => {
    expect(await append(file('torn.jsonl', '1\n12'), { a: 1 })).toBe('1\n{"a":1}\n');
    expect(await append(file('torn.jsonl', '1\ntrue'), { a: 1 })).toBe('1\ntrue\n{"a":1}\n');
  });

  test('goes on after a tear at any byte, with every result before it', async () => {
    const results = [
      { id: '1', text: 'a\r\nb' },
      { id: '2', text: 'q"x, "" y' },
      { id: '3', text: '日本' },
      { id: '', text: '' },
    ];
    for (const name of ['all.csv', 'all.jsonl']) {
      const whole = file(name, '');
      const writer = ResultWriter.toFile(whole);
      await writer.writeMany(results);
      await writer.close();
      const bytes = readFileSync(whole);
      for (let length = 0; length <= bytes.length; length += 1) {
        const path = file(name, bytes.subarray(0, length));
        await append(path, { id: '9', text: 'z' });
        const rows = await rowsOf(path);
        expect(rows.pop()).toEqual({ id: '9', text: 'z' });
        const expected = results.slice(0, rows.length);
        // A CSV row may be torn within its last field, where nothing tells.
        const last = expected.at(-1);
        const text = rows.at(-1)?.text;
        if (last && name === 'all.csv' && text !== undefined && last.text.startsWith(text)) {
          expected[rows.length - 1] = { ...last, text };
        }
        expect(rows).toEqual(expected);
      }
    }
  });
});
