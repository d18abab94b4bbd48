// Scorers side by side with their peers in one process, interleaved; prints ratios of medians. `npm run build` first.
//
//   node --expose-gc benches/js/scoring.bench.mjs [pairs = 10000] [sacrebleu's python]
//
// Batches run on `ScoringWorkerPool(2)` unless said otherwise; the peers are synchronous and run on the main thread. chrF
// and TER are compared with sacrebleu when a Python that has it is named. On a machine that others keep busy, look at the
// figures in CPU time (Linux).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import { bleu, chrf, levenshtein, rouge, ter } from '@aah/ai-evals/scorers';
import { bleu as peerBleu } from 'bleu-score';
import fastest from 'fastest-levenshtein';
import jsLevenshtein from 'js-levenshtein';
import * as jsRouge from 'js-rouge';

const PAIRS = Number(process.argv[2] ?? 10_000);
const PYTHON = process.argv[3];
const ROUNDS = 5;

let seed = 42;
function random(below) {
  seed = (seed * 48271) % 2147483647;
  return seed % below;
}

const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz ';
const WORDS = Array.from({ length: 500 }, () => letters(2 + random(8)).replaceAll(' ', 'e'));

function letters(length) {
  return Array.from({ length }, () => LETTERS[random(LETTERS.length)]).join('');
}

function words(count) {
  return Array.from({ length: count }, () => WORDS[random(WORDS.length)]).join(' ');
}

/** The text with a share of its symbols replaced. */
function changed(text, share, other) {
  const separator = text.includes(' ') && other === WORDS ? ' ' : '';
  return text
    .split(separator)
    .map((symbol) => (random(1000) < share * 1000 ? other[random(other.length)] : symbol))
    .join(separator);
}

const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
const medianOf = (runs, figure) => median(runs.map((run) => run[figure]));
const perPair = (milliseconds, pairs) => `${((1000 * milliseconds) / pairs).toFixed(2)} µs a pair`;

/** CPU time of each thread of this process so far, in milliseconds, by its id; of the main thread alone as `main`. */
function threadTimes() {
  const tasks = '/proc/self/task';
  const times = new Map();
  for (const id of existsSync(tasks) ? readdirSync(tasks) : []) {
    const name = Number(id) === process.pid ? 'main' : id;
    times.set(name, Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]) / 1e6);
  }
  return times;
}

/** Runs a batch; returns its time, the CPU time of the busiest thread and that of the main thread. */
async function timed(run) {
  // The kernel counts the time of a thread that runs when it next looks at it.
  await new Promise((later) => setTimeout(later, 20));
  const before = threadTimes();
  const start = performance.now();
  await run();
  const wall = performance.now() - start;
  await new Promise((later) => setTimeout(later, 20));
  const used = new Map([...threadTimes()].map(([id, time]) => [id, time - (before.get(id) ?? 0)]));
  return { wall, busiest: Math.max(...used.values()), main: used.get('main') };
}

/**
 * Runs the contenders in turn. Prints the median time of each and its ratio to the first, then the same for the CPU time of
 * the busiest thread: what the time would be with a core for each thread.
 */
async function compare(title, pairs, contenders) {
  const runs = new Map(contenders.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run, share = 1] of contenders) {
      globalThis.gc?.();
      const part = pairs.slice(0, Math.max(1, Math.ceil(pairs.length * share)));
      const { wall, busiest } = await timed(() => run(part));
      runs.get(name).push({ wall: wall / part.length, busiest: busiest / part.length });
    }
  }
  console.log(`\n${title}`);
  for (const [name] of contenders) {
    const columns = ['wall', 'busiest'].map((figure) => {
      const [first, own] = [contenders[0][0], name].map((contender) => medianOf(runs.get(contender), figure));
      return `${perPair(own, 1).padStart(20)} ${`${(own / first).toFixed(2)}×`.padStart(8)}`;
    });
    console.log(`  ${name.padEnd(28)}${columns.join('')}`);
  }
}

const [one, two] = [new ScoringWorkerPool(1), new ScoringWorkerPool(2)];
const native = (scorer) => [
  ['2 workers', (pairs) => two.scoreBatch(scorer, pairs)],
  ['1 worker', (pairs) => one.scoreBatch(scorer, pairs)],
  ['scoreSync', (pairs) => pairs.forEach(({ expected, actual }) => void scorer.scoreSync(expected, actual)), 0.1],
];
const peer = (name, score, share = 0.1) => [
  name,
  (pairs) => pairs.forEach(({ expected, actual }) => void score(expected, actual)),
  share,
];

let thousands = [];
for (const length of [20, 100, 1000]) {
  for (const [kind, make] of [
    ['unrelated', () => letters(length)],
    ['10 % changed', (expected) => changed(expected, 0.1, LETTERS)],
  ]) {
    const pairs = Array.from({ length: PAIRS }, () => {
      const expected = letters(length);
      return { expected, actual: make(expected) };
    });
    await compare(`Levenshtein, ${length} characters, ${kind}`, pairs, [
      ...native(levenshtein()),
      peer('fastest-levenshtein', fastest.distance),
      peer("js-levenshtein (autoevals')", jsLevenshtein, length === 1000 ? 0.01 : 0.1),
    ]);
    thousands = pairs;
  }
}

const texts = Array.from({ length: Math.ceil(PAIRS / 10) }, () => {
  const expected = words(400);
  return { expected, actual: changed(expected, 0.3, WORDS) };
});
await compare('ROUGE-1, 400 words', texts, [...native(rouge()), peer('js-rouge', (a, b) => jsRouge.n(b, a, { n: 1 }))]);
await compare('ROUGE-L, 400 words', texts, [
  ...native(rouge({ type: 'rougeL' })),
  peer('js-rouge', (a, b) => jsRouge.l(b, a), 0.02),
]);
await compare('BLEU, 400 words', texts, [...native(bleu()), peer('bleu-score', (a, b) => peerBleu(a, b, 4))]);

if (PYTHON !== undefined) {
  for (const [name, scorer, metric] of [
    ['chrF', chrf(), 'CHRF()'],
    ['TER', ter(), 'TER()'],
  ]) {
    const part = texts.slice(0, name === 'TER' ? 20 : 200);
    const python = () => {
      const program = `
import json, sys, time
from sacrebleu.metrics import CHRF, TER
pairs = json.load(sys.stdin); metric = ${metric}
start = time.perf_counter()
for pair in pairs: metric.sentence_score(pair['actual'], [pair['expected']])
print(time.perf_counter() - start)`;
      const { stdout } = spawnSync(PYTHON, ['-c', program], { input: JSON.stringify(part), encoding: 'utf8' });
      return 1000 * Number(stdout);
    };
    const own = [];
    const theirs = [];
    for (let round = 0; round < 3; round += 1) {
      const start = performance.now();
      await one.scoreBatch(scorer, part);
      own.push(performance.now() - start);
      theirs.push(python());
    }
    const ratio = median(theirs) / median(own);
    console.log(
      `\n${name}, 400 words: sacrebleu takes ${ratio.toFixed(1)}× one worker (${perPair(median(own), part.length)})`,
    );
  }
}

console.log('\nTwo workers against one');
for (const [name, scorer, pairs] of [
  ['Levenshtein, 1000 characters', levenshtein(), thousands],
  ['ROUGE-L, 400 words', rouge({ type: 'rougeL' }), texts],
  ['BLEU, 400 words', bleu(), texts],
  ['chrF, 400 words', chrf(), texts],
]) {
  const [alone, together] = [[], []];
  for (let round = 0; round < 7; round += 1) {
    globalThis.gc?.();
    alone.push(await timed(() => one.scoreBatch(scorer, pairs)));
    together.push(await timed(() => two.scoreBatch(scorer, pairs)));
  }
  const [wall, busiest] = ['wall', 'busiest'].map((figure) => medianOf(alone, figure) / medianOf(together, figure));
  console.log(`  ${name.padEnd(34)} ${wall.toFixed(2)}× as fast; busiest thread ${busiest.toFixed(2)}× less CPU time`);
}

const short = Array.from({ length: 10 * PAIRS }, () => ({ expected: letters(20), actual: letters(20) }));
const equal = short.map(({ expected }) => ({ expected, actual: expected }));
const [unrelated, alike] = [[], []];
for (let round = 0; round < 15; round += 1) {
  globalThis.gc?.();
  unrelated.push(await timed(() => two.scoreBatch(levenshtein(), short)));
  alike.push(await timed(() => two.scoreBatch(levenshtein(), equal)));
}
console.log(`\nBatch of ${short.length} pairs of 20 characters, Levenshtein`);
for (const [name, runs] of [
  ['unrelated', unrelated],
  ['equal: nothing to compute', alike],
]) {
  const [wall, main] = ['wall', 'main'].map((figure) => perPair(medianOf(runs, figure), short.length));
  console.log(`  ${name.padEnd(34)} ${wall}; CPU time of the main thread ${main}`);
}

/** How long the main thread has waited for a core so far, in milliseconds (Linux). */
function waited() {
  const file = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[1]) / 1e6 : 0;
}

/** The longest turn of the event loop while `run` is awaited, in milliseconds, without the time it waited for a core. */
async function longestTurn(run) {
  let [longest, running] = [0, true];
  let [waitedBefore, last] = [waited(), performance.now()];
  const turn = () => {
    const took = performance.now() - last;
    longest = Math.max(longest, took - (waited() - waitedBefore));
    if (running) setImmediate(turn);
    waitedBefore = waited();
    last = performance.now();
  };
  setImmediate(turn);
  await run();
  running = false;
  return longest;
}

const long = Array.from({ length: 20 }, () => ({ expected: 'a'.repeat(1_000_000), actual: 'a'.repeat(1_000_000) }));
console.log('\nLongest turn of the event loop: median and most of 15 batches');
for (const [name, run] of [
  [`${short.length} pairs of 20 characters`, () => two.scoreBatch(levenshtein(), short)],
  [`${texts.length} pairs of 400 words`, () => two.scoreBatch(rouge(), texts)],
  [`${long.length} pairs of a million characters`, () => two.scoreBatch(levenshtein(), long)],
]) {
  const turns = [];
  for (let round = 0; round < 15; round += 1) {
    globalThis.gc?.();
    turns.push(await longestTurn(run));
  }
  console.log(`  ${name.padEnd(34)} ${median(turns).toFixed(1)} and ${Math.max(...turns).toFixed(1)} ms`);
}
await Promise.all([one.close(), two.close()]);
