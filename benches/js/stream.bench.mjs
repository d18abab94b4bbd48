// node --expose-gc benches/js/stream.bench.mjs [MB of JSON lines, default 1000]
//
// Whole-process figures, each in a process of its own, interleaved, medians of three:
// - a file of 1 KB cases through fromFile → process, against readline + JSON.parse and against reading it whole;
// - memory of holding 1,000 / 10,000 / 1,000,000 cases, above the baseline and after a collection (heap and external;
//   resident beside it): pushed into a stream that holds 100 bytes a case, against an array of them.
import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROUNDS = 3;
const self = fileURLToPath(import.meta.url);

let seed = 1;
const random = () => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff;
  return seed / 0x7fffffff;
};
const WORDS =
  'student athlete eligibility credit semester division compliance advisor transcript progress degree'.split(' ');
function text(length) {
  let made = '';
  while (made.length < length) made += `${WORDS[Math.floor(random() * WORDS.length)]} `;
  return made.slice(0, length);
}
const testCase = (i) => ({
  id: `case-${i}`,
  input: { prompt: text(520), student: { id: i, gpa: 3.25, tags: ['a', 'b'] } },
  expected: text(250),
  metadata: { difficulty: 'medium', category: 'compliance', tags: ['x'], createdAt: '2025-01-01', source: 'synthetic' },
});

const peakMb = () => process.resourceUsage().maxRSS / 1024;
/** What JavaScript and the addon hold: the heap, and outside of it what was reported to V8. */
const heldMb = () => {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 / 1024;
};
const rssMb = () => process.memoryUsage.rss() / 1024 / 1024;

/** What a child measures; `worst` is the longest time between two turns of the event loop. */
const WORK = {
  async stream(file) {
    const { DatasetStream } = await import('@aah/ai-evals/performance');
    let count = 0;
    await DatasetStream.fromFile(file).process(async (batch) => {
      count += batch.length;
    });
    return count;
  },
  async readline(file) {
    let count = 0;
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      JSON.parse(line);
      count += 1;
    }
    return count;
  },
};

const HOLD = {
  async stream(count) {
    const { DatasetStream } = await import('@aah/ai-evals/performance');
    const stream = new DatasetStream({ bufferSize: 50, maxMemory: Math.min(32 << 20, count * 100) });
    return {
      add: (item) => stream.push(item),
      held: () => stream.getStats().itemsBuffered,
      drop: () => stream.clear(),
    };
  },
  async array() {
    const items = [];
    return { add: (item) => items.push(item), held: () => items.length, drop: () => items.splice(0) };
  },
};

async function child([kind, name, argument]) {
  if (kind === 'read') {
    let last = performance.now();
    let worst = 0;
    const turn = setInterval(() => {}, 1000);
    const tick = () => {
      const now = performance.now();
      worst = Math.max(worst, now - last);
      last = now;
      timer = setImmediate(tick);
    };
    let timer = setImmediate(tick);
    const start = performance.now();
    const count = await WORK[name](argument);
    const seconds = (performance.now() - start) / 1000;
    clearImmediate(timer);
    clearInterval(turn);
    const { user, system } = process.cpuUsage();
    return { count, seconds, worst, peak: peakMb(), cpu: (user + system) / 1e6 };
  }
  const count = Number(argument);
  const { add, held } = await HOLD[name](count);
  // Everything both sides need is loaded and warm before the baseline is taken.
  const warm = await HOLD[name](300);
  for (let i = 0; i < 300; i += 1) warm.add(testCase(i));
  warm.drop();
  global.gc();
  const before = { rss: rssMb(), held: heldMb() };
  for (let i = 0; i < count; i += 1) {
    add(testCase(i));
    if (i % 20_000 === 0) global.gc();
  }
  global.gc();
  return { count: held(), held: heldMb() - before.held, rss: rssMb() - before.rss };
}

function run(...work) {
  const memory = work[1] === 'array' ? ['--max-old-space-size=8000'] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', ...memory, self, 'child', ...work], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const medians = (runs) => Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((r) => r[key]))]));
const line = (name, figures) => console.log(name.padEnd(34), figures);

async function writeCases(file, megabytes) {
  const out = createWriteStream(file);
  for (let bytes = 0, i = 0; bytes < megabytes * 1e6; i += 1) {
    const row = `${JSON.stringify(testCase(i))}\n`;
    bytes += row.length;
    if (!out.write(row)) await new Promise((resolve) => out.once('drain', resolve));
  }
  await new Promise((resolve) => out.end(resolve));
}

async function main(megabytes) {
  const directory = mkdtempSync(join(tmpdir(), 'stream-bench-'));
  const file = join(directory, 'cases.jsonl');
  try {
    await writeCases(file, megabytes);
    const runs = { stream: [], readline: [] };
    for (let round = 0; round < ROUNDS; round += 1) for (const name in runs) runs[name].push(run('read', name, file));
    const [ours, theirs] = [medians(runs.stream), medians(runs.readline)];
    console.log(`${megabytes} MB of 1 KB cases (JSON lines)`);
    for (const [name, m] of Object.entries({ 'fromFile → process': ours, 'readline + JSON.parse': theirs })) {
      line(
        name,
        `${m.seconds.toFixed(2)} s  ${Math.round(m.count / m.seconds)} cases/s  longest turn ${m.worst.toFixed(1)} ms  ` +
          `peak ${m.peak.toFixed(0)} MB  cpu ${m.cpu.toFixed(2)} s`,
      );
    }
    line('speed against readline', `${(theirs.seconds / ours.seconds).toFixed(2)} ×`);
    console.log('\nmemory above the baseline, holding cases');
    for (const count of [1000, 10_000, 1_000_000]) {
      const held = { stream: [], array: [] };
      for (let round = 0; round < (count > 100_000 ? 1 : ROUNDS); round += 1) {
        for (const name in held) held[name].push(run('hold', name, String(count)));
      }
      const [stream, array] = [medians(held.stream), medians(held.array)];
      line(
        `${count} cases`,
        `stream ${stream.held.toFixed(2)} MB  array ${array.held.toFixed(2)} MB  ` +
          `${(100 * (1 - stream.held / array.held)).toFixed(1)} % less  (resident ${stream.rss.toFixed(1)} / ${array.rss.toFixed(1)} MB)`,
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (process.argv[2] === 'child') console.log(JSON.stringify(await child(process.argv.slice(3))));
else await main(Number(process.argv[2] ?? 1000));
