import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import * as zlib from 'node:zlib';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { all, numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'sources-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(name: string, content: string | Uint8Array): string {
  files += 1;
  const path = join(directory, `${files}-${name}`);
  writeFileSync(path, content);
  return path;
}

const jsonl = (items: unknown[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');
/** Open files of this process, where the system tells. */
const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);

describe('fromFile', () => {
  const cases = Array.from({ length: 3000 }, (_, i) => ({
    id: `c${i}`,
    input: `é ${i}`,
    expected: { n: [i, null, true] },
  }));

  // Only later versions of Node can write it.
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (text: string) => Buffer };
  const zstdCases: [string, Buffer][] = zstdCompressSync
    ? [
        ['a.jsonl.zst', zstdCompressSync(jsonl(cases))],
        ['a.json.zst', zstdCompressSync(JSON.stringify(cases))],
      ]
    : [];

  test.each([
    ['a.jsonl', jsonl(cases)],
    ['a.json', JSON.stringify(cases)],
    ['pretty.json', JSON.stringify(cases, null, 2)],
    ['object.json', JSON.stringify({ name: 'x', testCases: cases, version: [1, { testCases: [] }] }, null, 1)],
    ['lines.json', jsonl(cases)],
    ['crlf.jsonl', `\uFEFF${jsonl(cases).replaceAll('\n', '\r\n\r\n').trimEnd()}`],
    ['a.jsonl.gz', zlib.gzipSync(jsonl(cases))],
    ['gzip-by-content.jsonl', zlib.gzipSync(jsonl(cases))],
    [
      'members.jsonl.gz',
      Buffer.concat([zlib.gzipSync(jsonl(cases.slice(0, 999))), zlib.gzipSync(jsonl(cases.slice(999)))]),
    ],
    ['padded.jsonl.gz', Buffer.concat([zlib.gzipSync(jsonl(cases)), Buffer.alloc(512)])],
    ...zstdCases,
  ])('%s gives what JSON.parse gives, by process and by iteration', async (name, content) => {
    const path = file(name, content);
    expect(await DatasetStream.fromFile(path).process(async (batch) => batch)).toEqual(cases);
    expect(await all(DatasetStream.fromFile(pathToFileURL(path)))).toEqual(cases);
  });

  test('gives the values of JSON.parse: repeated and __proto__ members, lone surrogates', async () => {
    const lines = [
      '{"a":1,"a":2}',
      '{"__proto__":{"x":1}}',
      '1e400',
      '1234567890123456789.5',
      '"\\ud800"',
      '-0',
      '[[[]]]',
    ];
    const items = await all(DatasetStream.fromFile(file('odd.jsonl', lines.join('\n'))));
    expect(items).toStrictEqual(lines.map((line) => JSON.parse(line)));
    expect(Object.keys(items[1])).toEqual(['__proto__']);
  });

  test('reads zstd of any number of frames, told by content, and refuses it cut off', async () => {
    // Two frames, as `zstd -c a; zstd -c b` writes them.
    const frames = 'KLUv/SQSkQAAeyJpZCI6MX0KeyJpZCI6Mn0K6COFGCi1L/0kFakAAHsiaWQiOjMsInRleHQiOiLDqSJ9CmEZkrw=';
    const bytes = Buffer.from(frames, 'base64');
    const expected = [{ id: 1 }, { id: 2 }, { id: 3, text: 'é' }];
    for (const name of ['a.jsonl.zst', 'a.jsonl', 'a']) {
      expect(await all(DatasetStream.fromFile(file(name, bytes)))).toEqual(expected);
    }
    const cut = all(DatasetStream.fromFile(file('cut.jsonl.zst', bytes.subarray(0, bytes.length - 5))));
    await expect(cut).rejects.toThrow(/truncated/);
  });

  test('reads CSV with quoted newlines', async () => {
    const path = file('a.csv', 'id,input\r\n1,"two\nlines, ""quoted"""\r\n2,\r\n');
    expect(await all(DatasetStream.fromFile(path))).toEqual([
      { id: '1', input: 'two\nlines, "quoted"' },
      { id: '2', input: '' },
    ]);
  });

  test('rejects at a bad line with file, line and byte offset, after the items before it', async () => {
    const path = file('bad.jsonl', '{"a":1}\n\n{"b": nope}\n{"c":1}\n');
    const seen: unknown[] = [];
    const events: unknown[] = [];
    const stream = DatasetStream.fromFile(path, { batchSize: 10 });
    stream.on('error', (event) => events.push(event));
    const processed = stream.process(async (batch) => {
      seen.push(...batch);
    });
    await expect(processed).rejects.toMatchObject({
      name: 'DatasetError',
      code: 'ERR_DATASET',
      file: path,
      line: 3,
      byteOffset: 9,
    });
    await expect(processed).rejects.toThrow(`${path}:3: not valid JSON`);
    expect(seen).toEqual([{ a: 1 }]);
    expect(events).toHaveLength(1);
    await expect(stream.process(async () => {})).rejects.toThrow('not valid JSON');
  });

  test('leaves bad lines out with onInvalid: skip, counts and reports them', async () => {
    const path = file(
      'skip.jsonl',
      Buffer.concat([Buffer.from('1\n{\n2\n'), Buffer.from([0xff, 10]), Buffer.from('3')]),
    );
    const stream = DatasetStream.fromFile(path, { onInvalid: 'skip' });
    const reports: { line: number; byteOffset: number; file: string }[] = [];
    stream.on('invalid', (record) => reports.push(record));
    expect(await all(stream)).toEqual([1, 2, 3]);
    expect(stream.getStats().itemsSkipped).toBe(2);
    const derived = DatasetStream.fromFile(path, { onInvalid: 'skip' }).map((n) => n);
    derived.on('invalid', (record) => reports.push(record));
    await all(derived);
    expect(derived.getStats().itemsSkipped).toBe(2);
    expect(reports.splice(2)).toHaveLength(2);
    expect(reports.map(({ file, line, byteOffset }) => [file, line, byteOffset])).toEqual([
      [path, 2, 2],
      [path, 4, 6],
    ]);
  });

  test.each([
    ['a missing file', join(directory, 'nowhere.jsonl'), 'no such file'],
    ['a directory', directory, 'is a directory'],
    ['a binary file', file('image.jsonl', new Uint8Array([0x89, 80, 78, 71, 0, 0, 1])), 'binary'],
    ['UTF-16', file('wide.jsonl', Buffer.from('\uFEFF{"a":1}\n', 'utf16le')), 'UTF-16'],
    ['Latin-1', file('latin.jsonl', Buffer.from('{"a":"é"}\n', 'latin1')), 'not valid UTF-8'],
    ['truncated gzip', file('cut.jsonl.gz', zlib.gzipSync(jsonl(numbers(9999))).subarray(0, 5000)), 'truncated'],
    ['an object without cases', file('other.json', '{"cases":[1]}'), 'no member `testCases` (it has `cases`)'],
    ['an unfinished array', file('half.json', '[1,2'), 'ends within the array'],
    ['a bad member', file('member.json', '{"testCases":[],"rest": !!!garbage}'), 'not valid JSON'],
    ['an empty document', file('empty.json', ''), 'is empty'],
    ['an unknown format', file('notes.txt', 'hello'), "pass `format: 'jsonl'"],
  ])('%s is one clear error, by process and by iteration', async (_, path, message) => {
    for (const consume of [(s: DatasetStream) => s.process(async () => {}), (s: DatasetStream) => all(s)]) {
      const failure = await consume(DatasetStream.fromFile(path)).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ name: 'DatasetError', code: 'ERR_DATASET', file: path });
      expect((failure as Error).message).toContain(message);
      expect((failure as Error).message).toContain(path);
    }
  });

  test('reads a 10 MB line and a 20 MB document', async () => {
    const long = 'x'.repeat(10 << 20);
    const lengths = (stream: DatasetStream<string>) => all(stream.map((text) => text.length));
    expect(await lengths(DatasetStream.fromFile(file('long.jsonl', jsonl(['a', long, 'b']))))).toEqual([
      1,
      10 << 20,
      1,
    ]);
    const object = JSON.stringify({ ignored: long, testCases: ['a', long], more: long });
    expect(await lengths(DatasetStream.fromFile(file('long.json', object)))).toEqual([1, 10 << 20]);
  });

  test('one bad byte is one bad line, and a quote that is never closed does not swallow rows', async () => {
    const read = async (path: string) => {
      const stream = DatasetStream.fromFile(path, { onInvalid: 'skip' });
      return { items: await all(stream), skipped: stream.getStats().itemsSkipped };
    };
    const nul = file('nul.jsonl', '{"a":1}\n{"a":"x\0y"}\n{"a":3}\n');
    expect(await read(nul)).toEqual({ items: [{ a: 1 }, { a: 3 }], skipped: 1 });
    const torn = file('torn.csv', 'a,b\r\n1,2\r\n3,"torn, text\nof, lines');
    expect(await read(torn)).toEqual({ items: [{ a: '1', b: '2' }], skipped: 1 });
    const open = file('open.csv', `a,b\n1,"oops\n${'2,ok\n'.repeat(50_000)}`);
    await expect(read(open)).rejects.toMatchObject({ code: 'ERR_DATASET', line: 2 });
    await expect(read(open)).rejects.toThrow('a quote is opened on line 2 and never closed');
  });

  test('tells JSON lines with a long first line from a document', async () => {
    const long = 'x'.repeat(300_000);
    const lines = [{ a: long }, { a: 1 }];
    for (const name of ['lines.json', 'lines.txt', 'lines']) {
      expect(await all(DatasetStream.fromFile(file(name, jsonl(lines))))).toEqual(lines);
    }
    const document = JSON.stringify({ long, '\ud800': [long], testCases: lines });
    expect(await all(DatasetStream.fromFile(file('document', document)))).toEqual(lines);
  });

  test('reads numbers whole that lie across reads of a document', async () => {
    // Some 300 KB: one read ends at every byte of a record in turn.
    const text = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => ({ n: -(i + 1) / 8, e: (i + 1) * 1e-30 })));
    for (let shift = 0; shift < 36; shift += 1) {
      const items = await all(DatasetStream.fromFile(file('shift.json', ' '.repeat(shift) + text)));
      expect(JSON.stringify(items) === text).toBe(true);
    }
  });

  test.skipIf(process.platform === 'win32')('a named pipe gives its lines as they come', async () => {
    const pipe = join(directory, 'pipe.jsonl');
    execFileSync('mkfifo', [pipe]);
    const items = DatasetStream.fromFile<number>(pipe)[Symbol.asyncIterator]();
    const first = items.next();
    const writer = await open(pipe, 'w');
    // Each is there before the next one is written.
    for (const [n, next] of [1, 2, 3].map((n) => [n, n === 1 ? first : undefined] as const)) {
      await writer.write(`${n}\n`);
      expect(await (next ?? items.next())).toEqual({ done: false, value: n });
    }
    await writer.close();
    expect(await items.next()).toMatchObject({ done: true });
  });

  test('throws at once on misuse', () => {
    expect(() => DatasetStream.fromFile(undefined as never)).toThrow(TypeError);
    expect(() => DatasetStream.fromFile('')).toThrow(TypeError);
    expect(() => DatasetStream.fromFile('a', { format: 'xml' as never })).toThrow(RangeError);
    expect(() => DatasetStream.fromFile('a', { onInvalid: 'ignore' as never })).toThrow(RangeError);
    expect(() => DatasetStream.fromFile('a').push(1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => DatasetStream.from(5 as never)).toThrow(TypeError);
    expect(() => DatasetStream.from('text' as never)).toThrow(TypeError);
  });

  test('a failed batch leaves the rest for the next process', async () => {
    const stream = DatasetStream.fromFile(file('retry.jsonl', jsonl(numbers(5000))), { batchSize: 10 });
    await expect(stream.process(() => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(await stream.process(async (batch) => batch)).toEqual(numbers(5000).slice(10));
  });

  test('closes the file when it is left early', async () => {
    const path = file('early.jsonl', jsonl(numbers(200_000)));
    const before = openFiles();
    for (let i = 0; i < 5; i += 1) {
      const stream = DatasetStream.fromFile(path);
      for await (const item of stream) if (item === 3) break;
      expect(await all(stream)).toEqual([]);
      expect(await all(DatasetStream.fromFile(path).take(3))).toEqual([0, 1, 2]);
    }
    // A read that was under way ends first.
    await expect.poll(openFiles).toBeLessThanOrEqual(before);
  });

  test('a file that becomes shorter while it is read is an error, one that grows is read to its end', async () => {
    const path = file('changed.jsonl', jsonl(numbers(400_000)));
    const read = (change: () => void) => {
      let first = true;
      // Little memory: it reads a little at a time.
      return DatasetStream.fromFile<number>(path, { maxMemory: 500_000 }).process(async (batch) => {
        if (first) change();
        first = false;
        return batch;
      });
    };
    const longer = await read(() => writeFileSync(path, '"more"\n', { flag: 'a' }));
    expect(longer).toEqual([...numbers(400_000), 'more']);
    await expect(read(() => truncateSync(path, 100))).rejects.toThrow(/became shorter while it was read/);
  });

  test('agrees with readline and JSON.parse over random documents', async () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    const value = (depth: number): unknown => {
      const kind = Math.floor(random() * (depth > 0 ? 8 : 6));
      if (kind === 0) return random() * 1e6;
      if (kind === 1) return 'aé"\\\n日😀\u2028'.slice(Math.floor(random() * 8)).repeat(Math.floor(random() * 40));
      if (kind < 6) return [null, true, -7, ''][kind - 2];
      const members = Array.from({ length: Math.floor(random() * 5) }, () => value(depth - 1));
      return kind === 6 ? members : Object.fromEntries(members.map((member, i) => [`k${i}`, member]));
    };
    const path = file('random.jsonl', jsonl(Array.from({ length: 4000 }, () => value(4))));
    const expected: unknown[] = [];
    for await (const line of createInterface({ input: createReadStream(path) })) expected.push(JSON.parse(line));
    expect(await all(DatasetStream.fromFile(path))).toStrictEqual(expected);
  });
});
