// What timing a call costs, next to the peers, in one process and in turns; then memory, reports and benchmark figures.
//   npm run build && node --expose-gc benches/js/monitor.bench.mjs
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHistogram, performance as perf } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Benchmark, PerformanceMonitor } from '@aah/ai-evals/performance';
import client from 'prom-client';
import { Bench } from 'tinybench';

const CALLS = 100_000;
const ROUNDS = 15;
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const monitor = new PerformanceMonitor();
const listened = new PerformanceMonitor();
listened.on('end', () => {});
const plain = new client.Histogram({ name: 'plain', help: 'x', registers: [] });
const labelled = new client.Histogram({ name: 'labelled', help: 'x', labelNames: ['name'], registers: [] });
const node = createHistogram();
const work = () => 1;
const workAsync = async () => 1;
const timed = perf.timerify(work, { histogram: createHistogram() });

const subjects = {
  'start + end': () => {
    monitor.start('scoring');
    monitor.end('scoring');
  },
  'start + end, nested in another': () => {
    monitor.start('case');
    monitor.start('scoring');
    monitor.end('scoring');
    monitor.end('case');
  },
  'start + end, with a listener': () => {
    listened.start('scoring');
    listened.end('scoring');
  },
  startTimer: () => monitor.startTimer('scoring').end(),
  measureSync: () => monitor.measureSync('scoring', work),
  'prom-client histogram timer': () => plain.startTimer()(),
  'prom-client histogram timer, labelled': () => labelled.startTimer({ name: 'scoring' })(),
  'performance.mark + mark + measure': () => {
    performance.mark('a');
    performance.mark('b');
    performance.measure('m', 'a', 'b');
  },
  'performance.timerify, histogram': () => timed(),
  '2 × performance.now + Node histogram': () => {
    const start = performance.now();
    node.record(Math.round((performance.now() - start) * 1e6) + 1);
  },
  '2 × performance.now': () => performance.now() - performance.now(),
};

const costs = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, subject] of Object.entries(subjects)) {
    const calls = name.startsWith('performance.mark') ? CALLS / 20 : CALLS;
    const start = perf.now();
    for (let i = 0; i < calls; i += 1) subject();
    costs[name].push(((perf.now() - start) / calls) * 1e6);
    performance.clearMarks();
    performance.clearMeasures();
  }
}
const own = median(costs['start + end']);
console.log(`\nOne timed call, median of ${ROUNDS} rounds (Node ${process.version}):`);
for (const [name, values] of Object.entries(costs)) {
  const ns = median(values);
  console.log(`  ${name.padEnd(40)} ${ns.toFixed(0).padStart(6)} ns   ${(ns / own).toFixed(2)} × start + end`);
}

// Rare calls find cold caches: the same next to the peers, in turns, each after a pause.
console.log(
  `\n  start + end against prom-client's timer in a tight loop: ${(own / median(costs['prom-client histogram timer'])).toFixed(2)}`,
);
const rare = ['start + end', 'prom-client histogram timer', '2 × performance.now'];
for (const [gap, pairs] of [
  [1, 1500],
  [10, 200],
  [50, 60],
]) {
  const taken = Object.fromEntries(rare.map((name) => [name, []]));
  for (let i = 0; i < pairs * rare.length; i += 1) {
    await sleep(gap);
    // In an order that differs from round to round: nobody follows the same neighbour always.
    const name = rare[(i + Math.floor(i / rare.length)) % rare.length];
    const subject = subjects[name];
    const start = perf.now();
    subject();
    taken[name].push((perf.now() - start) * 1000);
  }
  const [ours, theirs, bare] = rare.map((name) => median(taken[name]));
  console.log(
    `  a pair each ${gap} ms: ours ${ours.toFixed(2)} µs, prom-client ${theirs.toFixed(2)} µs, bare ${bare.toFixed(2)} µs; ` +
      `ours ${(ours / theirs).toFixed(2)} × prom-client`,
  );
}

const storage = new AsyncLocalStorage();
const asyncCosts = { 'measure (async)': [], 'AsyncLocalStorage.run alone': [], 'await alone': [] };
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, subject] of [
    ['measure (async)', () => monitor.measure('scoring', workAsync)],
    ['AsyncLocalStorage.run alone', () => storage.run({}, workAsync)],
    ['await alone', workAsync],
  ]) {
    const start = perf.now();
    for (let i = 0; i < CALLS / 5; i += 1) await subject();
    asyncCosts[name].push(((perf.now() - start) / (CALLS / 5)) * 1e6);
  }
}
console.log('\nOne timed asynchronous call:');
for (const [name, values] of Object.entries(asyncCosts)) {
  console.log(`  ${name.padEnd(40)} ${median(values).toFixed(0).padStart(6)} ns`);
}

const held = () => {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage();
};
const before = held();
for (let i = 0; i < 10_000_000; i += 1) {
  monitor.start('scoring');
  monitor.end('scoring');
}
monitor.getAllTimings();
const after = held();
const mb = (bytes) => `${(bytes / 1024 / 1024).toFixed(2)} MB`;
console.log(
  `\nTen million calls: heap ${mb(after.heapUsed - before.heapUsed)}, resident ${mb(after.rss - before.rss)} more`,
);

const names = Array.from({ length: 1000 }, (_, i) => `component-${i}`);
function callAll(monitor, times) {
  for (let i = 0; i < times; i += 1) {
    for (const name of names) {
      monitor.start(name);
      monitor.end(name);
    }
  }
}
function reportTimes(title, monitor, baseline) {
  const times = Array.from({ length: 15 }, () => {
    // Figures are kept until the next call: every report is of something new.
    callAll(monitor, 1);
    monitor.getComponentTiming(names[0]);
    const start = perf.now();
    monitor.generateReport(baseline);
    return perf.now() - start;
  });
  console.log(
    `A report over 1,000 components of ${title}: ${median(times).toFixed(2)} ms, the first ${times[0].toFixed(2)} ms`,
  );
}
for (const calls of [1, 100, 2000]) {
  const wide = new PerformanceMonitor();
  callAll(wide, calls);
  reportTimes(`${calls} calls`, wide);
}
for (const calls of [40, 100, 2000]) {
  const compared = new PerformanceMonitor();
  callAll(compared, calls);
  compared.setBaseline('before');
  callAll(compared, calls);
  reportTimes(`${calls} calls, against a baseline of as many`, compared, 'before');
}

console.log('\nA function that takes a few nanoseconds, and one that does nothing:');
let seed = 1;
const step = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
  return seed;
};
const benchmark = new Benchmark();
const bench = new Bench({ time: 200 }).add('step', step).add('nothing', () => {});
await bench.run();
for (const [name, fn, i] of [
  ['step', step, 0],
  ['nothing', () => {}, 1],
]) {
  const ours = benchmark.runSync({ name }, fn).medianDuration * 1e6;
  const theirs = bench.tasks[i].result.latency.p50 * 1e6;
  console.log(`  ${name}: ${ours.toFixed(2)} ns; tinybench ${theirs.toFixed(1)} ns`);
}

console.log('\nOne function twice, one run after the other, 30 pairs each: how often is it called different?');
const text = JSON.stringify({ id: 1, name: 'a', tags: ['x', 'y'], score: 0.5 });
const numbers = Array.from({ length: 100 }, (_, i) => (i * 7919) % 101);
for (const [name, fn] of [
  ['JSON.parse', () => JSON.parse(text)],
  ['sort', () => [...numbers].sort((a, b) => a - b)],
  ['step', step],
]) {
  const wrong = { ours: 0, theirs: 0 };
  const theirs = async () => {
    const once = new Bench({ time: 50, warmupTime: 20 }).add(name, fn);
    await once.run();
    const { mean, moe } = once.tasks[0].result.latency;
    return { mean, moe };
  };
  for (let i = 0; i < 30; i += 1) {
    const comparison = benchmark.compare(benchmark.runSync({ name }, fn), benchmark.runSync({ name }, fn));
    wrong.ours += comparison.verdict === 'similar' ? 0 : 1;
    const [a, b] = [await theirs(), await theirs()];
    wrong.theirs += Math.abs(a.mean - b.mean) > a.moe + b.moe ? 1 : 0;
  }
  console.log(`  ${name}: ${wrong.ours}; intervals of tinybench that do not meet: ${wrong.theirs}`);
}
