// Writes datasets/everyday.jsonl, the default dataset of `ai-evals run`: 600 cases in five categories, 120 of which
// repeat the input of an earlier case, as evaluation sets in use do. The same seed gives the same bytes.
//
//   node scripts/generate_dataset.mjs           writes the file
//   node scripts/generate_dataset.mjs --check   exits 1 when the committed file differs
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arithmetic } from './dataset/arithmetic.mjs';
import { dates } from './dataset/dates.mjs';
import { eligibility } from './dataset/eligibility.mjs';
import { Random } from './dataset/random.mjs';
import { triage } from './dataset/triage.mjs';
import { units } from './dataset/units.mjs';

const SEED = 20_261_123;
const DISTINCT = 96;
const REPEATS = 24;
const CREATED = '2025-01-01T00:00:00.000Z';

/** `DISTINCT` different problems of one category and `REPEATS` that repeat some of them. */
function category(name, problems, random) {
  const byInput = new Map();
  for (let i = 0; byInput.size < DISTINCT; i += 1) {
    const problem = problems[i % problems.length](random);
    byInput.set(problem.input, problem);
  }
  const distinct = [...byInput.values()];
  const repeats = random.shuffled(distinct).slice(0, REPEATS);
  return [...distinct, ...repeats].map((problem) => ({ category: name, ...problem }));
}

/** The dataset as JSONL text. */
export function generate(seed = SEED) {
  const random = new Random(seed);
  const categories = Object.entries({ eligibility, arithmetic, dates, units, triage });
  const problems = random.shuffled(categories.flatMap(([name, makers]) => category(name, makers, random)));
  const counts = new Map();
  const lines = problems.map(({ category, difficulty, tags, input, expected }) => {
    const number = (counts.get(category) ?? 0) + 1;
    counts.set(category, number);
    const id = `${category}-${String(number).padStart(3, '0')}`;
    const metadata = { category, difficulty, tags, source: 'synthetic', createdAt: CREATED };
    return `${JSON.stringify({ id, input, expected, metadata })}\n`;
  });
  return lines.join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'datasets', 'everyday.jsonl');
  const text = generate();
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${relative(process.cwd(), file)} differs from what scripts/generate_dataset.mjs writes; run it.`);
    process.exit(1);
  }
}
