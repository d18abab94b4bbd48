import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals/performance';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runChild } from '../lifecycle/child.js';
import { canMount, mount } from './mounted.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-on-disk-'));
const config = { model: 'm' };
let n = 0;
const path = () => join(folder, `${++n}`, 'cache.db');

/** Process warnings of this package since the test began. */
let warnings: { message: string; code: string }[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push({ message: warning.message, code: warning.code });
};
/** Warnings are emitted in a later turn. */
const warned = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings;
};

beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(() => {
  process.off('warning', listen);
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true }));

test('an entry of one process is found by the next', async () => {
  const file = path();
  const source = `
    const { ResponseCache, EmbeddingCache } = require('@aah/ai-evals');
    const cache = new ResponseCache({ persist: ${JSON.stringify(file)} });
    (async () => {
      let calls = 0;
      const value = await cache.getOrCompute({ prompt: 'p' }, { model: 'm' }, () => { calls += 1; return { at: new Date(5), n: 7n }; });
      new EmbeddingCache({ persist: ${JSON.stringify(file)} }).set('text', [0.5, 1]);
      console.log(calls, value.at.getTime(), String(value.n));
    })();
  `;
  const [first, second] = [await runChild(source), await runChild(source)];
  expect([first.stdout, second.stdout]).toEqual(['1 5 7\n', '0 5 7\n']);
  expect([first.code, first.stderr]).toEqual([0, '']);
  const cache = new ResponseCache({ persist: file });
  expect(cache.get({ prompt: 'p' }, config)).toEqual({ at: new Date(5), n: 7n });
  expect(cache.getStats()).toMatchObject({ size: 1, maxSize: 100_000, diskUsage: expect.any(Number) });
  expect(cache.getStats().diskUsage).toBeGreaterThan(1000);
  const embeddings = new EmbeddingCache({ persist: file });
  expect(embeddings.get('text')).toEqual([0.5, 1]);
  cache.close();
  embeddings.close();
});

test('the default time to live is 14 days, whatever the class’s own', () => {
  const file = path();
  const cache = new ResponseCache({ persist: file });
  vi.useFakeTimers();
  try {
    cache.set('a', config, 1);
    vi.advanceTimersByTime(13.9 * 86_400_000);
    expect(cache.get('a', config)).toBe(1);
    vi.advanceTimersByTime(0.2 * 86_400_000);
    expect(cache.get('a', config)).toBeUndefined();
  } finally {
    vi.useRealTimers();
    cache.close();
  }
});

test('expired entries leave before live ones, also where they are kept to be refreshed', async () => {
  const cache = new ResponseCache<number>({ persist: path(), maxSize: 3, staleWhileRevalidate: 60_000 });
  cache.set('lives', config, 1);
  for (const key of ['old', 'older']) cache.set(key, config, 2, { ttl: 5 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(cache.getStats().size).toBe(1);
  expect(await cache.getOrCompute('old', config, () => 3)).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(cache.get('old', config), 'refreshed').toBe(3);
  cache.set('new', config, 4);
  expect(['lives', 'old', 'older', 'new'].map((key) => cache.get(key, config))).toEqual([1, 3, undefined, 4]);
  expect(cache.getStats()).toMatchObject({ size: 3, evictions: 0 });
  cache.close();
});

test('a file that is cleared gives its space back', async () => {
  const cache = new ResponseCache<string>({ persist: path() });
  for (let i = 0; i < 1000; i += 1) cache.set(i, config, String(i).padEnd(10_000, 'x'));
  expect(cache.getStats().diskUsage).toBeGreaterThan(10_000_000);
  cache.clear();
  await expect.poll(() => cache.getStats().diskUsage).toBeLessThan(300_000);
  cache.set('k', config, 'v');
  expect(cache.get('k', config)).toBe('v');
  cache.close();
});

test('kill −9 while it writes, 12 times: nothing acknowledged is lost, nothing is damaged', async () => {
  const file = path();
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 12; round += 1) {
    const { stdout, signal } = await runChild(
      `
      const { writeSync } = require('node:fs');
      const { ResponseCache } = require('@aah/ai-evals');
      const cache = new ResponseCache({ persist: ${JSON.stringify(file)} });
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${20 + Math.random() * 150});
      (async () => {
        for (let i = 0; ; i += 1) {
          cache.set('key ' + i % 700, { model: 'm' }, { round: ${round}, i, text: String(i).repeat(500) });
          writeSync(1, i + '\\n');
          if (i % 20 === 0) await new Promise(setImmediate);
        }
      })();
    `,
    );
    expect(signal).toBe('SIGKILL');
    // Its last line may be torn.
    const lines = stdout.split('\n').slice(0, -1);
    for (const line of lines) acknowledged.set(`key ${Number(line) % 700}`, round * 1e6 + Number(line));
  }
  const cache = new ResponseCache<{ round: number; i: number; text: string }>({ persist: file });
  expect(acknowledged.size).toBeGreaterThan(50);
  for (const [key, stamp] of acknowledged) {
    const found = cache.get(key, config);
    expect(found, key).toBeDefined();
    // A later set of the same key may have been written and not acknowledged.
    expect((found?.round ?? 0) * 1e6 + (found?.i ?? 0)).toBeGreaterThanOrEqual(stamp);
    expect(found?.text).toBe(String(found?.i).repeat(500));
  }
  cache.close();
  expect(await warned()).toEqual([]);
});

test('4 processes at once under load, some killed: each value is computed by few, and none is ever wrong', async () => {
  const file = path();
  const source = `
    const { ResponseCache } = require('@aah/ai-evals');
    const cache = new ResponseCache({ persist: ${JSON.stringify(file)}, maxSize: 500 });
    const [killAfter] = process.argv.slice(1).map(Number);
    if (killAfter > 0) setTimeout(() => process.kill(process.pid, 'SIGKILL'), killAfter);
    let calls = 0;
    let wrong = 0;
    (async () => {
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(Array.from({ length: 100 }, async (_, i) => {
          const value = await cache.getOrCompute('question ' + i, { model: 'm' }, async () => {
            calls += 1;
            await new Promise((resolve) => setTimeout(resolve, 5));
            return { i, text: String(i).repeat(1000) };
          });
          if (value.i !== i || value.text !== String(i).repeat(1000)) wrong += 1;
        }));
      }
      console.log(JSON.stringify({ calls, wrong }));
    })();
  `;
  const children = [0, 0, 60, 120].map((killAfter) => runChild(source, { args: [String(killAfter)], timeout: 60_000 }));
  const [one, two, ...killed] = await Promise.all(children);
  const counts = [one, two].map((child) => JSON.parse(child?.stdout || '{}') as { calls: number; wrong: number });
  expect(counts.map(({ wrong }) => wrong)).toEqual([0, 0]);
  // Whoever was not killed computed each question at most once; both together hardly more than there are.
  expect((counts[0]?.calls ?? 0) + (counts[1]?.calls ?? 0)).toBeLessThanOrEqual(100);
  expect(killed.every(({ stderr }) => stderr === '')).toBe(true);
  const cache = new ResponseCache({ persist: file, maxSize: 500 });
  for (let i = 0; i < 100; i += 1) expect(cache.get(`question ${i}`, config)?.i).toBe(i);
  cache.close();
});

describe('a damaged file is set aside with one warning, and the cache starts afresh', () => {
  const damages: Record<string, (file: string) => void> = {
    'no database at all': (file) => writeFileSync(file, 'this is a text, and not a short one either. '.repeat(500)),
    'cut in the middle': (file) => truncateSync(file, Math.floor(statSync(file).size / 2) + 100),
    'overwritten at the start': (file) => {
      const bytes = readFileSync(file);
      bytes.fill(0x5a, 0, 3000);
      writeFileSync(file, bytes);
    },
  };
  test.each(Object.entries(damages))('%s', async (_how, damage) => {
    const file = path();
    const before = new ResponseCache({ persist: file });
    for (let i = 0; i < 200; i += 1) before.set(i, config, `${i}`.repeat(1000));
    before.close();
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    damage(file);
    const cache = new ResponseCache({ persist: file });
    for (let i = 0; i < 200; i += 1) {
      const found = cache.get(i, config);
      if (found !== undefined) expect(found).toBe(`${i}`.repeat(1000));
    }
    cache.set('new', config, 'works');
    cache.close();
    const again = new ResponseCache({ persist: file });
    expect(again.get('new', config)).toBe('works');
    again.close();
    const told = await warned();
    expect(told.filter(({ code }) => code === 'AI_EVALS_CACHE_DAMAGED')).toHaveLength(1);
    expect(told[0]?.message).toContain(file);
    expect(readdirSync(join(file, '..')).some((name) => name.includes('corrupt'))).toBe(true);
  });

  test('every single byte that flips gives the right answer or none', async () => {
    const file = path();
    const before = new ResponseCache({ persist: file });
    for (let i = 0; i < 20; i += 1) before.set(i, config, `${i}`.repeat(1000));
    before.close();
    const pristine = `${file}.pristine`;
    copyFileSync(file, pristine);
    const { size } = statSync(file);
    for (let round = 0; round < 60; round += 1) {
      const name = `${file}.${round}`;
      const bytes = readFileSync(pristine);
      const at = Math.floor((round / 60) * size) + (round % 7);
      bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      writeFileSync(name, bytes);
      const cache = new ResponseCache({ persist: name });
      for (let i = 0; i < 20; i += 1) {
        const found = cache.get(i, config);
        if (found !== undefined) expect(found, `byte ${at}`).toBe(`${i}`.repeat(1000));
      }
      cache.set('new', config, 1);
      expect(cache.get('new', config)).toBe(1);
      cache.close();
    }
    // One warning at most for each file, and those of this test are not the next one's.
    expect((await warned()).length).toBeLessThanOrEqual(60);
  });
});

describe('a file that cannot be used is left alone: the cache goes on in memory, with one warning', () => {
  async function worksInMemory(file: string): Promise<void> {
    const cache = new ResponseCache({ persist: file, explain: true });
    for (let i = 0; i < 10; i += 1) cache.set(i, config, i);
    expect(cache.get(7, config)).toBe(7);
    expect(await cache.getOrCompute('c', config, () => 'computed')).toBe('computed');
    expect(cache.delete(7, config)).toBe(true);
    expect(cache.has(7, config)).toBe(false);
    expect(cache.explainMiss(11, config)?.reason).toBe('different');
    expect(cache.getStats()).toMatchObject({ size: 10, hits: 1, misses: 1 });
    expect(() => cache.set('k', config, new (class Thing {})())).toThrow(TypeError);
    cache.clear();
    expect(cache.getStats().size).toBe(0);
    cache.close();
    const told = await warned();
    expect(told.map(({ code }) => code)).toEqual(['AI_EVALS_CACHE_DEGRADED']);
    expect(told[0]?.message).toContain(file);
    expect(told[0]?.message).toContain('goes on in memory');
  }

  test('a directory in its place', async () => {
    const file = path();
    mkdirSync(file, { recursive: true });
    await worksInMemory(file);
  });

  test('a file of a later version', async () => {
    const file = path();
    await runChild(
      `new (require('@aah/ai-evals').ResponseCache)({ persist: ${JSON.stringify(file)} }).set('a', {}, 1)`,
    );
    // The version of the schema is `user_version`, at byte 60 of an SQLite file.
    const bytes = readFileSync(file);
    bytes.writeUInt32BE(bytes.readUInt32BE(60) + 1, 60);
    writeFileSync(file, bytes);
    await worksInMemory(file);
    expect(readFileSync(file).equals(bytes), 'the file is untouched').toBe(true);
  });

  test('a path below a file', async () => {
    const file = path();
    mkdirSync(join(file, '..'));
    writeFileSync(file, 'x');
    await worksInMemory(join(file, 'cache.db'));
  });

  test.skipIf(!canMount())('a read-only directory without a file', async () => {
    const disk = mount(1 << 20);
    try {
      disk.makeReadOnly();
      await worksInMemory(join(disk.path, 'cache.db'));
    } finally {
      disk.unmount();
    }
  });
});

test.skipIf(!canMount())('a file on a read-only disk answers; what is new goes to memory', async () => {
  const disk = mount(8 << 20);
  try {
    const file = join(disk.path, 'cache.db');
    const first = new ResponseCache({ persist: file });
    first.set('old', config, 'on disk');
    first.close();
    disk.makeReadOnly();
    const cache = new ResponseCache({ persist: file });
    expect(cache.get('old', config)).toBe('on disk');
    cache.set('new', config, 'in memory');
    cache.set('old', config, 'newer');
    expect([cache.get('new', config), cache.get('old', config)]).toEqual(['in memory', 'newer']);
    cache.close();
    expect((await warned()).map(({ code }) => code)).toEqual(['AI_EVALS_CACHE_DEGRADED']);
  } finally {
    disk.unmount();
  }
});

test.skipIf(!canMount())('a full disk: what was stored stays, what is new goes to memory, one warning', async () => {
  const disk = mount(1 << 20);
  try {
    const file = join(disk.path, 'cache.db');
    const cache = new ResponseCache({ persist: file });
    for (let i = 0; i < 400; i += 1) cache.set(i, config, `${i} `.repeat(2000).slice(0, 5000));
    for (let i = 0; i < 400; i += 1) {
      expect(cache.get(i, config), `entry ${i}`).toBe(`${i} `.repeat(2000).slice(0, 5000));
    }
    expect(cache.getStats()).toMatchObject({ size: 400, hits: 400, misses: 0 });
    cache.close();
    expect((await warned()).map(({ code }) => code)).toEqual(['AI_EVALS_CACHE_DEGRADED']);
    const later = new ResponseCache({ persist: file });
    expect(later.get(0, config)).toBe('0 '.repeat(2000).slice(0, 5000));
    expect(later.getStats().size).toBeGreaterThan(20);
    later.close();
  } finally {
    disk.unmount();
  }
});

test('a process that leaves its cache open exits by itself', async () => {
  const { code, stderr } = await runChild(`
    const { ResponseCache } = require('@aah/ai-evals');
    const cache = new ResponseCache({ persist: ${JSON.stringify(path())} });
    cache.set('a', {}, 1);
    void cache.getOrCompute('b', {}, () => 2);
  `);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
