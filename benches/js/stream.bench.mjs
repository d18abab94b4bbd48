// node --expose-gc benches/js/stream.bench.mjs [MB of 1 KB cases, default 1000]
//
// Whole-process figures, each in a process of its own, interleaved, medians of five (memory: of three):
// - JSON lines of 1 KB cases and of 100-byte rows through fromFile → process, against readline + JSON.parse; beside them the
//   time that JSON.parse alone takes for the same bytes, which nothing that hands out parsed values can beat;
// - the peak of that, against holding all cases in an array;
// - memory of holding 1,000 / 10,000 / 1,000,000 cases: what dropping them gives back to the heap and its buffers and, for the
//   stream, all of `memoryUsage` on top (native memory is not in V8's figures; what it has in the heap counts twice);
//   resident, above the start, beside it, once V8 has given back the young generation that the making of the cases needed
//   (up to 16 MB, whoever holds them; it does after 5 s without much allocation). Pushed into a stream with `maxMemory` of 80
//   bytes a case, against an array.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DatasetStream } from '@aah/ai-evals/performance';

const ROUNDS = 5;
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

const smallRow = (i) => ({
  id: `case-${i}`,
  input: `what is ${i} + ${i}?`,
  expected: `${2 * i}`,
  metadata: { k: i % 7, ok: true },
});

const peakMb = () => process.resourceUsage().maxRSS / 1024;
/** What JavaScript and the addon hold: the heap, and outside of it what was reported to V8. */
const heldMb = () => {
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 / 1024;
};
const rssMb = () => process.memoryUsage.rss() / 1024 / 1024;

const linesOf = (file) => createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });

/** What a child does with a file: the number of its cases, and seconds where they are not all of the time it took. */
const READ = {
  async stream(file) {
    let count = 0;
    await DatasetStream.fromFile(file).process(async (batch) => {
      count += batch.length;
    });
    return { count };
  },
  async readline(file) {
    let count = 0;
    for await (const line of linesOf(file)) {
      JSON.parse(line);
      count += 1;
    }
    return { count };
  },
  /** 64 KB at a time, as the stream does it; only JSON.parse is timed. */
  async parse(file) {
    const from = openSync(file);
    const bytes = Buffer.allocUnsafe(64 * 1024);
    let [count, seconds, rest] = [0, 0, ''];
    for (;;) {
      const length = readSync(from, bytes);
      if (length === 0) break;
      const text = rest + bytes.latin1Slice(0, length);
      const end = text.lastIndexOf('\n');
      rest = text.slice(end + 1);
      // Through a buffer: one flat string of one byte a character.
      const flat = Buffer.from(`[${text.slice(0, Math.max(0, end)).replaceAll('\n', ',')}]`, 'latin1').latin1Slice();
      const start = performance.now();
      count += JSON.parse(flat).length;
      seconds += (performance.now() - start) / 1000;
    }
    closeSync(from);
    return { count, seconds };
  },
  async array(file) {
    const cases = [];
    for await (const line of linesOf(file)) cases.push(JSON.parse(line));
    return { count: cases.length };
  },
};

const HOLD = {
  stream(count) {
    const stream = new DatasetStream({ bufferSize: 20, maxMemory: Math.min(32 << 20, count * 80) });
    return {
      add: (item) => stream.push(item),
      bytes: () => stream.getStats().memoryUsage,
      drop: () => stream.clear(),
    };
  },
  array() {
    const items = [];
    return { add: (item) => items.push(item), bytes: () => 0, drop: () => items.splice(0) };
  },
};

const SCHEDSTAT = '/proc/thread-self/schedstat';
/** Milliseconds that this thread spent on a processor, where the system tells: waiting for one is not the stream's doing. */
const threadMs = existsSync(SCHEDSTAT)
  ? () => Number(readFileSync(SCHEDSTAT, 'utf8').split(' ')[0]) / 1e6
  : () => performance.now();

async function read(name, file) {
  const now = () => ({ wall: performance.now(), thread: threadMs() });
  let last = now();
  const worst = { wall: 0, thread: 0 };
  let timer;
  const tick = () => {
    const next = now();
    for (const clock in worst) worst[clock] = Math.max(worst[clock], next[clock] - last[clock]);
    last = next;
    timer = setImmediate(tick);
  };
  // Apart from the timed run: looking at the clocks on every turn takes time itself.
  const watched = process.env.WATCH_TURNS === '1';
  if (watched) timer = setImmediate(tick);
  const start = performance.now();
  const { count, seconds = (performance.now() - start) / 1000 } = await READ[name](file);
  clearImmediate(timer);
  const { user, system } = process.cpuUsage();
  return { count, seconds, ...worst, peak: peakMb(), cpu: (user + system) / 1e6 };
}

/** As long as V8 looks back to tell whether much is being allocated, ms, and a bit. */
const QUIET = 6000;

/** Collects, and lets what is freed in the background be freed. */
async function settle() {
  for (let i = 0; i < 3; i += 1) {
    global.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** As {@link settle}, and the young generation is as small as it gets. */
async function rest() {
  await settle();
  await new Promise((resolve) => setTimeout(resolve, QUIET));
  await settle();
}

async function hold(name, count) {
  // Everything is loaded and compiled before the start is taken.
  const warm = HOLD[name](300);
  for (let i = 0; i < 300; i += 1) warm.add(testCase(i));
  warm.drop();
  await rest();
  const start = rssMb();
  // Several at a time: a few kilobytes of one are below what a heap's figures can tell.
  const holders = Array.from({ length: Math.max(1, Math.round(50_000 / count)) }, () => HOLD[name](count));
  for (let i = 0; i < count * holders.length; i += 1) {
    holders[Math.floor(i / count)].add(testCase(i));
    if (i % 20_000 === 0) global.gc();
  }
  await rest();
  const rss = rssMb() - start;
  const own = holders.reduce((sum, { bytes }) => sum + bytes(), 0) / 1024 / 1024;
  const full = heldMb() + own;
  for (const { drop } of holders) drop();
  await settle();
  return { rss: rss / holders.length, held: (full - heldMb()) / holders.length };
}

function run(...work) {
  return spawned({}, work);
}

function spawned(env, work) {
  const memory = work[1] === 'array' ? ['--max-old-space-size=12000'] : [];
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', ...memory, self, 'child', ...work], {
    encoding: 'utf8',
    maxBuffer: 1 << 20,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const medians = (runs) => Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((r) => r[key]))]));
const line = (name, figures) => console.log(name.padEnd(34), figures);

async function writeLines(file, rowOf, megabytes) {
  const out = createWriteStream(file);
  for (let bytes = 0, i = 0; bytes < megabytes * 1e6; i += 1) {
    const row = `${JSON.stringify(rowOf(i))}\n`;
    bytes += row.length;
    if (!out.write(row)) await new Promise((resolve) => out.once('drain', resolve));
  }
  await new Promise((resolve) => out.end(resolve));
}

const describe = ({ seconds, count, peak, cpu }) =>
  `${seconds.toFixed(2)} s  ${Math.round(count / seconds)} rows/s  cpu ${cpu.toFixed(2)} s  peak ${peak.toFixed(0)} MB`;

async function compareReading(title, file) {
  const runs = { stream: [], readline: [], parse: [] };
  for (let round = 0; round < ROUNDS; round += 1) for (const name in runs) runs[name].push(run('read', name, file));
  const { stream, readline, parse } = Object.fromEntries(Object.entries(runs).map(([name, r]) => [name, medians(r)]));
  console.log(`\n${title} (load ${loadavg()[0].toFixed(1)})`);
  line('fromFile → process', describe(stream));
  line('readline + JSON.parse', describe(readline));
  line('JSON.parse alone', `${parse.seconds.toFixed(2)} s`);
  const times = (ours) => `${(readline.seconds / ours.seconds).toFixed(2)} ×`;
  line('speed against readline', `${times(stream)}  (processor time ${(readline.cpu / stream.cpu).toFixed(2)} ×)`);
  line('no more than', times(parse));
  const turns = Array.from({ length: 3 }, () => spawned({ WATCH_TURNS: '1' }, ['read', 'stream', file]));
  const { wall, thread } = medians(turns);
  line('longest turn of the event loop', `${wall.toFixed(1)} ms, of them on a processor ${thread.toFixed(1)} ms`);
  return stream;
}

async function main(megabytes) {
  const directory = mkdtempSync(join(tmpdir(), 'stream-bench-'));
  const [cases, rows] = [join(directory, 'cases.jsonl'), join(directory, 'rows.jsonl')];
  try {
    await writeLines(cases, testCase, megabytes);
    await writeLines(rows, smallRow, 75);
    const { peak } = await compareReading(`${megabytes} MB of 1 KB cases`, cases);
    const whole = run('read', 'array', cases).peak;
    line('peak against an array of all', `${peak.toFixed(0)} MB / ${whole.toFixed(0)} MB: ${percentLess(peak, whole)}`);
    await compareReading('75 MB of 100-byte rows', rows);
    console.log('\nmemory held by cases that wait');
    for (const count of [1000, 10_000, 1_000_000]) {
      const held = { stream: [], array: [] };
      for (let round = 0; round < (count > 100_000 ? 1 : 3); round += 1) {
        for (const name in held) held[name].push(run('hold', name, String(count)));
      }
      const [stream, array] = [medians(held.stream), medians(held.array)];
      line(
        `${count} cases`,
        `stream ${stream.held.toFixed(2)} MB  array ${array.held.toFixed(2)} MB: ${percentLess(stream.held, array.held)}  ` +
          `(resident ${stream.rss.toFixed(1)} / ${array.rss.toFixed(1)} MB: ${percentLess(stream.rss, array.rss)})`,
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const percentLess = (ours, theirs) => `${(100 * (1 - ours / theirs)).toFixed(1)} % less`;

const [command, kind, name, argument] = process.argv.slice(2);
if (command !== 'child') await main(Number(command ?? 1000));
else console.log(JSON.stringify(await (kind === 'read' ? read(name, argument) : hold(name, Number(argument)))));
