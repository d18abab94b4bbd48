import { execFileSync } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { EmbeddingCache, LRUCache, QueryCache } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';

const collect = async () => {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await setImmediate();
  }
};

/** Bytes on V8's heap and in array buffers. The engine's own (about 70 per entry) are outside: they are too few to matter here. */
const held = () => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A flat string that shares memory with no other. */
const flat = (text: string) => Buffer.from(text, 'utf8').toString('utf8');

const COUNT = 2000;
test.each(['LRUCache', 'EmbeddingCache', 'QueryCache'])('long keys are part of memoryUsage: %s', async (kind) => {
  const key = (i: number) => flat(`${i} ${'key '.repeat(400)}`);
  await collect();
  const before = held();
  const fill = {
    LRUCache: () => {
      const cache = new LRUCache({ maxSize: COUNT });
      for (let i = 0; i < COUNT; i += 1) cache.set(key(i), i);
      return cache;
    },
    EmbeddingCache: () => {
      const cache = new EmbeddingCache({ maxSize: COUNT });
      for (let i = 0; i < COUNT; i += 1) cache.set(key(i), [i, 0.5]);
      return cache;
    },
    QueryCache: () => {
      const cache = new QueryCache({ maxSize: COUNT });
      for (let i = 0; i < COUNT; i += 1) cache.set('q', { text: key(i) }, i);
      return cache;
    },
  };
  const cache = fill[kind as keyof typeof fill]();
  await collect();
  const ratio = cache.getStats().memoryUsage / (held() - before);
  expect(ratio).toBeGreaterThan(0.75);
  expect(ratio).toBeLessThan(1.25);
});

test('the memory of the engine itself is counted: half a million entries of next to nothing', async () => {
  await collect();
  const resident = () => {
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    return rss - heapTotal + heapUsed;
  };
  const before = resident();
  const cache = new LRUCache<number>({ maxSize: 500_000 });
  for (let i = 0; i < 500_000; i += 1) cache.set(`key ${i}`, i);
  await collect();
  const { memoryUsage, size } = cache.getStats();
  expect(size).toBe(500_000);
  // What the allocator keeps for itself after the tables have grown is not the cache's.
  expect(memoryUsage / (resident() - before)).toBeGreaterThan(0.6);
  expect(memoryUsage / (resident() - before)).toBeLessThan(1.25);
});

test('evicted, deleted, expired and cleared values are released', async () => {
  const big = () => new Uint8Array(1_000_000);
  await collect();
  const before = held();
  const cache = new LRUCache({ maxSize: 10 });
  for (let i = 0; i < 500; i += 1) cache.set(`${i}`, big());
  await collect();
  expect((held() - before) / 10 / 1_000_000).toBeCloseTo(1, 0);
  cache.delete('499');
  await collect();
  expect(held() - before).toBeLessThan(9.5e6);
  cache.clear();
  await collect();
  expect(held() - before).toBeLessThan(2e6);
  expect(cache.getStats().size).toBe(0);
});

test('a million sets in a cache of 100 leave the heap flat', async () => {
  const cache = new LRUCache<string>({ maxSize: 100 });
  const fill = (from: number, to: number) => {
    for (let i = from; i < to; i += 1) cache.set(`key ${i}`, `value ${i}`);
  };
  fill(0, 100_000);
  await collect();
  const heap = held();
  fill(100_000, 1_000_000);
  await collect();
  expect(held() - heap).toBeLessThan(1e6);
  expect(cache.getStats()).toMatchObject({ size: 100, evictions: 999_900 });
});

// In a process of its own: the heap of a test runner grows by itself.
test.each([
  ['ResponseCache', 'cache.set("prompt " + i, config, "answer " + i)'],
  ['LRUCache', 'cache.set("key " + i, "value " + i)'],
])('a million sets of a %s in one synchronous loop leave resident memory where it was', (kind, set) => {
  const script = `
    const cache = new (require('@aah/ai-evals/performance').${kind})();
    const config = { model: 'm', temperature: 0 };
    const fill = (from, to) => {
      for (let i = from; i < to; i += 1) ${set};
    };
    fill(0, 50000);
    const before = process.memoryUsage().rss;
    fill(50000, 1050000);
    console.log(process.memoryUsage().rss - before);
  `;
  const grown = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
  expect(grown).toBeLessThan(20e6);
});

test('a cache that nobody holds is collected, with the memory of the engine', async () => {
  await collect();
  const before = held();
  for (let round = 0; round < 20; round += 1) {
    const cache = new LRUCache({ maxSize: 20_000 });
    for (let i = 0; i < 20_000; i += 1) cache.set(`${round} ${i}`, i);
  }
  await collect();
  await collect();
  expect(held() - before).toBeLessThan(6e6);
});

test('getStats does not cost more with more entries', () => {
  const time = (size: number) => {
    const cache = new LRUCache({ maxSize: size });
    for (let i = 0; i < size; i += 1) cache.set(`${i}`, i);
    const rounds = Array.from({ length: 9 }, () => {
      const start = process.cpuUsage().user;
      for (let i = 0; i < 2000; i += 1) cache.getStats();
      return process.cpuUsage().user - start;
    });
    return Math.min(...rounds);
  };
  time(10);
  expect(time(100_000)).toBeLessThan(10 * time(100) + 2000);
});
