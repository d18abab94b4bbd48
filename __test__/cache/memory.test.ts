import { setImmediate } from 'node:timers/promises';
import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
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
const FEWER: Record<string, number> = {
  'arrays in arrays': 100,
  'messages that alternate between long and short': 200,
  'an object whose last member is large': 500,
  'more members than are looked at': 10,
  'a linked list': 100,
  'a dictionary of 50 names': 500,
  'a dictionary of 100 names': 300,
  'a dictionary of 200 names': 200,
  'a dictionary of 1000 names': 50,
  'rows of 24 columns': 200,
};
const dictionary = (i: number, size: number) =>
  JSON.parse(JSON.stringify(Object.fromEntries(Array.from({ length: size }, (_, j) => [`student-${i}-${j}`, j]))));
type Fill = (i: number) => unknown;
const values: Record<string, Fill> = {
  'text of one byte per unit': (i) => flat(`${i} ${'x'.repeat(3000)}`),
  'text of two bytes per unit': (i) => flat(`${i} ${'ж'.repeat(3000)}`),
  'text whose only wide unit is the last': (i) => flat(`${i} ${'x'.repeat(2000)}ж`),
  'number[1536]': (i) => Array.from({ length: 1536 }, (_, j) => Math.sin(i + j)),
  'Float32Array(1536)': (i) => new Float32Array(1536).fill(i),
  'Float64Array(384)': (i) => new Float64Array(384).fill(i),
  'a model response': (i) => ({
    id: flat(`response ${i}`),
    text: flat(`${i} ${'The answer. '.repeat(100)}`),
    usage: { prompt: i, completion: 7, total: i + 7 },
    cost: i / 3,
    tags: [flat(`a${i}`), flat(`b${i}`)],
    at: new Date(i),
  }),
  'rows as JSON.parse makes them': (i) =>
    JSON.parse(
      JSON.stringify(
        Array.from({ length: 40 }, (_, j) => ({
          id: `row ${i} ${j}`,
          score: j / 7,
          name: `Student number ${j} of ${i}`,
          passed: j % 2 === 0,
          grade: j,
        })),
      ),
    ),
  'arrays in arrays': (i) =>
    Array.from({ length: 60 }, (_, j) => Array.from({ length: 40 }, (_, k) => ({ at: [i, j, k], score: k / 7 }))),
  'messages that alternate between long and short': (i) =>
    Array.from({ length: 80 }, (_, j) => ({
      role: 'user',
      content: flat(`${i} ${j} ${'x'.repeat(j % 2 ? 30 : 2000)}`),
    })),
  'an object whose last member is large': (i) => ({
    ...Object.fromEntries(Array.from({ length: 69 }, (_, j) => [`column ${j}`, j])),
    last: flat(`${i} ${'x'.repeat(20_000)}`),
  }),
  'a long text referred to 20 times': (i) => {
    const text = flat(`${i} ${'x'.repeat(3000)}`);
    return Array.from({ length: 20 }, (_, j) => ({ j, text }));
  },
  'more members than are looked at': (i) =>
    Array.from({ length: 6000 }, (_, j) => ({ j, text: flat(`${i} ${j} ${'x'.repeat(j % 2 ? 10 : 500)}`) })),
  'a linked list': (i) => {
    let list: unknown = null;
    for (let j = 0; j < 3000; j += 1) list = { j, i, list };
    return list;
  },
  'a dictionary of 50 names': (i) => dictionary(i, 50),
  'a dictionary of 100 names': (i) => dictionary(i, 100),
  'a dictionary of 200 names': (i) => dictionary(i, 200),
  'a dictionary of 1000 names': (i) => dictionary(i, 1000),
  'rows of 24 columns': (i) =>
    Array.from({ length: 30 }, (_, j) =>
      JSON.parse(JSON.stringify(Object.fromEntries(Array.from({ length: 24 }, (_, k) => [`column ${k}`, i + j + k])))),
    ),
  'a Map': (i) => new Map(Array.from({ length: 200 }, (_, j) => [flat(`key ${i} ${j}`), j])),
};

test.each(Object.entries(values))('memoryUsage is within a quarter of what is really held: %s', async (kind, value) => {
  await collect();
  const before = held();
  // The larger a value, the fewer of them.
  const count = FEWER[kind] ?? COUNT;
  const cache = new ResponseCache({ maxSize: count });
  for (let i = 0; i < count; i += 1) cache.set(`prompt ${i}`, { model: 'm' }, value(i));
  await collect();
  const truth = held() - before;
  const { memoryUsage, size } = cache.getStats();
  expect(size).toBe(count);
  expect(memoryUsage / truth).toBeGreaterThan(0.75);
  expect(memoryUsage / truth).toBeLessThan(1.25);
});

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

test('what is evicted, deleted, expired or cleared is let go', async () => {
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

test('a million sets in a cache of 100 leave memory flat', async () => {
  const cache = new LRUCache<string>({ maxSize: 100 });
  const fill = (from: number, to: number) => {
    for (let i = from; i < to; i += 1) cache.set(`key ${i}`, `value ${i}`);
  };
  fill(0, 100_000);
  await collect();
  const [heap, rss] = [held(), process.memoryUsage().rss];
  fill(100_000, 1_000_000);
  await collect();
  expect(held() - heap).toBeLessThan(1e6);
  expect(process.memoryUsage().rss - rss).toBeLessThan(24e6);
  expect(cache.getStats()).toMatchObject({ size: 100, evictions: 999_900 });
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
