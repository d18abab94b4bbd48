import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { workOut, answer } =
  require('../../.facade/cli/local_model/rules_model.js') as typeof import('../../ts/cli/local_model/rules_model.js');
const { matcherFor, scoreMatches } =
  require('../../.facade/scoring/match.js') as typeof import('../../ts/scoring/match.js');

interface Case {
  id: string;
  input: string;
  expected: unknown;
  metadata: { category: string; difficulty: string; tags: string[]; source: string; createdAt: string };
}

const root = join(__dirname, '../..');
const text = readFileSync(join(root, 'datasets/everyday.jsonl'), 'utf8');
const cases = text
  .trim()
  .split('\n')
  .map((line): Case => JSON.parse(line));

const passes = (expected: unknown, actual: string) =>
  scoreMatches(matcherFor(expected), [{ expected, actual }])[0]!.passed;

test('the committed default dataset is what its generator writes', () => {
  execFileSync(process.execPath, [join(root, 'scripts/generate_dataset.mjs'), '--check']);
});

test('it has 600 cases in five categories, each with an id of its own and full metadata', () => {
  expect(cases).toHaveLength(600);
  expect(new Set(cases.map(({ id }) => id)).size).toBe(600);
  const counts = new Map<string, number>();
  for (const { metadata } of cases) counts.set(metadata.category, (counts.get(metadata.category) ?? 0) + 1);
  expect(Object.fromEntries(counts)).toEqual({
    eligibility: 120,
    arithmetic: 120,
    dates: 120,
    units: 120,
    triage: 120,
  });
  for (const { metadata } of cases) {
    expect(['easy', 'medium', 'hard']).toContain(metadata.difficulty);
    expect(metadata.tags.length).toBeGreaterThan(0);
    expect(metadata.source).toBe('synthetic');
    expect(Number.isNaN(Date.parse(metadata.createdAt))).toBe(false);
  }
});

test('a fifth of its inputs repeat an earlier one, with the same expected answer', () => {
  const first = new Map<string, unknown>();
  let repeats = 0;
  for (const { input, expected } of cases) {
    if (first.has(input)) {
      repeats += 1;
      expect(expected).toEqual(first.get(input));
    } else {
      first.set(input, expected);
    }
  }
  expect(repeats).toBe(120);
});

test('the local model works every problem out by itself; its slips are wrong', () => {
  for (const { id, input, expected } of cases) {
    const solution = workOut(input);
    expect(solution, id).toBeDefined();
    expect(passes(expected, solution!.answer), `${id}: ${solution!.answer} for ${JSON.stringify(expected)}`).toBe(true);
    expect(passes(expected, solution!.slip), `${id}: ${solution!.slip} for ${JSON.stringify(expected)}`).toBe(false);
  }
});

test('the local model gives the same answer to the same text, and about a tenth of them wrong', () => {
  const right = cases.filter(({ input, expected }) => passes(expected, answer(input)!.text)).length;
  expect(right / cases.length).toBeGreaterThan(0.85);
  expect(right / cases.length).toBeLessThan(0.95);
  expect(cases.map(({ input }) => answer(input))).toEqual(cases.map(({ input }) => answer(input)));
});
