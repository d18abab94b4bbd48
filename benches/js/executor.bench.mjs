// The executor beside p-queue and p-limit (no limits there, limits here), and what it promises of speed.
//
//   node --expose-gc benches/js/executor.bench.mjs            a minute or so
//   node --expose-gc benches/js/executor.bench.mjs --minute   with a run under real per-minute limits (two minutes more)
//
// Rounds are interleaved and medians of processor time compared, so that a noisy machine disturbs all alike (wall time in
// brackets). Ratios above 1: we are better.
import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import pLimit from 'p-limit';
import PQueue from 'p-queue';

const CONCURRENCY = 10;
const LIMITED = { requestsPerMinute: 1e9, tokensPerMinute: 1e12 };
const UNLIMITED = { requestsPerMinute: Number.POSITIVE_INFINITY, tokensPerMinute: Number.POSITIVE_INFINITY };
const testCase = { id: 'c', input: 'question', expected: 'answer' };
const runnerConfig = { modelId: 'openai/gpt-4' };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const taskList = (count) => Array.from({ length: count }, (_, i) => ({ id: `t${i}`, testCase, runnerConfig }));
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const noOp = async () => 1;

function ours(rateLimit) {
  return (tasks) => new ParallelExecutor({ concurrency: CONCURRENCY, rateLimit }).executeTasks(tasks, noOp);
}

const contenders = {
  'ours, limits on': ours(LIMITED),
  'ours, no limits': ours(UNLIMITED),
  'p-limit, no limits': (tasks) => {
    const limit = pLimit(CONCURRENCY);
    return Promise.all(tasks.map((task) => limit(noOp, task)));
  },
  'p-queue, no limits': (tasks) => {
    const queue = new PQueue({ concurrency: CONCURRENCY });
    return Promise.all(tasks.map((task) => queue.add(() => noOp(task))));
  },
};

console.log(`per no-op task at concurrency ${CONCURRENCY}, median of interleaved rounds`);
for (const [count, rounds] of [
  [1000, 9],
  [10_000, 9],
  [100_000, 5],
  [1_000_000, 3],
]) {
  const tasks = taskList(count);
  // Long enough for the collector's work after a forced collection not to count.
  const repeats = Math.max(Math.round(50_000 / count), 1);
  // p-queue takes minutes for a million.
  const names = Object.keys(contenders).filter((name) => count < 1_000_000 || !name.startsWith('p-queue'));
  const [times, walls] = [Object.fromEntries(names.map((n) => [n, []])), Object.fromEntries(names.map((n) => [n, []]))];
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const run = contenders[name];
      globalThis.gc?.();
      const [start, processor] = [performance.now(), process.cpuUsage()];
      for (let repeat = 0; repeat < repeats; repeat += 1) await run(tasks);
      const { user, system } = process.cpuUsage(processor);
      times[name].push((user + system) / 1000 / repeats);
      walls[name].push((performance.now() - start) / repeats);
    }
  }
  const base = median(times['ours, limits on']);
  const row = Object.entries(times).map(([name, values]) => {
    const middle = median(values);
    const wall = ((median(walls[name]) / count) * 1e6).toFixed(0);
    return `${name} ${((middle / count) * 1e6).toFixed(0)} ns [${wall}] ×${(middle / base).toFixed(2)}`;
  });
  console.log(`${String(count).padStart(9)}: ${row.join(' | ')}`);
}

async function perQueuedTask(start) {
  const tasks = taskList(100_000);
  globalThis.gc?.();
  const before = process.memoryUsage();
  const { finish } = await start(tasks);
  globalThis.gc?.();
  const after = process.memoryUsage();
  await finish();
  return (after.heapUsed + after.external - before.heapUsed - before.external) / tasks.length;
}

console.log('\nmemory per queued task, 100,000 queued');
const gate = () => {
  let open;
  const closed = new Promise((resolve) => {
    open = resolve;
  });
  return { open: () => open(), wait: () => closed };
};
function finished(open, run) {
  open();
  return run;
}
const memory = {
  ours: async (tasks) => {
    const { open, wait } = gate();
    const run = new ParallelExecutor({ concurrency: CONCURRENCY, rateLimit: UNLIMITED }).executeTasks(tasks, wait);
    await sleep(5);
    return { finish: () => finished(open, run) };
  },
  'p-limit': async (tasks) => {
    const { open, wait } = gate();
    const limit = pLimit(CONCURRENCY);
    const run = Promise.all(tasks.map(() => limit(wait)));
    await sleep(5);
    return { finish: () => finished(open, run) };
  },
  'p-queue': async (tasks) => {
    const { open, wait } = gate();
    const queue = new PQueue({ concurrency: CONCURRENCY });
    const run = Promise.all(tasks.map(() => queue.add(wait)));
    await sleep(5);
    return { finish: () => finished(open, run) };
  },
};
for (const [name, start] of Object.entries(memory)) {
  await perQueuedTask(start);
  console.log(`  ${name}: ${(await perQueuedTask(start)).toFixed(0)} B`);
}

console.log('\n200 simulated calls of 200 ms');
const start = performance.now();
await new ParallelExecutor({ concurrency: 10, rateLimit: UNLIMITED }).executeTasks(taskList(200), () => sleep(200));
const elapsed = performance.now() - start;
console.log(`  one by one 40,000 ms; at concurrency 10 ${elapsed.toFixed(0)} ms: ×${(40_000 / elapsed).toFixed(1)}`);

if (process.argv.includes('--minute')) {
  console.log('\n2,000 calls under 1,000 requests in any 60 s (theoretical minimum 60 s)');
  const starts = [];
  const executor = new ParallelExecutor({ concurrency: 50, rateLimit: { ...UNLIMITED, requestsPerMinute: 1000 } });
  await executor.executeTasks(taskList(2000), async () => {
    starts.push(performance.now());
    await sleep(20);
  });
  let [worst, oldest] = [0, 0];
  for (let newest = 0; newest < starts.length; newest += 1) {
    while (starts[oldest] + 60_000 <= starts[newest]) oldest += 1;
    worst = Math.max(worst, newest - oldest + 1);
  }
  const seconds = (starts.at(-1) - starts[0]) / 1000;
  console.log(
    `  worst window ${worst} calls; ${seconds.toFixed(2)} s, ${((seconds / 60 - 1) * 100).toFixed(2)} % over the minimum`,
  );
}
