// Scorers side by side with their peers in one process, interleaved; prints ratios of medians. `npm run build` first.
//
//   node --expose-gc benches/js/scoring.bench.mjs [pairs = 10000] [sacrebleu's python]
//
// Batches run on `ScoringWorkerPool(2)` unless said otherwise; the peers are synchronous and run on the main thread. chrF
// and TER are compared with sacrebleu when a Python that has it is named.
import { spawnSync } from 'node:child_process';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
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
const perPair = (milliseconds, pairs) => `${((1000 * milliseconds) / pairs).toFixed(2)} µs a pair`;

/** Runs the contenders in turn, and prints how much longer each takes than the first. */
async function compare(title, pairs, contenders) {
  const times = new Map(contenders.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run, share = 1] of contenders) {
      globalThis.gc?.();
      const part = pairs.slice(0, Math.max(1, Math.ceil(pairs.length * share)));
      const start = performance.now();
      await run(part);
      times.get(name).push(((performance.now() - start) * pairs.length) / part.length);
    }
  }
  const ours = median(times.get(contenders[0][0]));
  console.log(`\n${title}`);
  for (const [name] of contenders) {
    const time = median(times.get(name));
    console.log(`  ${name.padEnd(34)} ${perPair(time, pairs.length).padStart(18)}  ${(time / ours).toFixed(2)}×`);
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

const short = Array.from({ length: 10 * PAIRS }, () => ({ expected: letters(20), actual: letters(20) }));
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await two.scoreBatch(levenshtein(), short);
delay.disable();
console.log(`\nevent loop held at most ${(delay.max / 1e6 - 1).toFixed(1)} ms in a batch of ${short.length} pairs`);
await Promise.all([one.close(), two.close()]);
