/** Pipes, standard input and devices: read once, in order, and given up at any time. */
import { execFileSync, spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { all, numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'pipes-'));
afterAll(() => rmSync(directory, { recursive: true }));

let pipes = 0;
function fifo(name = 'pipe'): string {
  pipes += 1;
  const path = join(directory, `${pipes}-${name}`);
  execFileSync('mkfifo', [path]);
  return path;
}

const library = JSON.stringify(createRequire(__filename).resolve('@aah/ai-evals/performance'));
const cases = numbers(2000).map((i) => ({ id: `c${i}`, n: i }));
const jsonl = cases.map((item) => `${JSON.stringify(item)}\n`).join('');
const csv = `id,n\n${cases.map(({ id, n }) => `${id},${n}\n`).join('')}`;

/** Writes to a pipe what is given, once somebody reads it. */
async function writeTo(path: string, bytes: string | Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  await file.writeFile(bytes);
  await file.close();
}

/** Runs a program of this library with a shell; its output and exit code. */
function run(program: string, shell: (node: string) => string): Promise<{ out: string; code: number | null }> {
  pipes += 1;
  const file = join(directory, `program-${pipes}.cjs`);
  writeFileSync(file, `const { DatasetStream } = require(${library});\n${program}`);
  const child = spawn('bash', ['-c', shell(`${process.execPath} ${file}`)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ out, code })));
}

const COUNT = `(async () => {
  let n = 0;
  for await (const { id } of DatasetStream.fromFile(process.argv[2], JSON.parse(process.argv[3] ?? '{}'))) {
    if (id !== 'c' + n) throw new Error('out of order at ' + n);
    n += 1;
  }
  console.log(n);
})();`;

describe.skipIf(process.platform === 'win32')('fromFile of a named pipe', () => {
  test.each([
    ['JSON lines', 'a.jsonl', jsonl],
    ['JSON lines without a name for them', 'pipe', jsonl],
    ['a JSON array', 'pipe', JSON.stringify(cases)],
    ['an object with testCases on one line', 'pipe', `${JSON.stringify({ testCases: cases })}\n`],
    ['a pretty JSON document', 'a.json', JSON.stringify({ name: 'x', testCases: cases }, null, 2)],
    ['gzip', 'pipe', gzipSync(jsonl)],
  ])('gives all of %s, in order', async (_, name, bytes) => {
    const path = fifo(name);
    const [items] = await Promise.all([all(DatasetStream.fromFile(path)), writeTo(path, bytes)]);
    expect(items).toEqual(cases);
  });

  test('gives all of CSV, plain and compressed', async () => {
    for (const bytes of [csv, gzipSync(csv)]) {
      const path = fifo('a.csv');
      const [items] = await Promise.all([all(DatasetStream.fromFile(path)), writeTo(path, bytes)]);
      expect(items).toEqual(cases.map(({ id, n }) => ({ id, n: String(n) })));
    }
  });

  test('gives all of Parquet, through a temporary file', async () => {
    const bytes = readFileSync(join(__dirname, 'parquet', 'codec-snappy.parquet'));
    const expected = JSON.parse(readFileSync(join(__dirname, 'parquet', 'expected.json'), 'utf8'));
    for (const sent of [bytes, gzipSync(bytes)]) {
      const path = fifo();
      const [items] = await Promise.all([all(DatasetStream.fromFile(path)), writeTo(path, sent)]);
      expect(items).toEqual(expected);
    }
    const path = fifo();
    const lost = DatasetStream.fromFile(path, { spillDirectory: join(directory, 'missing') });
    const [outcome] = await Promise.allSettled([all(lost), writeTo(path, bytes).catch(() => {})]);
    expect(outcome).toMatchObject({ reason: { code: 'ERR_DATASET', message: expect.stringContaining('missing') } });
  });

  test('gives each element of a document as it comes', async () => {
    const path = fifo('a.json');
    const items = DatasetStream.fromFile(path)[Symbol.asyncIterator]();
    const first = items.next();
    const writer = await open(path, 'w');
    await writer.write('[{"n":1},{"n"');
    expect(await first).toEqual({ done: false, value: { n: 1 } });
    await writer.write(':2},');
    expect(await items.next()).toEqual({ done: false, value: { n: 2 } });
    await writer.write('{"n":3}]');
    await writer.close();
    expect(await items.next()).toEqual({ done: false, value: { n: 3 } });
    expect(await items.next()).toMatchObject({ done: true });
  });

  test('gives a single row before the writer ends', async () => {
    const path = fifo();
    const items = DatasetStream.fromFile(path)[Symbol.asyncIterator]();
    const first = items.next();
    const writer = await open(path, 'w');
    await writer.write('{"id":1}\n');
    expect(await first).toEqual({ done: false, value: { id: 1 } });
    await writer.close();
    expect(await items.next()).toMatchObject({ done: true });
  });

  test('counts what was read and knows the total at the end', async () => {
    const path = fifo('a.jsonl');
    const stream = DatasetStream.fromFile(path);
    await Promise.all([stream.process(async () => {}), writeTo(path, jsonl)]);
    const { itemsRead, itemsTotal, bytesRead, bytesTotal } = stream.getStats();
    expect([itemsRead, itemsTotal, bytesRead, bytesTotal]).toEqual([2000, 2000, jsonl.length, undefined]);
  });
});

describe.skipIf(process.platform === 'win32')('fromFile of a pipe that nobody writes to', () => {
  test('an abort, return(), break by close() and destroy() end the waiting', async () => {
    const abort = new AbortController();
    const processed = DatasetStream.fromFile(fifo()).process(async () => {}, { signal: abort.signal });
    abort.abort();
    await expect(processed).rejects.toThrow(/abort/);
    const iteration = DatasetStream.fromFile(fifo()).items();
    const next = iteration.next();
    expect(await iteration.return()).toMatchObject({ done: true });
    expect(await next).toMatchObject({ done: true });
    const stream = DatasetStream.fromFile(fifo());
    const waiting = stream.map((item) => item).process(async (batch) => batch);
    await stream.close();
    expect(await waiting).toEqual([]);
    const readable = DatasetStream.fromFile(fifo()).toReadable();
    readable.on('data', () => {});
    readable.destroy();
    await new Promise((resolve) => readable.on('close', resolve));
  });

  test('a hundred of them leave the threads of the pool to others', async () => {
    const streams = numbers(100).map(() => DatasetStream.fromFile(fifo()));
    const waiting = streams.map((stream) => all(stream));
    // Reading a file takes a thread of the pool.
    const bytes: unknown[] = [];
    for await (const chunk of createReadStream(__filename)) bytes.push(chunk);
    expect(bytes.length).toBeGreaterThan(0);
    for (const stream of streams) await stream.close();
    expect(await Promise.all(waiting)).toEqual(numbers(100).map(() => []));
  });

  test('the process ends after an abort, at process.exit(), and when nobody waits', async () => {
    const programs = {
      abort: `DatasetStream.fromFile(process.argv[2])
        .process(() => {}, { signal: AbortSignal.timeout(50) }).catch(() => console.log('ended'));`,
      exit: `all = DatasetStream.fromFile(process.argv[2]).process(() => {});
        setTimeout(() => { console.log('ended'); process.exit(); }, 50);`,
      'derived abort': `DatasetStream.fromFile(process.argv[2]).map((x) => x).filter(() => true)
        .process(() => {}, { signal: AbortSignal.timeout(50) }).catch(() => console.log('ended'));`,
    };
    for (const program of Object.values(programs)) {
      expect(await run(program, (node) => `${node} ${fifo()}`)).toEqual({ out: 'ended\n', code: 0 });
    }
  });

  test('a consumer that waits keeps the process alive until the writer comes', async () => {
    const path = fifo('late.jsonl');
    const late = run(
      COUNT,
      (node) => `${node} ${path} & (sleep 0.5; cat > ${path}) < ${file('cases.jsonl', jsonl)}; wait $!`,
    );
    expect((await late).out).toBe('2000\n');
  });
});

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe.skipIf(process.platform === 'win32')('fromFile of standard input', () => {
  const lines = file('rows.jsonl', jsonl);
  const rows = file('rows.csv', csv);

  test.each([
    ['/dev/stdin behind a pipe', (node: string) => `cat ${lines} | ${node} /dev/stdin`],
    ['/dev/stdin behind a compressing pipe', (node: string) => `gzip -c ${lines} | ${node} /dev/stdin`],
    ['/dev/stdin from a file', (node: string) => `${node} /dev/stdin < ${lines}`],
    ['/dev/stdin of CSV', (node: string) => `cat ${rows} | ${node} /dev/stdin '{"format":"csv"}'`],
    ['a process substitution', (node: string) => `${node} <(cat ${lines})`],
    ['/dev/fd/3', (node: string) => `${node} /dev/fd/3 3< <(cat ${lines})`],
  ])('reads %s', async (_, shell) => {
    expect(await run(COUNT, shell)).toEqual({ out: '2000\n', code: 0 });
  });

  test('reads the socket that Node gives a child process', async () => {
    const program = file('socket.cjs', `const { DatasetStream } = require(${library});\n${COUNT}`);
    const child = spawn(process.execPath, [program, '/dev/stdin'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(jsonl);
    let out = '';
    for await (const data of child.stdout) out += data;
    expect(out).toBe('2000\n');
  });

  test('has no items where there is nothing', async () => {
    expect(await run(COUNT, (node) => `${node} /dev/stdin < /dev/null`)).toEqual({ out: '0\n', code: 0 });
    expect(await all(DatasetStream.fromFile('/dev/null'))).toEqual([]);
  });
});
