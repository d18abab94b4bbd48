// Caches side by side with what they replace: `node --expose-gc benches/js/cache.bench.mjs` after `npm run build`.
//
// All peers do the same work in one process, in interleaved rounds; figures are medians of rounds, in ns per operation.
// "sha256" is JSON.stringify + SHA-256 + Map, "lru-cache" is that package with JSON.stringify as its key.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddingCache, LRUCache, QueryCache, ResponseCache } from '@aah/ai-evals/performance';
import { LRUCache as LruPackage } from 'lru-cache';

const ROUNDS = 15;
// CPU time, not wall time: the machine may be busy with something else.
const now = () => process.cpuUsage().user * 1000;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Medians in ns per operation of each of `peers`, a function `(operations) => any` by name. */
function measure(peers, operations) {
  const samples = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
  for (let round = -3; round < ROUNDS; round += 1) {
    for (const [name, run] of Object.entries(peers)) {
      const start = now();
      run(operations);
      if (round >= 0) samples[name].push((now() - start) / operations);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)]));
}

const lost = [];
function report(title, medians, targets = {}) {
  const ours = medians.ours;
  const cells = Object.entries(medians).map(([name, ns]) => {
    if (name === 'ours') return `ours ${ns.toFixed(0)} ns`;
    const ratio = ns / ours;
    const target = targets[name];
    if (ratio < (target ?? 1))
      lost.push(`${title}: ${ratio.toFixed(2)}x against ${name}${target ? `, target ${target}x` : ''}`);
    return `${name} ${ns.toFixed(0)} ns = ${ratio.toFixed(2)}x${target ? ` (target ${target}x)` : ''}`;
  });
  console.log(`${title.padEnd(44)} ${cells.join('   ')}`);
}

/** A flat string, as a file or a response gives it, that no other shares memory with. */
const flat = (text) => Buffer.from(text, 'utf8').toString('utf8');
const config = () => ({ modelId: 'openai/gpt-4', temperature: 0.7, maxTokens: 1000 });
const words = 'the quick brown fox asks a large language model about "seven lazy dogs" and their\nstudent metrics ';
const prompt = (i, length) => flat(`${i}: ${words.repeat(Math.ceil(length / words.length))}`.slice(0, length));
const N = 200;

function hits(inputOf) {
  const stored = Array.from({ length: N }, (_, i) => inputOf(i));
  const asked = Array.from({ length: N }, (_, i) => inputOf(i));
  const configs = Array.from({ length: 7 }, config);
  const ours = new ResponseCache({ maxSize: 500 });
  const digests = new Map();
  const digest = (input, modelConfig) =>
    createHash('sha256').update(JSON.stringify({ input, modelConfig })).digest('hex');
  const peer = new LruPackage({ max: 500, ttl: 7_200_000 });
  const text = (input, modelConfig) => JSON.stringify({ input, modelConfig });
  for (const [i, input] of stored.entries()) {
    ours.set(input, config(), i);
    digests.set(digest(input, config()), i);
    peer.set(text(input, config()), i);
  }
  const loop = (get) => (operations) => {
    let sum = 0;
    for (let i = 0; i < operations; i += 1) sum += get(asked[i % N], configs[i % 7]);
    if (!(sum >= 0)) throw new Error('a peer missed');
  };
  return {
    ours: loop((input, modelConfig) => ours.get(input, modelConfig)),
    sha256: loop((input, modelConfig) => digests.get(digest(input, modelConfig))),
    'lru-cache': loop((input, modelConfig) => peer.get(text(input, modelConfig))),
  };
}

console.log(`Node ${process.version}, ${ROUNDS} rounds\n\nHits`);
for (const [length, sha256, lru] of [
  [100, 2, 1],
  [1000, 4, 3.5],
  [10_000, 10, 10],
]) {
  report(
    `string prompt of ${length} B`,
    measure(
      hits((i) => prompt(i, length)),
      Math.max(1000, 4_000_000 / (length + 100)),
    ),
    { sha256, 'lru-cache': lru },
  );
}
report(
  'string prompt of 10000 units, Cyrillic',
  measure(
    hits((i) => flat(`${i} ${'вопрос '.repeat(2000)}`.slice(0, 10_000))),
    500,
  ),
);
const chat = (i) => [
  { role: 'system', content: flat(`You are a helpful assistant. ${words.repeat(3)}`) },
  { role: 'user', content: prompt(i, 600) },
  { role: 'assistant', content: prompt(i + 1, 500) },
  { role: 'user', content: prompt(i + 2, 500) },
];
report('chat of 4 messages, 2 KB', measure(hits(chat), 4000), { sha256: 3, 'lru-cache': 3 });
report(
  'object of 12 members',
  measure(
    hits((i) => ({
      id: i,
      name: `case ${i}`,
      question: prompt(i, 80),
      tags: ['a', 'b'],
      level: 3,
      ratio: 0.25,
      ok: true,
      none: null,
      nested: { x: 1, y: 2 },
      lang: 'en',
      kind: 'qa',
      seed: 7,
    })),
    5000,
  ),
);

console.log('\nText keys');
{
  const texts = Array.from({ length: N }, (_, i) => prompt(i, 60));
  const ours = new LRUCache({ maxSize: 500 });
  const peer = new LruPackage({ max: 500, ttl: 3_600_000 });
  for (const [i, text] of texts.entries()) {
    ours.set(text, i);
    peer.set(text, i);
  }
  const loop = (get) => (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += 1) sum += get(texts[i % N]);
    return sum;
  };
  report(
    'LRUCache.get, same string objects, 60 B',
    measure({ ours: loop((t) => ours.get(t)), 'lru-cache': loop((t) => peer.get(t)) }, 50_000),
    { 'lru-cache': 0.7 },
  );
  const setting = (set) => (n) => {
    for (let i = 0; i < n; i += 1) set(texts[i % N], i);
  };
  report(
    'LRUCache.set, another value, 60 B',
    measure({ ours: setting((t, v) => ours.set(t, v)), 'lru-cache': setting((t, v) => peer.set(t, v)) }, 50_000),
    { 'lru-cache': 0.5 },
  );
  // Twice as many texts as there is room: every set evicts.
  const many = Array.from({ length: 1000 }, (_, i) => prompt(i, 60));
  const evicting = (set) => (n) => {
    for (let i = 0; i < n; i += 1) set(many[i % 1000], i);
  };
  report(
    'LRUCache.set that evicts, 60 B',
    measure({ ours: evicting((t, v) => ours.set(t, v)), 'lru-cache': evicting((t, v) => peer.set(t, v)) }, 50_000),
    { 'lru-cache': 0.5 },
  );
}
{
  const prompts = Array.from({ length: N }, (_, i) => prompt(i, 1000));
  const cache = new ResponseCache();
  const settings = config();
  const each = (use) => (n) => {
    for (let i = 0; i < n; i += 1) use(prompts[i % N]);
  };
  report(
    'ResponseCache.set, 1 KB, beside get',
    measure({ ours: each((p) => cache.set(p, settings, p)), get: each((p) => cache.get(p, settings)) }, 20_000),
    { get: 0.66 },
  );
}
{
  const texts = Array.from({ length: 1000 }, (_, i) => prompt(i, 200));
  const ours = new EmbeddingCache({ maxSize: 2000 });
  ours.batchSet(texts.map((text) => [text, new Float32Array(8)]));
  report(
    'EmbeddingCache.batchGet of 1000, per text',
    measure(
      {
        ours: (n) => {
          for (let i = 0; i < n; i += 1000) ours.batchGet(texts);
        },
        'one get each': (n) => {
          for (let i = 0; i < n; i += 1000) new Map(texts.map((text) => [text, ours.get(text)]));
        },
      },
      20_000,
    ),
  );
}

console.log('\nEvicting set');
{
  const evicting = (maxSize) => {
    const cache = new LRUCache({ maxSize });
    let next = 0;
    for (; next < maxSize * 2; next += 1) cache.set(`key ${next}`, next);
    return (n) => {
      for (let i = 0; i < n; i += 1) cache.set(`key ${next++}`, i);
    };
  };
  const peer = (max) => {
    const cache = new LruPackage({ max, ttl: 3_600_000 });
    let next = 0;
    for (; next < max * 2; next += 1) cache.set(`key ${next}`, next);
    return (n) => {
      for (let i = 0; i < n; i += 1) cache.set(`key ${next++}`, i);
    };
  };
  const medians = measure(
    {
      'ours, 500': evicting(500),
      'ours, 500000': evicting(500_000),
      'lru-cache, 500': peer(500),
      'lru-cache, 500000': peer(500_000),
    },
    20_000,
  );
  for (const [name, ns] of Object.entries(medians)) console.log(`  ${name.padEnd(20)} ${ns.toFixed(0)} ns`);
  console.log(
    `  500000 / 500: ours ${(medians['ours, 500000'] / medians['ours, 500']).toFixed(2)}x, lru-cache ${(medians['lru-cache, 500000'] / medians['lru-cache, 500']).toFixed(2)}x`,
  );
  const stats = (maxSize) => {
    const cache = new QueryCache({ maxSize });
    for (let i = 0; i < maxSize; i += 1) cache.set('q', i, i);
    return (n) => {
      for (let i = 0; i < n; i += 1) cache.getStats();
    };
  };
  const { small, large } = measure({ small: stats(200), large: stats(50_000) }, 5000);
  console.log(`  getStats of 200 entries ${small.toFixed(0)} ns, of 50000 ${large.toFixed(0)} ns`);
}

console.log('\nBeyond one thread: hits of a 2 KB answer');
{
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-bench-'));
  const answer = (i) => ({ text: prompt(i, 2000), usage: { prompt: 200, completion: 500, total: 700 }, id: `a${i}` });
  const caches = {
    ours: new ResponseCache({ maxSize: 500 }),
    shared: new ResponseCache({ maxSize: 500, shared: 'bench' }),
    persist: new ResponseCache({ persist: join(folder, 'answers.db') }),
  };
  const inputs = Array.from({ length: N }, (_, i) => prompt(i, 500));
  const modelConfig = config();
  for (const cache of Object.values(caches))
    for (const [i, input] of inputs.entries()) cache.set(input, modelConfig, answer(i));
  const loop = (cache) => (n) => {
    for (let i = 0; i < n; i += 1) if (cache.get(inputs[i % N], modelConfig) === undefined) throw new Error('missed');
  };
  const medians = measure(Object.fromEntries(Object.entries(caches).map(([name, cache]) => [name, loop(cache)])), 4000);
  for (const [name, ns] of Object.entries(medians)) console.log(`  ${name.padEnd(20)} ${(ns / 1000).toFixed(2)} us`);
  for (const [name, target] of [
    ['shared', 5000],
    ['persist', 20_000],
  ]) {
    if (medians[name] > target) lost.push(`a ${name} hit takes ${medians[name].toFixed(0)} ns, target ${target}`);
  }

  const value = answer(0);
  const writes = measure(
    {
      ours: (n) => {
        for (let i = 0; i < n; i += 1) caches.ours.set(i, modelConfig, value);
      },
      shared: (n) => {
        for (let i = 0; i < n; i += 1) caches.shared.set(i, modelConfig, value);
      },
      persist: (n) => {
        for (let i = 0; i < n; i += 1) caches.persist.set(i, modelConfig, value);
      },
    },
    500,
  );
  console.log(
    '  set:',
    Object.entries(writes)
      .map(([name, ns]) => `${name} ${(ns / 1000).toFixed(1)} us`)
      .join(', '),
  );
  for (const cache of [caches.shared, caches.persist]) cache.close();

  const file = join(folder, 'large.db');
  const large = new EmbeddingCache({ persist: file, maxSize: 200_000 });
  for (let at = 0; at < 100_000; at += 5000) {
    large.batchSet(Array.from({ length: 5000 }, (_, i) => [`text ${at + i}`, new Float32Array(64)]));
  }
  large.close();
  const openings = Array.from({ length: 5 }, () => {
    const start = performance.now();
    const cache = new EmbeddingCache({ persist: file, maxSize: 200_000 });
    const { size } = cache.getStats();
    const took = performance.now() - start;
    if (size !== 100_000) throw new Error(`${size} entries`);
    cache.close();
    return took;
  });
  const opening = median(openings);
  console.log(`  opening 100,000 entries and reading their figures: ${opening.toFixed(1)} ms (target 100)`);
  if (opening > 100) lost.push(`opening 100,000 entries took ${opening.toFixed(1)} ms`);
  rmSync(folder, { recursive: true });
}

{
  // Calls of 20 ms at a concurrency of 50, as a run of an evaluation makes them; all threads' time counts.
  const CALLS = 10_000;
  const folder = mkdtempSync(join(tmpdir(), 'ai-evals-bench-'));
  const inputs = Array.from({ length: CALLS }, (_, i) => prompt(i, 600));
  const modelConfig = config();
  const usage = { prompt: 200, completion: 300, total: 500 };
  const call = (i) => () =>
    new Promise((resolve) => setTimeout(() => resolve({ text: prompt(i, 800), usage }), 15 + (i % 11)));
  const fill = async (cache) => {
    const start = process.cpuUsage();
    let next = 0;
    const work = async () => {
      for (let i = next++; i < CALLS; i = next++) {
        await (cache === undefined ? call(i)() : cache.getOrCompute(inputs[i], modelConfig, call(i)));
      }
    };
    await Promise.all(Array.from({ length: 50 }, work));
    cache?.close();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / CALLS;
  };
  const samples = { none: [], memory: [], persist: [] };
  for (let round = 0; round < 3; round += 1) {
    samples.none.push(await fill(undefined));
    samples.memory.push(await fill(new ResponseCache({ maxSize: CALLS })));
    samples.persist.push(await fill(new ResponseCache({ persist: join(folder, `${round}.db`) })));
  }
  rmSync(folder, { recursive: true });
  const [none, memory, persist] = Object.values(samples).map(median);
  console.log(
    `\nFilling the answer cache, per call: memory ${(memory - none).toFixed(0)} us, persist ${(persist - none).toFixed(0)} us ` +
      `(target 100) on top of the ${none.toFixed(0)} us of a call`,
  );
  if (persist - none > 100) lost.push(`filling the answer cache takes ${(persist - none).toFixed(0)} us a call`);
}
{
  const cache = new ResponseCache({ maxSize: 500 });
  const inputs = Array.from({ length: N }, (_, i) => prompt(i, 1000));
  const modelConfig = config();
  for (const [i, input] of inputs.entries()) cache.set(input, modelConfig, i);
  const compute = () => {
    throw new Error('missed');
  };
  // Asynchronous peers: measured by hand, interleaved, as `await` of either.
  const samples = { get: [], getOrCompute: [] };
  for (let round = -3; round < ROUNDS; round += 1) {
    let start = now();
    for (let i = 0; i < 20_000; i += 1) await cache.get(inputs[i % N], modelConfig);
    if (round >= 0) samples.get.push(now() - start);
    start = now();
    for (let i = 0; i < 20_000; i += 1) await cache.getOrCompute(inputs[i % N], modelConfig, compute);
    if (round >= 0) samples.getOrCompute.push(now() - start);
  }
  const ratio = median(samples.getOrCompute) / median(samples.get);
  console.log(`\nA hit by getOrCompute takes ${ratio.toFixed(2)}x one by get (target 1.3x), both awaited`);
  if (ratio > 1.3) lost.push(`getOrCompute takes ${ratio.toFixed(2)}x get`);
}

console.log(lost.length ? `\nWhere we lose or miss a target:\n  ${lost.join('\n  ')}` : '\nNo target missed.');
