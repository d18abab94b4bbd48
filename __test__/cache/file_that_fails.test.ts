/** A persisted cache whose file takes no writes for a while, cannot be read, or cannot be opened. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResponseCache } from '@aah/ai-evals/performance';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { canMount, mount } from './mounted.js';

const require = createRequire(import.meta.url);
const { AiEvalsError } = require('../../dist/errors.js') as typeof import('../../ts/errors.js');
const { ByteTier } =
  require('../../dist/cache/stores/byte_tier.js') as typeof import('../../ts/cache/stores/byte_tier.js');
const { FallbackTier } =
  require('../../dist/cache/stores/fallback_tier.js') as typeof import('../../ts/cache/stores/fallback_tier.js');
const { KeyedStore } = require('../../dist/cache/keyed_store.js') as typeof import('../../ts/cache/keyed_store.js');
const { MemoryTier } =
  require('../../dist/cache/stores/memory_tier.js') as typeof import('../../ts/cache/stores/memory_tier.js');
const { textForm } = require('../../dist/cache/key/key_form.js') as typeof import('../../ts/cache/key/key_form.js');

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-failing-'));
afterAll(() => rmSync(folder, { recursive: true }));
let n = 0;
const path = () => join(folder, `${++n}.db`);

let warnings: string[] = [];
const listen = (warning: Error & { code?: string }) => {
  if (warning.code?.startsWith('AI_EVALS_')) warnings.push(warning.code);
};
const warned = async () => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings;
};
beforeEach(() => {
  warnings = [];
  process.on('warning', listen);
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'hrtime'] });
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  // The warnings of a test are not the next one's.
  await warned();
  process.off('warning', listen);
});

const READS: readonly PropertyKey[] = ['getStale', 'getMany', 'peek', 'has', 'holds', 'figures', 'notes', 'savings'];
const WRITES: readonly PropertyKey[] = ['set', 'setMany', 'delete', 'clear', 'removeExpired', 'claim', 'release'];

/** A cache of texts in a real file, which can be told to fail. */
function failing(file: string, { maxSize = 100, ttl = Number.POSITIVE_INFINITY } = {}) {
  const fails = { open: false, read: false, write: false };
  const refuse = (what: string): never => {
    throw new AiEvalsError('ERR_STORAGE', `${file}: no ${what} today`);
  };
  const all = { maxSize, maxBytes: 1e9, ttl, stale: 0, missCost: { tokens: 1 }, scope: 'test' };
  const open = () => {
    if (fails.open) refuse('opening');
    return new Proxy(ByteTier.disk<unknown, string>(file, 'test', all), {
      get: (target, name) => {
        if (fails.read && READS.includes(name)) refuse('reading');
        if (fails.write && WRITES.includes(name)) refuse('writing');
        const member = target[name as keyof typeof target] as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const form = textForm('key');
  const memory = { ...all, policy: 'lru', onEvict: undefined, keySize: form.keySize } as const;
  const make = () => {
    const tier = new FallbackTier<unknown, string>(open, new MemoryTier(memory), ttl);
    const rest = { mode: 'on', shouldCache: undefined, stale: 0, version: undefined } as const;
    const store = new KeyedStore<unknown, string>(tier, form, { ...rest, name: 'the cache' });
    return {
      set: (key: string, value: unknown, options?: { ttl: number }) => store.set(key, undefined, value, options),
      setMany: (pairs: [string, unknown][]) => store.setMany(pairs, undefined),
      get: (key: string) => store.get(key, undefined, undefined),
      getMany: (keys: string[]) =>
        store.getMany(keys, 'on').map((value) => (typeof value === 'symbol' ? undefined : value)),
      has: (key: string) => store.has(key, undefined, undefined),
      delete: (key: string) => store.delete(key, undefined, undefined),
      getOrCompute: (key: string, fn: () => unknown) => store.getOrCompute(key, undefined, fn, undefined),
      computeMany: (keys: string[], fn: (missing: string[]) => Promise<unknown[]>) =>
        store.computeMany(keys, fn, undefined),
      clear: () => store.clear(),
      stats: () => store.stats(),
      savings: () => tier.savings(),
      close: () => tier.close(),
    };
  };
  return {
    fails,
    make,
    /** Everything works again, and is tried again. */
    heal: () => {
      Object.assign(fails, { open: false, read: false, write: false });
      vi.advanceTimersByTime(1001);
    },
  };
}

test('random work on a file that fails at random: never an old answer, nothing lost, and in the end the file has it all', () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const command = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('set' as const), key, ttl: fc.constantFrom(0, 0, 700, 5000) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('setMany' as const), keys: fc.uniqueArray(key) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('fail' as const),
        what: fc.constantFrom('write', 'write', 'read' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), fc.boolean(), fc.array(key), (commands, opensLater, before) => {
      const file = path();
      const { fails, heal, make } = failing(file);
      const model = new Map<string, { value: object; until: number }>();
      let count = 0;
      const value = () => ({ count: ++count });
      const put = (name: string, ttl = 0) => {
        model.set(name, { value: { count }, until: ttl === 0 ? Number.POSITIVE_INFINITY : Date.now() + ttl });
      };
      const live = (name: string) => {
        const entry = model.get(name);
        return entry !== undefined && Date.now() < entry.until ? entry.value : undefined;
      };
      const lives = () => [...model.keys()].filter((name) => live(name) !== undefined).length;
      const first = make();
      for (const name of before) {
        first.set(name, value());
        if (!opensLater) put(name);
      }
      first.close();
      fails.open = opensLater;
      const cache = make();
      // What is in a file that cannot be opened is not found, and what is then set goes before it.
      const unknown = new Set<string>(opensLater ? before : []);
      for (const one of commands) {
        if (one.do === 'set') {
          cache.set(one.key, value(), one.ttl === 0 ? undefined : { ttl: one.ttl });
          put(one.key, one.ttl);
          unknown.delete(one.key);
        } else if (one.do === 'setMany') {
          const made = value();
          cache.setMany(one.keys.map((name) => [name, made]));
          for (const name of one.keys) {
            put(name);
            unknown.delete(name);
          }
        } else if (one.do === 'delete') {
          const was = live(one.key) !== undefined;
          const said = cache.delete(one.key);
          if (!fails.read && !fails.open && !unknown.has(one.key)) expect(said).toBe(was);
          model.delete(one.key);
          unknown.delete(one.key);
        } else if (one.do === 'clear') {
          cache.clear();
          model.clear();
          unknown.clear();
        } else if (one.do === 'fail') fails[one.what] = true;
        else if (one.do === 'heal') heal();
        else vi.advanceTimersByTime(600);
        const names = ['a', 'b', 'c', 'd', 'e'];
        const found = cache.getMany(names);
        for (const [i, name] of names.entries()) {
          if (unknown.has(name)) continue;
          expect(cache.get(name)).toEqual(found[i]);
          expect(cache.has(name)).toBe(found[i] !== undefined);
          // A file that cannot be read may keep an answer to itself; otherwise it is the last one or none.
          if (fails.read || fails.open) expect([live(name), undefined]).toContainEqual(found[i]);
          else expect(found[i]).toEqual(live(name));
        }
        const { size, maxSize } = cache.stats();
        expect(size).toBeLessThanOrEqual(maxSize);
        if (!fails.read && !fails.open && unknown.size === 0) expect(size).toBe(lives());
      }
      heal();
      cache.close();
      const later = make();
      for (const name of model.keys()) expect(later.get(name)).toEqual(live(name));
      if (unknown.size === 0) expect(later.stats().size).toBe(lives());
      later.close();
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('what has left the memory, or has expired there, does not bring back what the file still has', () => {
  const { fails, make } = failing(path(), { maxSize: 10 });
  const cache = make();
  cache.set('left', 'old');
  cache.set('expired', 'old');
  fails.write = true;
  cache.set('left', 'new');
  cache.set('expired', 'new', { ttl: 100 });
  for (let i = 0; i < 12; i += 1) cache.set(`other ${i}`, i);
  vi.advanceTimersByTime(200);
  expect([cache.get('left'), cache.get('expired')]).toEqual([undefined, undefined]);
  expect(cache.get('other 11')).toBe(11);
  expect(cache.stats().size).toBeLessThanOrEqual(10);
  cache.close();
});

test('other processes see what was changed meanwhile with the next write, and the last of it when the cache is closed', () => {
  const { fails, heal, make } = failing(path(), { maxSize: 1000 });
  const [cache, other] = [make(), make()];
  for (let i = 0; i < 300; i += 1) cache.set(`key ${i}`, 'old');
  fails.write = true;
  for (let i = 0; i < 150; i += 1) cache.delete(`key ${i}`);
  for (let i = 150; i < 300; i += 1) cache.set(`key ${i}`, 'new');
  const seen = () => Array.from({ length: 300 }, (_, i) => other.get(`key ${i}`) ?? 'none');
  expect(new Set(seen())).toEqual(new Set(['old']));
  heal();
  cache.set('next', 1);
  // A write is not held up for long by what is to be made up for.
  expect(seen().filter((value) => value !== 'old')).toHaveLength(100);
  cache.close();
  expect(seen()).toEqual(Array.from({ length: 300 }, (_, i) => (i < 150 ? 'none' : 'new')));
  other.close();
});

test('what the file has in vain is computed again, once for all who ask, and the file takes it', async () => {
  const { fails, heal, make } = failing(path());
  const cache = make();
  cache.setMany(['a', 'b', 'c'].map((key) => [key, 'old']));
  fails.write = true;
  for (const key of ['a', 'b']) cache.set(key, 'new', { ttl: 100 });
  vi.advanceTimersByTime(200);
  heal();
  let calls = 0;
  const compute = () => `computed ${++calls}`;
  const waiting = [cache.getOrCompute('a', compute), cache.getOrCompute('a', compute)];
  expect(await Promise.all(waiting)).toEqual(['computed 1', 'computed 1']);
  const missing: string[][] = [];
  const found = await cache.computeMany(['a', 'b', 'c'], async (keys) => {
    missing.push(keys);
    return keys.map(compute);
  });
  expect([...found.values()]).toEqual(['computed 1', 'computed 2', 'old']);
  expect(missing).toEqual([['b']]);
  const other = make();
  expect(['a', 'b', 'c'].map((key) => other.get(key))).toEqual(['computed 1', 'computed 2', 'old']);
  other.close();
  cache.close();
});

test('a file that can be written to and not be read holds nobody up', async () => {
  const { fails, make } = failing(path());
  const cache = make();
  cache.set('a', 'in the file');
  fails.read = true;
  expect(await cache.getOrCompute('a', () => 'computed')).toBe('computed');
  expect([...(await cache.computeMany(['a', 'b'], async (keys) => keys)).values()]).toEqual(['a', 'b']);
  cache.close();
});

test('a cache that was cleared stays so, and its namespace of the file is cleared when that is possible', () => {
  const { fails, heal, make } = failing(path());
  const cache = make();
  for (let i = 0; i < 50; i += 1) cache.set(`key ${i}`, 'old');
  fails.write = true;
  cache.clear();
  expect(cache.stats()).toMatchObject({ size: 0, hits: 0, misses: 0 });
  expect(cache.getMany(['key 1', 'key 2'])).toEqual([undefined, undefined]);
  cache.set('key 3', 'new');
  expect(cache.stats().size).toBe(1);
  const before = make();
  expect(before.get('key 3')).toBe('old');
  before.close();
  heal();
  cache.set('key 4', 'new');
  expect(['key 1', 'key 3', 'key 4'].map((name) => cache.get(name))).toEqual([undefined, 'new', 'new']);
  expect(cache.stats().size).toBe(2);
  cache.close();
});

test('memoryUsage counts what is held for the file, and savings count each hit once', () => {
  const { fails, heal, make } = failing(path());
  const cache = make();
  cache.set('a', 'x');
  const before = cache.stats().memoryUsage;
  fails.write = true;
  for (let i = 0; i < 20; i += 1) cache.set(`${i} ${'k'.repeat(10_000)}`, 'v'.repeat(10_000));
  cache.set('a', 'y');
  expect(cache.stats().memoryUsage - before).toBeGreaterThan(20 * 30_000);
  expect(cache.stats().memoryUsage - before).toBeLessThan(20 * 90_000);
  expect(cache.getMany(['a', 'b', 'a'])).toEqual(['y', undefined, 'y']);
  cache.get('a');
  expect(cache.savings()).toEqual({ calls: 3, tokens: 3, usd: 0 });
  heal();
  cache.set('b', 'z');
  expect(cache.stats().memoryUsage - before).toBeLessThan(30_000);
  expect(cache.get('a')).toBe('y');
  cache.close();
});

test('changes that nobody takes are bounded: then the cache goes on without the file', () => {
  const { fails, heal, make } = failing(path(), { maxSize: 30_000 });
  const cache = make();
  const keys = Array.from({ length: 26_000 }, (_, i) => `key ${i}`);
  cache.setMany(keys.map((name) => [name, 1]));
  expect(cache.stats().size).toBe(26_000);
  fails.write = true;
  for (const name of keys) cache.delete(name);
  expect(cache.get('key 0')).toBeUndefined();
  expect(cache.stats().size).toBe(0);
  const usage = cache.stats().memoryUsage;
  heal();
  cache.set('new', 1);
  expect([cache.get('new'), cache.get('key 1')]).toEqual([1, undefined]);
  expect(usage).toBeLessThan(10 << 20);
  cache.close();
  const later = make();
  expect([later.get('new'), later.get('key 25999')]).toEqual([undefined, 1]);
  later.close();
}, 30_000);

test('keys that the file has nothing under are let go of first: reading goes on', () => {
  const { fails, make } = failing(path(), { maxSize: 100 });
  const cache = make();
  cache.set('old', 1);
  cache.set('deleted', 1);
  fails.write = true;
  cache.delete('deleted');
  for (let i = 0; i < 51_000; i += 1) cache.set(`new ${i}`, i);
  expect([cache.get('old'), cache.get('deleted'), cache.get('new 50999')]).toEqual([1, undefined, 50_999]);
  cache.close();
}, 30_000);

test('in memory, too, a hit is a copy', () => {
  const { fails, make } = failing(path());
  fails.write = true;
  const cache = make();
  const value = { list: [1], vector: new Float32Array([1]) };
  cache.set('a', value);
  cache.setMany([['b', value.vector]]);
  value.list.push(2);
  value.vector[0] = 9;
  const found = cache.get('a') as typeof value;
  found.list.push(3);
  expect(cache.get('a')).toStrictEqual({ list: [1], vector: new Float32Array([1]) });
  expect(cache.get('b')).toStrictEqual(new Float32Array([1]));
  expect(() => cache.set('a', () => 1)).toThrow(TypeError);
  expect(() =>
    cache.setMany([
      ['c', 1],
      ['a', () => 1],
    ]),
  ).toThrow(TypeError);
  expect([cache.has('a'), cache.has('c')]).toEqual([true, false]);
  cache.close();
});

test('a file that cannot be opened is tried again a second later', async () => {
  const file = path();
  mkdirSync(file);
  const cache = new ResponseCache({ persist: file });
  cache.set('a', 0, 'in memory');
  rmdirSync(file);
  cache.set('b', 0, 'in memory, too');
  vi.advanceTimersByTime(1001);
  cache.set('c', 0, 'in the file');
  const other = new ResponseCache({ persist: file });
  expect(['a', 'b', 'c'].map((name) => other.get(name, 0))).toEqual(['in memory', 'in memory, too', 'in the file']);
  other.close();
  cache.close();
  expect(await warned()).toEqual(['AI_EVALS_CACHE_DEGRADED']);
});

test('a closed cache without a file says that it is closed', () => {
  const file = path();
  mkdirSync(file);
  const cache = new ResponseCache({ persist: file });
  cache.set('a', 0, 1);
  cache.close();
  cache.close();
  const closed = expect.objectContaining({ code: 'ERR_CLOSED' });
  expect(() => cache.get('a', 0)).toThrow(closed);
  expect(() => cache.set('a', 0, 1)).toThrow(closed);
});

test.skipIf(!canMount())(
  'on a full disk what is deleted, replaced or cleared is gone, and the file takes it when there is room',
  () => {
    const disk = mount(2 << 20);
    try {
      const file = join(disk.path, 'cache.db');
      const cache = new ResponseCache({ persist: file });
      for (let i = 0; i < 10; i += 1) cache.set(i, 0, 'old');
      const filler = join(disk.path, 'filler');
      try {
        for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: 'a' });
      } catch {}
      for (let i = 0; i < 40; i += 1) cache.set(`more ${i}`, 0, 'y'.repeat(50_000));
      cache.delete(1, 0);
      cache.set(2, 0, 'new');
      expect([0, 1, 2].map((key) => cache.get(key, 0))).toEqual(['old', undefined, 'new']);
      expect(cache.getStats().size).toBe(49);
      cache.clear();
      expect([0, 1, 2].map((key) => cache.get(key, 0))).toEqual([undefined, undefined, undefined]);
      expect(cache.getStats().size).toBe(0);
      cache.set(3, 0, 'newer');
      rmSync(filler);
      cache.close();
      const later = new ResponseCache({ persist: file });
      expect([0, 1, 2, 3].map((key) => later.get(key, 0))).toEqual([undefined, undefined, undefined, 'newer']);
      expect(later.getStats().size).toBe(1);
      later.close();
    } finally {
      disk.unmount();
    }
  },
);
