/** `persist` with a file that fails: a full disk, a directory that cannot be written to, a path that leads nowhere. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EmbeddingCache, ResponseCache, type TieredCacheOptions } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { canMount, mount } from './mounted.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-failing-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;
const path = () => join(folder, `${++n}`, 'cache.db');

let warnings: { message: string; code: string }[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push({ message: warning.message, code: warning.code });
};
const warned = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.map(({ code }) => code);
};
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
});
afterEach(async () => {
  await warned();
  process.off('warning', listen);
});

const refused = expect.objectContaining({ code: 'ERR_STORAGE' });

function open(persist: string, options: TieredCacheOptions = {}) {
  const cache = new ResponseCache<unknown>({ persist, ...options });
  onTestFinished(() => cache.close());
  return cache;
}

/** Has every later use of the file fail: its directory is a file now. */
function block(file: string): void {
  rmSync(dirname(file), { recursive: true });
  writeFileSync(dirname(file), '');
}

/** What `find` finds, by key. */
const all = (cache: ResponseCache<unknown>, keys: readonly unknown[]) => keys.map((key) => cache.get(key, 0));

/** Fills the disk that `directory` is on. Returns what makes room again. */
function fill(directory: string): () => void {
  const filler = join(directory, 'filler');
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: 'a' });
  } catch {}
  return () => rmSync(filler);
}

describe('a file that fails', () => {
  test('is followed by memory until the cache is opened again, with one warning', async () => {
    const file = path();
    const cache = open(file);
    cache.set('a', 0, 'in the file');
    block(file);
    cache.set('b', 0, 'in memory');
    expect(all(cache, ['a', 'b'])).toEqual([undefined, 'in memory']);
    rmSync(dirname(file));
    cache.set('c', 0, 'in memory');
    expect(await cache.getOrCompute('d', 0, () => 'computed')).toBe('computed');
    expect(all(open(file), ['b', 'c', 'd'])).toEqual([undefined, undefined, undefined]);
    cache.close();
    const again = open(file);
    again.set('e', 0, 'in the file');
    expect(all(open(file), ['b', 'e'])).toEqual([undefined, 'in the file']);
    expect(await warned()).toEqual(['AI_EVALS_CACHE_DEGRADED']);
    expect(warnings[0]?.message).toMatch(/cache\.db cannot be opened .*goes on in memory/);
  });

  test('fails no get, set, getOrCompute or batch, and a hit stays a copy', async () => {
    const file = path();
    const cache = open(file);
    const embeddings = new EmbeddingCache<Float32Array>({ persist: file });
    onTestFinished(() => embeddings.close());
    block(file);
    const value = { list: [1] };
    cache.set('a', 0, value);
    value.list.push(2);
    (cache.get('a', 0) as typeof value).list.push(3);
    expect(cache.get('a', 0)).toEqual({ list: [1] });
    expect(() => cache.set('b', 0, () => 1)).toThrow(TypeError);
    const found = await embeddings.batchGetOrCompute(['x', 'y'], (texts) => texts.map(() => new Float32Array([1])));
    expect([...found.keys()]).toEqual(['x', 'y']);
    embeddings.batchSet([['z', new Float32Array([2])]]);
    expect([...embeddings.batchGet(['x', 'z']).values()]).toEqual([new Float32Array([1]), new Float32Array([2])]);
    expect(() =>
      embeddings.batchSet([
        ['v', new Float32Array([2])],
        ['w', (() => 1) as never],
      ]),
    ).toThrow(TypeError);
    expect([embeddings.has('v'), cache.getStats()]).toEqual([false, expect.objectContaining({ size: 1, hits: 2 })]);
  });

  test('gives the last answer or none, whatever is done and whenever it fails', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const command = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), key }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('clear' as const, 'block' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
        const file = path();
        const cache = new ResponseCache<number>({ persist: file, maxSize: 3 });
        const model = new Map<string, number>();
        let isBlocked = false;
        let lastSet = '';
        for (const [nth, one] of commands.entries()) {
          try {
            if (one.do === 'set') cache.set(one.key, 0, nth);
            else if (one.do === 'delete') cache.delete(one.key, 0);
            else if (one.do === 'clear') cache.clear();
            else if (!isBlocked) {
              block(file);
              isBlocked = true;
            }
          } catch (error) {
            expect([one.do, isBlocked, error]).toEqual([expect.stringMatching('delete|clear'), true, refused]);
          }
          if (one.do === 'set') model.set(one.key, nth);
          else if (one.do === 'delete') model.delete(one.key);
          else if (one.do === 'clear') model.clear();
          lastSet = one.do === 'set' ? one.key : '';
          for (const name of ['a', 'b', 'c', 'd']) {
            const found = cache.get(name, 0);
            expect([undefined, model.get(name)]).toContainEqual(found);
            if (name === lastSet) expect(found).toBe(nth);
          }
          expect(cache.getStats().size).toBeLessThanOrEqual(3);
        }
        cache.close();
      }),
      { numRuns: 60 },
    );
  });

  test('says that it is closed afterwards', () => {
    const file = path();
    mkdirSync(file, { recursive: true });
    const cache = open(file);
    cache.set('a', 0, 1);
    expect(cache.get('a', 0)).toBe(1);
    expect([cache.delete('a', 0), cache.has('a', 0)]).toEqual([true, false]);
    cache.close();
    cache.close();
    const closed = expect.objectContaining({ code: 'ERR_CLOSED' });
    for (const call of [() => cache.get('a', 0), () => cache.set('a', 0, 1), () => cache.clear()]) {
      expect(call).toThrow(closed);
    }
  });
});

describe.skipIf(!canMount())('a disk that', () => {
  /** A small disk, and the path of a file on it. */
  function disk(bytes = 2 << 20) {
    const mounted = mount(bytes);
    onTestFinished(() => mounted.unmount());
    return { ...mounted, file: join(mounted.path, 'cache.db') };
  }

  test('is full keeps what is on it, and nothing replaced, deleted or cleared is found again', async () => {
    const { file, path: directory } = disk();
    const cache = new ResponseCache<unknown>({ persist: file, maxSize: 20 });
    for (let i = 0; i < 5; i += 1) cache.set(i, 0, 'old');
    const makeRoom = fill(directory);
    for (let i = 10; i < 20; i += 1) cache.set(i, 0, 'y'.repeat(50_000));
    cache.set(2, 0, 'new');
    expect(() => cache.delete(1, 0)).toThrow(refused);
    expect(cache.delete(19, 0), 'only in memory').toBe(true);
    expect(all(cache, [0, 1, 2, 19])).toEqual(['old', undefined, 'new', undefined]);
    expect(await cache.getOrCompute(1, 0, () => 'anew')).toBe('anew');
    // The new value leaves the memory, and does not bring back the old one.
    for (let i = 100; i < 130; i += 1) cache.set(i, 0, i);
    expect(all(cache, [0, 1, 2])).toEqual(['old', undefined, undefined]);
    expect(cache.getStats().size).toBeLessThanOrEqual(20);
    expect(() => cache.clear()).toThrow(refused);
    expect(all(cache, [0, 1, 2])).toEqual([undefined, undefined, undefined]);
    expect(cache.getStats()).toMatchObject({ size: 0, hits: 0 });
    cache.set(3, 0, 'newer');
    expect(cache.get(3, 0)).toBe('newer');
    makeRoom();
    cache.close();
    // The file is as it was when the disk was full.
    expect(all(open(file), [0, 1, 2, 3])).toEqual(['old', 'old', 'old', 'old']);
    expect(await warned()).toEqual(['AI_EVALS_CACHE_DEGRADED']);
    expect(warnings[0]?.message).toMatch(/no room left for .*cache\.db.*goes on in memory/);
  });

  test('cannot be written answers; what is new goes to memory, and a deletion throws', async () => {
    const { file, makeReadOnly } = disk();
    const first = new ResponseCache<unknown>({ persist: file });
    for (const key of ['a', 'b', 'c']) first.set(key, 0, 'on disk');
    first.close();
    makeReadOnly();
    const cache = new ResponseCache<unknown>({ persist: file });
    expect(all(cache, ['a', 'b'])).toEqual(['on disk', 'on disk']);
    expect(await warned()).toEqual([]);
    cache.set('a', 0, 'newer');
    cache.set('d', 0, 'in memory');
    expect(() => cache.delete('b', 0)).toThrow(refused);
    expect(cache.delete('not there', 0)).toBe(false);
    expect(all(cache, ['a', 'b', 'c', 'd'])).toEqual(['newer', undefined, 'on disk', 'in memory']);
    expect(cache.getStats().size).toBe(3);
    cache.close();
    expect(await warned()).toEqual(['AI_EVALS_CACHE_DEGRADED']);
  });
});

const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;

describe.skipIf(!hasPython)('a file that others write to without a pause', () => {
  test('has not failed: what it does not take stays in memory, and the next write reaches it', async () => {
    const file = path();
    const cache = open(file);
    cache.set('a', 0, 'old');
    const lock = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('BEGIN IMMEDIATE')
print('locked', flush=True)
input()
db.execute('COMMIT')
`;
    const writer = spawn('python3', ['-c', lock, file], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(writer.stdout, 'data');
    cache.set('a', 0, 'in memory');
    expect(() => cache.delete('a', 0)).toThrow(refused);
    expect(() => cache.clear()).toThrow(refused);
    expect(cache.get('a', 0)).toBe('in memory');
    expect(open(file).get('a', 0)).toBe('old');
    writer.stdin.end('\n');
    await once(writer, 'exit');
    cache.set('b', 0, 'in the file');
    expect(open(file).get('b', 0)).toBe('in the file');
    expect(cache.get('a', 0)).toBe('in memory');
    expect(cache.delete('a', 0)).toBe(true);
    expect([cache.get('a', 0), open(file).get('a', 0)]).toEqual([undefined, undefined]);
    expect(await warned()).toEqual(['AI_EVALS_CACHE_BUSY']);
  });
});
