import { createWriteStream, existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { all, longestTurn, numbers, threadMs } from './items';

const directory = mkdtempSync(join(tmpdir(), 'reading-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function fileOf(name: string, rows: number, row: (i: number) => string): Promise<string> {
  const file = join(directory, name);
  const out = createWriteStream(file);
  for (let i = 0; i < rows; i += 1) out.write(`${row(i)}\n`);
  out.end();
  await finished(out);
  return file;
}

async function* generate<T>(count: number, item: (i: number) => T) {
  for (let i = 0; i < count; i += 1) yield item(i);
}

describe('bufferSize and maxMemory of a stream that reads', () => {
  const rows = numbers(3000).map((i) => ({ i }));

  test('let the very same items through, without a detour out of the heap', async () => {
    for (const source of [rows, generate(3000, (i) => rows[i])]) {
      const got = await DatasetStream.from<unknown>(source as never, { bufferSize: 10, batchSize: 2500 }).process(
        async (batch) => batch,
      );
      expect(got.every((row, i) => row === rows[i])).toBe(true);
      expect(got).toHaveLength(3000);
    }
  });

  test('write nothing that could fail', async () => {
    const limits = { batchSize: 2000, bufferSize: 10, maxMemory: 1000, spillDirectory: join(directory, 'missing') };
    const file = await fileOf('wide.jsonl', 3000, (i) => JSON.stringify({ i, text: `${Math.random()}`.repeat(20) }));
    const sources = [
      DatasetStream.from(rows, limits),
      DatasetStream.from(
        generate(3000, (i) => ({ i })),
        limits,
      ),
      DatasetStream.fromFile<{ i: number }>(file, limits).map((row) => row),
    ];
    for (const stream of sources) {
      expect(await stream.process(async (batch) => batch.map(({ i }) => i))).toEqual(numbers(3000));
    }
  });
});

describe('the event loop', () => {
  const wide = (i: number) => JSON.stringify(Object.fromEntries(numbers(2000).map((k) => [`column${k}`, i + k])));
  const deep = (i: number) => `${'{"a":'.repeat(1000)}${i}${'}'.repeat(1000)}`;

  test.each([
    ['wide', 500, wide],
    ['deep', 500, deep],
  ])('has its turns in batches of %s rows of a file', async (name, rows, row) => {
    const file = await fileOf(`${name}.jsonl`, rows, row);
    const read = async () => {
      for await (const batch of DatasetStream.fromFile(file).batches()) expect(batch).toHaveLength(50);
    };
    // The least of some runs: what a collector or a neighbour on the core adds to one is not the stream's.
    const longest: number[] = [];
    for (let run = 0; run < 4; run += 1) longest.push(await longestTurn(read));
    expect(Math.min(...longest)).toBeLessThan(20);
  });

  test('has its turns in a batch from a generator that never waits, and an abort is noticed', async () => {
    const stream = (count: number) => DatasetStream.from(generate(count, (i) => i));
    const read = async () => {
      for await (const batch of stream(200_000).batches(100_000)) expect(batch).toHaveLength(100_000);
    };
    await read();
    expect(await longestTurn(read)).toBeLessThan(50);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 5);
    await expect(stream(5_000_000).batches(5_000_000, { signal: abort.signal }).next()).rejects.toThrow(/abort/);
  });
});

describe('the time of a batch', () => {
  test('is in proportion to its size; map and filter take a few times as long', async () => {
    const file = await fileOf('tiny.jsonl', 1_000_000, (i) => `{"i":${i}}`);
    const timed = async (work: () => Promise<unknown>) => {
      const start = threadMs();
      await work();
      return threadMs() - start;
    };
    const first = (size: number) => timed(() => DatasetStream.fromFile(file).batches(size).next());
    await first(1_000_000);
    const quarter = Math.min(await first(250_000), await first(250_000), await first(250_000));
    const whole = Math.min(await first(1_000_000), await first(1_000_000), await first(1_000_000));
    // 16 times as long if it were quadratic; a collector that meets a large heap makes it more than 4.
    expect(whole).toBeLessThan(quarter * 10);
    const plain = await timed(() => DatasetStream.fromFile(file).process(() => {}));
    const derived = DatasetStream.fromFile(file)
      .map((row) => row)
      .filter(() => true);
    expect(await timed(() => derived.process(() => {}))).toBeLessThan(plain * 9);
  });
});

test.skipIf(!existsSync('/proc/self/fd'))(
  'what read a file goes with its last item, not with the collector',
  async () => {
    const file = await fileOf('read.jsonl', 3000, (i) => JSON.stringify({ i, text: 'x'.repeat(100) }));
    const open = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === file;
        } catch {
          return false;
        }
      });
    const stream = DatasetStream.fromFile(file);
    for await (const batch of stream.batches()) {
      expect(batch.length).toBeGreaterThan(0);
    }
    expect(open()).toEqual([]);
    expect(stream.getStats().memoryUsage).toBe(0);
  },
);

test('streams made of a stream leave nothing on it behind, and are told of its invalid records meanwhile', async () => {
  const file = await fileOf('bad.jsonl', 20, (i) => (i === 10 ? '{bad' : `{"i":${i}}`));
  const read = DatasetStream.fromFile<{ i: number }>(file, { onInvalid: 'skip' });
  const lines: number[] = [];
  const derived = read.map(({ i }) => i).filter(() => true);
  derived.on('invalid', ({ line }) => lines.push(line));
  expect(await all(derived)).toHaveLength(19);
  expect(lines).toEqual([11]);
  const pushed = new DatasetStream<number>();
  for (const n of numbers(60)) pushed.push(n);
  for (let i = 0; i < 20; i += 1) expect(await all(pushed.take(3))).toHaveLength(3);
  expect(pushed.eventNames()).toEqual([]);
  expect(read.eventNames()).toEqual([]);
});
