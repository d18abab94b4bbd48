/** One estimate of sizes for all: caches, streams and writers, compared with what V8's heap really takes. */
import { setImmediate } from 'node:timers/promises';
import { DatasetStream, LRUCache, ResponseCache } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';

const collect = async () => {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await setImmediate();
  }
};

/** Bytes on V8's heap and in array buffers. */
const held = () => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** A flat string that shares memory with no other. */
const flat = (text: string) => Buffer.from(text, 'utf8').toString('utf8');
const json = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const list = <T>(length: number, fill: (i: number) => T): T[] => Array.from({ length }, (_, i) => fill(i));
const dictionary = (i: number, size: number) =>
  json(Object.fromEntries(list(size, (j) => [`student-${i}-${j}`, j] as const)));
const bare = (members: object) => Object.assign(Object.create(null), members);

class Answer {
  readonly text: string;
  readonly tokens: number;
  readonly at: Date;
  constructor(i: number) {
    this.text = flat(`answer ${i} of an instance`);
    this.tokens = i;
    this.at = new Date(i);
  }
}

/** Rows of matrices of 100 rows. */
let matrix = new Float32Array(0);
const row = (i: number) => {
  if (i % 100 === 0) matrix = new Float32Array(100 * 64);
  return matrix.subarray(64 * (i % 100), 64 * (i % 100) + 64);
};

const kinds: Record<string, [make: (i: number) => unknown]> = {
  'text of one byte per unit': [(i) => flat(`${i} ${'x'.repeat(3000)}`)],
  'text of two bytes per unit': [(i) => flat(`${i} ${'ж'.repeat(3000)}`)],
  'text whose only wide unit is the last': [(i) => flat(`${i} ${'x'.repeat(2000)}ж`)],
  'number[1536]': [(i) => Array.from({ length: 1536 }, (_, j) => Math.sin(i + j))],
  'Float32Array(1536)': [(i) => new Float32Array(1536).fill(i)],
  'Float64Array(384)': [(i) => new Float64Array(384).fill(i)],
  'a model response': [
    (i) => ({
      id: flat(`response ${i}`),
      text: flat(`${i} ${'The answer. '.repeat(100)}`),
      usage: { prompt: i, completion: 7, total: i + 7 },
      cost: i / 3,
      tags: [flat(`a${i}`), flat(`b${i}`)],
      at: new Date(i),
    }),
  ],
  'rows as JSON.parse makes them': [
    (i) =>
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
  ],
  'arrays in arrays': [
    (i) =>
      Array.from({ length: 60 }, (_, j) => Array.from({ length: 40 }, (_, k) => ({ at: [i, j, k], score: k / 7 }))),
  ],
  'messages that alternate between long and short': [
    (i) =>
      Array.from({ length: 80 }, (_, j) => ({
        role: 'user',
        content: flat(`${i} ${j} ${'x'.repeat(j % 2 ? 30 : 2000)}`),
      })),
  ],
  'an object whose last member is large': [
    (i) => ({
      ...Object.fromEntries(Array.from({ length: 69 }, (_, j) => [`column ${j}`, j])),
      last: flat(`${i} ${'x'.repeat(20_000)}`),
    }),
  ],
  'a long text referred to 20 times': [
    (i) => {
      const text = flat(`${i} ${'x'.repeat(3000)}`);
      return Array.from({ length: 20 }, (_, j) => ({ j, text }));
    },
  ],
  'more members than are looked at': [
    (i) => Array.from({ length: 6000 }, (_, j) => ({ j, text: flat(`${i} ${j} ${'x'.repeat(j % 2 ? 10 : 500)}`) })),
  ],
  'a linked list': [
    (i) => {
      let list: unknown = null;
      for (let j = 0; j < 3000; j += 1) list = { j, i, list };
      return list;
    },
  ],
  'a dictionary of 50 names': [(i) => dictionary(i, 50)],
  'a dictionary of 100 names': [(i) => dictionary(i, 100)],
  'a dictionary of 200 names': [(i) => dictionary(i, 200)],
  'a dictionary of 1000 names': [(i) => dictionary(i, 1000)],
  'rows of 24 columns': [
    (i) =>
      Array.from({ length: 30 }, (_, j) =>
        JSON.parse(
          JSON.stringify(Object.fromEntries(Array.from({ length: 24 }, (_, k) => [`column ${k}`, i + j + k]))),
        ),
      ),
  ],
  'a Map': [(i) => new Map(Array.from({ length: 200 }, (_, j) => [flat(`key ${i} ${j}`), j]))],
  'an item with number[1536]': [(i) => ({ v: list(1536, (j) => Math.sin(i + j)) })],
  'an item with number[1536] of JSON': [(i) => json({ v: list(1536, (j) => Math.sin(i + j)) })],
  'small integers': [(i) => list(500, (j) => i + j)],
  'numbers with holes': [(i) => Object.assign(new Array(300), { 7: i / 3, 200: 0.5, ...list(150, (j) => j / 7) })],
  'integers and fractions of JSON': [(i) => json(list(200, (j) => (j % 2 ? i + j : j / 7)))],
  'numbers and texts': [(i) => list(200, (j) => (j % 2 ? i + j / 7 : flat(`row ${i} column ${j}`)))],
  'a sparse array': [(i) => Object.assign([], { 5: i, 2000000: i })],
  'fractions in members': [(i) => ({ precision: i / 3, recall: i / 7, f1: i / 11 })],
  'a small record with labels, of JSON': [
    (i) => json({ id: `q${i}`, category: 'math', split: 'test', level: 'easy', passed: true }),
  ],
  'a message of a chat, of JSON': [(i) => json({ role: 'assistant', content: `It is ${i}, because.` })],
  'a Date': [(i) => new Date(i)],
  'a record with dates': [(i) => ({ from: new Date(i), to: new Date(i + 1), i })],
  'a small Map': [(i) => new Map([['k', i]])],
  'a Map of 5': [(i) => new Map(list(5, (j) => [j, i + j] as const))],
  'a small Set': [(i) => new Set([i, i + 1])],
  'a Set of texts': [(i) => new Set(list(100, (j) => flat(`member ${i} ${j}`)))],
  'a BigInt': [(i) => BigInt(i)],
  'large BigInts': [(i) => list(20, (j) => 2n ** 200n + BigInt(i + j))],
  'a class instance': [(i) => new Answer(i)],
  'objects without a prototype': [(i) => bare({ i, text: flat(`text ${i} of it`) })],
  'an object of 12 members without a prototype': [
    (i) => bare(Object.fromEntries(list(12, (j) => [`column${j}`, i + j] as const))),
  ],
  'a small typed array': [() => new Uint8Array(16)],
  'a small Buffer of the pool': [(i) => Buffer.from(`answer ${i}`)],
  'rows of a matrix': [(i) => ({ row: row(i) })],
  'an ArrayBuffer': [() => new ArrayBuffer(1000)],
  'a DataView': [() => new DataView(new ArrayBuffer(200))],
  'a regular expression': [(i) => new RegExp(`answer ${i} of it`)],
  'nested objects': [(i) => ({ a: { b: { c: { d: { i, e: [{ f: i }] } } } } })],
  'tool calls, of JSON': [
    (i) =>
      json({
        id: `call_${i}_abcdefghijkl`,
        type: 'function',
        function: { name: 'search', arguments: `{"query":"number ${i}","limit":10}` },
        usage: { prompt_tokens: i, completion_tokens: 7, total_tokens: i + 7 },
      }),
  ],
  'an object referred to twice': [
    (i) => {
      const shared = { text: flat(`${i} ${'x'.repeat(3000)}`) };
      return { first: shared, second: shared };
    },
  ],
  'a cycle': [
    (i) => {
      const node: Record<string, unknown> = { i, text: flat(`a text of node ${i}`.padEnd(200)) };
      node.self = node;
      return node;
    },
  ],
};

/** Bytes that are held of each kind, so that what else the process does is nothing beside it. */
const HELD = 8e6;

/** Number of values that take that much. */
function countOf(make: (i: number) => unknown): number {
  const stream = new DatasetStream<unknown>({ maxMemory: 1e10 });
  stream.push(make(0));
  return Math.min(100_000, Math.ceil(HELD / stream.getStats().memoryUsage));
}

/** The memory that a holder of values says they take. */
const holders: Record<string, (values: readonly unknown[]) => number> = {
  ResponseCache: (values) => {
    const used = (held: readonly unknown[]) => {
      const cache = new ResponseCache({ maxSize: held.length });
      for (const [i, value] of held.entries()) cache.set(i, undefined, value);
      return cache.getStats().memoryUsage;
    };
    // The tables of the engine are not on the heap.
    return used(values) - used(values.map(() => 1));
  },
  DatasetStream: (values) => {
    const stream = new DatasetStream<unknown>({ bufferSize: values.length + 1, maxMemory: 1e10 });
    for (const value of values) stream.push(value);
    // Its own pointers are not on this heap's account.
    return stream.getStats().memoryUsage - 8 * values.length;
  },
};

/** The values under test. What the test before held is let go before the next is measured. */
let values: unknown[] = [];

function fill(make: (i: number) => unknown): void {
  for (let i = 0; i < values.length; i += 1) values[i] = make(i);
}

describe.each(Object.entries(holders))('memoryUsage of a %s is within 25 %% of the heap', (_, usage) => {
  test.each(Object.entries(kinds))('%s', async (_kind, [make]) => {
    values = new Array(countOf(make)).fill(null);
    fill(make);
    values.fill(null);
    await collect();
    const before = held();
    fill(make);
    await collect();
    const truth = held() - before;
    const ratio = usage(values) / truth;
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(1.25);
  });
});

test('caches and streams give a value the same size', () => {
  for (const [name, [make]] of Object.entries(kinds)) {
    const stream = new DatasetStream<unknown>({ maxMemory: 1e10 });
    const cache = new LRUCache({ maxSize: 2 });
    cache.set('0', 0);
    cache.set('1', 0);
    const before = cache.getStats().memoryUsage;
    const value = make(1);
    // Names and labels that nobody had before count once.
    stream.push(value);
    stream.clear();
    stream.push(value);
    cache.set('1', value);
    const size = cache.getStats().memoryUsage - before;
    expect([name, Math.abs(stream.getStats().memoryUsage - 8 - size) <= 1]).toEqual([name, true]);
  }
});

describe('a value that cannot be looked at', () => {
  test('is held all the same', () => {
    const thrower = {
      get text(): string {
        throw new Error('no');
      },
    };
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const cache = new LRUCache();
    const stream = new DatasetStream<unknown>();
    for (const value of [thrower, revoked.proxy]) {
      cache.set('k', value);
      expect(cache.get('k')).toBe(value);
      expect(stream.push(value)).toBe(true);
    }
    expect(stream.getStats().memoryUsage).toBeGreaterThan(0);
  });

  test('is any depth', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = { deep };
    const cache = new LRUCache();
    cache.set('k', deep);
    expect(cache.getStats().memoryUsage).toBeGreaterThan(100_000);
  });
});

test('a getter that asks for a size gets its own', () => {
  const cache = new LRUCache();
  const value = {
    text: 'x'.repeat(1000),
    get more() {
      cache.set('inner', { text: 'y'.repeat(10_000) });
      return 'z'.repeat(1000);
    },
  };
  cache.set('outer', value);
  expect(cache.getStats().memoryUsage).toBeGreaterThan(12_000);
  expect(cache.getStats().memoryUsage).toBeLessThan(14_000);
});
