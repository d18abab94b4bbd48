import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, expect, test } from 'vitest';
import { numbers } from './items';

const directory = mkdtempSync(join(tmpdir(), 'spill-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function through<T>(items: T[], config = {}): Promise<T[]> {
  const stream = new DatasetStream<T>({ bufferSize: 1, maxMemory: 1, spillDirectory: directory, ...config });
  for (const item of items) stream.push(item);
  return stream.process(async (batch) => batch);
}

test('the same values come back from outside the heap', async () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const shared = { n: 1 };
  const values = [
    { date: new Date(7), map: new Map([[{ k: 1 }, new Set([1n])]]), re: /a+/gi },
    { big: 2n ** 80n, nan: Number.NaN, zero: -0, inf: -Infinity, undef: undefined },
    { bytes: new Uint8Array([1, 2, 3]), floats: new Float64Array([0.5, -1]), buffer: new ArrayBuffer(4) },
    { nested: [[['deep', { é: '日本😀\ud800' }]]], sparse: Object.assign(new Array(3), { 0: 1, 2: 3 }) },
    { a: shared, b: shared },
    cyclic,
    JSON.parse('{"__proto__": {"x": 1}, "toJSON": 5}'),
    'text',
    '',
    0,
    false,
    null,
    undefined,
    12n,
  ];
  const back = await through([{ first: true }, ...values] as unknown[]);
  expect(back.slice(1)).toStrictEqual(values);
  const [{ a, b }, again] = [back[5] as { a: unknown; b: unknown }, back[6] as { self: unknown }];
  expect(a).toBe(b);
  expect(again.self).toBe(again);
  expect((back[3] as { bytes: Uint8Array }).bytes.buffer.byteLength).toBe(3);
  expect(Object.keys(back[7] as object)).toEqual(['__proto__', 'toJSON']);
});

test('a value that only seems cloneable stays the very same, and the others go on', async () => {
  const detached = new ArrayBuffer(8);
  structuredClone(detached, { transfer: [detached] });
  let deep: unknown[] = [];
  for (let i = 0; i < 20_000; i += 1) deep = [deep];
  const odd = [
    new Proxy({ u: undefined }, {}),
    { detached },
    deep,
    { deep, u: undefined },
    new Proxy({ plain: 1 }, {}),
  ] as object[];
  const items = odd.flatMap((item, i) => [item, { plain: i, text: 'x'.repeat(400) }, { clone: i, u: undefined }]);
  for (const config of [{}, { maxMemory: 4096 }, { maxMemory: 1e6 }]) {
    const back = await through<object>([{ first: true }, ...items, ...items], config);
    expect(back).toHaveLength(1 + 2 * items.length);
    for (const [at, item] of [...items, ...items].entries()) {
      const got = back[at + 1];
      // Not toEqual: it would follow the 20,000 levels.
      if (at % 3 > 0) expect(got).toStrictEqual(item);
      else expect(got === item).toBe(true);
    }
  }
});

test('class instances, functions, symbols and accessors stay the very same, in order among the others', async () => {
  class Row {
    readonly id = 1;
    get double() {
      return this.id * 2;
    }
  }
  const kept = [
    new Row(),
    () => 1,
    Symbol('s'),
    {
      get live() {
        return 1;
      },
    },
    Object.create({ inherited: 1 }),
    { [Symbol.iterator]: 1 },
    Buffer.from('x'),
    new Error('e'),
    { deep: { row: new Row() } },
    new Proxy({ plain: 1 }, { get: () => 2 }),
    { in: new Proxy([1], {}) },
    Object.assign(/a/g, { lastIndex: 3 }),
    Object.assign(new Map([[1, 2]]), { own: 1 }),
    Object.assign(new Date(5), { [Symbol('own')]: 1 }),
    Object.assign(new Float64Array([1, Number.NaN]), { own: 1 }),
    Object.assign([1], { [Symbol('own')]: 1 }),
  ];
  const items = kept.flatMap((item, i) => [item, { plain: i }]);
  const back = await through(items as unknown[]);
  expect(back).toHaveLength(items.length);
  for (const [i, item] of kept.entries()) {
    expect(back[2 * i]).toBe(item);
    expect(back[2 * i + 1]).toEqual({ plain: i });
  }
});

test('objects without a prototype leave the heap and come back without one', async () => {
  const bare = (members: object): object => Object.assign(Object.create(null), members);
  const rows = numbers(500).map((i) => bare({ i, text: 'x'.repeat(500), nested: { in: [bare({ i })] } }));
  const stream = new DatasetStream<object>({ bufferSize: 1, maxMemory: 50_000, spillDirectory: directory });
  for (const row of rows) stream.push(row);
  expect(stream.getStats().memoryUsage).toBeLessThan(50_000);
  const back = await stream.process(async (batch) => batch);
  // Strict: prototypes count.
  expect(back).toStrictEqual(rows);
  expect(back.filter((row, i) => row === rows[i]).length).toBeLessThan(20);
});

test('views of one large buffer take their own bytes with them; those of a small one, or of the most of it, share it', async () => {
  const [dimensions, count] = [96, 400];
  const matrix = new Float32Array(dimensions * count).map((_, i) => i / 7);
  const rows = numbers(count).map((i) => ({ row: matrix.subarray(i * dimensions, (i + 1) * dimensions) }));
  const back = await through(rows, { maxMemory: 20_000 });
  expect(back).toStrictEqual(rows);
  const left = back.filter(({ row }) => row.buffer !== matrix.buffer);
  expect(left.length).toBeGreaterThan(count / 2);
  for (const { row } of left) expect(row.buffer.byteLength).toBe(4 * dimensions);

  const small = new ArrayBuffer(64);
  const large = new ArrayBuffer(100_000);
  const sharing = [small, large].map((buffer) => ({
    all: new Uint8Array(buffer),
    most: new DataView(buffer, 4, buffer.byteLength - 8),
    buffer,
  }));
  const [, ...shared] = await through([{ first: true } as never, ...sharing]);
  for (const { all, most, buffer } of shared) {
    expect(all.buffer).toBe(buffer);
    expect(most.buffer).toBe(buffer);
    expect([most.byteOffset, most.byteLength]).toEqual([4, buffer.byteLength - 8]);
  }
});

test('an item that is changed after the push comes back as it was at one moment, exactly', async () => {
  const stream = new DatasetStream<Record<string, unknown>>({ bufferSize: 2, spillDirectory: directory });
  const changed = { at: new Date(5), undef: undefined, nan: Number.NaN };
  for (const i of numbers(3000)) {
    const item: Record<string, unknown> = { i };
    stream.push(item);
    Object.assign(item, changed);
  }
  const back = await stream.process(async (batch) => batch);
  for (const [i, item] of back.entries()) expect(item).toStrictEqual({ i, ...('at' in item ? changed : {}) });
});

test('memoryUsage is what is held: it grows with the items, stays within maxMemory and ends at 0', async () => {
  const maxMemory = 4 << 20;
  const stream = new DatasetStream<{ text: string }>({ maxMemory, bufferSize: 1_000_000, spillDirectory: directory });
  let seed = 1;
  const noise = () => {
    let text = '';
    while (text.length < 1000) {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      text += seed.toString(36);
    }
    return text;
  };
  for (let i = 0; i < 1000; i += 1) stream.push({ text: noise() });
  const held = stream.getStats().memoryUsage;
  expect(held).toBeGreaterThan(1000 * 1000);
  expect(held).toBeLessThan(1000 * 1250);
  for (let i = 0; i < 20_000; i += 1) stream.push({ text: noise() });
  expect(stream.getStats().itemsBuffered).toBe(21_000);
  expect(stream.getStats().memoryUsage).toBeLessThanOrEqual(maxMemory);
  let count = 0;
  await stream.process(async (batch) => {
    count += batch.length;
    expect(stream.getStats().memoryUsage).toBeLessThanOrEqual(maxMemory);
  });
  expect(count).toBe(21_000);
  expect(stream.getStats().memoryUsage).toBe(0);
});

test('push throws one clear error where nothing can be written, and accepted items are delivered', async () => {
  const stream = new DatasetStream<{ i: number; text: string }>({
    bufferSize: 10,
    maxMemory: 50_000,
    spillDirectory: join(directory, 'not-there'),
  });
  let accepted = 0;
  const push = () => {
    for (; accepted < 100_000; accepted += 1) stream.push({ i: accepted, text: `${Math.random()}`.repeat(50) });
  };
  expect(push).toThrow(expect.objectContaining({ name: 'AiEvalsError', code: 'ERR_STORAGE' }));
  expect(push).toThrow(/temporary file/);
  expect(accepted).toBeGreaterThan(10);
  expect(stream.getStats().itemsBuffered).toBe(accepted);
  const results = await stream.process(async (batch) => batch.map(({ i }) => i));
  expect(results).toEqual(Array.from({ length: accepted }, (_, i) => i));
  stream.push({ i: -1, text: '' });
  expect(await stream.process(async (batch) => batch.map(({ i }) => i))).toEqual([-1]);
});

const SPILL = `
  const { DatasetStream } = require('@aah/ai-evals/performance');
  const stream = new DatasetStream({ maxMemory: 100000, spillDirectory: process.argv[1] });
  for (let i = 0; i < 20000; i += 1) stream.push({ i, text: String(Math.random()).repeat(20) });
  if (process.argv[2] !== 'exit') {
  console.log(require('node:fs').readlinkSync('/proc/self/fd/' + require('node:fs').readdirSync('/proc/self/fd').find((fd) => {
    try { return require('node:fs').readlinkSync('/proc/self/fd/' + fd).startsWith(process.argv[1]); } catch { return false; }
  })));
  setInterval(() => {}, 1000);
  }
`;

test('a process that is killed while it spills leaves no file behind', async () => {
  const own = join(directory, 'killed');
  mkdirSync(own);
  const child = spawn(process.execPath, ['-e', SPILL, own], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  // It does hold a file there, one without a name.
  expect(text.toString()).toContain(own);
  expect(readdirSync(own)).toEqual([]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readdirSync(own)).toEqual([]);
});

test('a process that has pushed and processes nothing exits by itself', () => {
  const { status } = spawnSync(process.execPath, ['-e', SPILL, directory, 'exit'], { timeout: 20_000 });
  expect(status).toBe(0);
});
