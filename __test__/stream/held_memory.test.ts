import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'held-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** `memoryUsage` of a stream that holds `items` in the heap. */
function heldBy(items: unknown[]): number {
  const stream = new DatasetStream<unknown>({ bufferSize: 1e6, maxMemory: 1e9 });
  for (const item of items) stream.push(item);
  return stream.getStats().memoryUsage;
}

const text = (i: number) => `${i}`.padEnd(1000, 'x');

describe('memoryUsage', () => {
  test('counts a class instance with all that hangs on it', () => {
    class Case {
      readonly input: object;
      constructor(i: number) {
        this.input = {
          messages: [{ role: 'user', content: text(i) }],
          more: new Map([['k', new Set([text(i + 1000)])]]),
        };
      }
    }
    class Rows extends Map<number, string> {}
    const held = heldBy(numbers(100).map((i) => new Case(i)));
    expect(held).toBeGreaterThan(200_000);
    expect(held).toBeLessThan(270_000);
    expect(heldBy([new Rows(numbers(100).map((i) => [i, text(i)]))])).toBeGreaterThan(100_000);
    // Of what is large some is looked at, and the rest counts as much.
    const shared = numbers(1_000_000).map((i) => ({ i }));
    expect(heldBy([Object.assign(new Case(1), { shared })])).toBeGreaterThan(30_000_000);
    expect(heldBy([Object.assign(new Case(1), { shared })])).toBeLessThan(50_000_000);
  });

  test('counts text by what its characters take, wherever the first one beyond Latin-1 is', () => {
    const latin = heldBy([`${'é'.repeat(10_000)}e`]);
    const wide = heldBy([`${'é'.repeat(10_000)}日`]);
    expect(latin).toBeLessThan(10_200);
    expect(wide).toBeGreaterThan(20_000);
  });

  test('counts what the reader of a file has read ahead', async () => {
    const file = join(directory, 'cases.jsonl');
    writeFileSync(
      file,
      numbers(8000)
        .map((i) => JSON.stringify({ i, text: text(i) }))
        .join('\n'),
    );
    const stream = DatasetStream.fromFile(file);
    const items = stream.items();
    await items.next();
    // Two batches of 2 MB.
    await expect.poll(() => stream.getStats().memoryUsage).toBeGreaterThan(3_500_000);
    expect(stream.getStats().memoryUsage).toBeLessThan(8_000_000);
    for await (const _ of items);
    expect(stream.getStats().memoryUsage).toBe(0);
    await stream.close();
    expect(stream.getStats().memoryUsage).toBe(0);
  });
});

test('items that were processed are gone with the next young collection, whatever grew old before them', () => {
  const file = join(directory, 'many.jsonl');
  const more = numbers(20).map((i) => ({ i }));
  const rows = numbers(1000).map((i) => JSON.stringify({ text: text(i).padEnd(1000 + i), more }));
  writeFileSync(file, `${rows.join('\n')}\n`.repeat(40));
  // Old space grows by what outlives two young collections: by next to nothing of the 80 MB that come and go.
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--expose-gc',
      '-e',
      `
      const { getHeapSpaceStatistics } = require('node:v8');
      const { DatasetStream } = require('@aah/ai-evals/performance');
      const old = () => getHeapSpaceStatistics().find((space) => space.space_name === 'old_space').space_used_size;
      let [batches, start, most] = [0, 0, 0];
      DatasetStream.fromFile(${JSON.stringify(file)}).process(async () => {
        batches += 1;
        if (batches === 40) {
          gc();
          start = old();
        }
        if (batches > 40) most = Math.max(most, old() - start);
      }).then(() => console.log(batches, most));
    `,
    ],
    { cwd: fileURLToPath(new URL('../..', import.meta.url)), encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const [batches, most] = stdout.split(' ').map(Number);
  expect(batches).toBeGreaterThan(100);
  expect(most).toBeLessThan(2_000_000);
});

test('a push calls no trap of a Proxy', () => {
  const trap = () => expect.unreachable('a trap was called');
  const hostile = new Proxy(
    { a: 1 },
    { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap },
  );
  const stream = new DatasetStream<unknown>();
  expect(stream.push(hostile)).toBe(true);
  expect(stream.push({ in: [hostile] })).toBe(true);
});

test('the constructor refuses a configuration that is not an object, and an empty directory', () => {
  expect(() => new DatasetStream([] as never)).toThrow(TypeError);
  expect(() => new DatasetStream({ spillDirectory: '' })).toThrow(RangeError);
});
