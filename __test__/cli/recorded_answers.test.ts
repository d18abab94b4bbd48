import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedData } from '../shared_data.js';
import { command, directory, jsonl } from './command.js';

describe('recorded answers of two models to GSM8K', () => {
  for (const [model, correct] of [
    ['6b_finetuning', 286],
    ['6b_verification', 515],
  ] as const) {
    test.skipIf(!sharedData)(`${model}: the authors' verdict on every one of the 1,319 cases`, async () => {
      const dataset = join(sharedData!, 'gsm8k-6b-solutions.jsonl');
      const file = join(directory(), 'out.json');
      const { code, stdout } = await command([
        ...['run', dataset, '--input-field', 'question', '--expected-field', 'ground_truth'],
        ...['--actual-field', `${model}.solution`, '--scorer', 'numeric', '--json', file],
      ]);
      expect(code).toBe(0);
      const summary = JSON.parse(readFileSync(file, 'utf8'));
      expect(summary).toMatchObject({ total: 1319, passed: correct, failed: 1319 - correct, errors: 0 });
      const truth = readFileSync(dataset, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)[model].is_correct);
      expect(summary.results.map(({ passed }: { passed: boolean }) => passed)).toEqual(truth);
      expect(stdout).toContain(`${correct} of 1,319 cases passed`);
    });
  }
});

test('fields are found by dotted paths, through arrays, with digits first, with a dot in the key', async () => {
  const records = [
    { meta: { key: 'a' }, gold: { value: 5 }, '6b.out': [{ text: 'A: 5' }], group: { 'x.y': 'one' } },
    { meta: { key: 7 }, gold: { value: 6 }, '6b.out': [{ text: 'A: 5' }], group: { 'x.y': 'two' } },
    { 'meta.key': 'dotted', gold: { value: 0 }, '6b.out': [{ text: 'zero: 0' }], group: { x: { y: 'two' } } },
  ];
  const dir = directory({ 'cases.jsonl': jsonl(records) });
  const { code, stderr } = await command(
    [
      ...['run', 'cases.jsonl', '--id-field', 'meta.key', '--expected-field', 'gold.value'],
      ...['--actual-field', '6b.out.0.text', '--category-field', 'group.x.y', '--json', 'out.json'],
    ],
    {},
    dir,
  );
  expect(stderr).not.toContain('ai-evals:');
  expect(code).toBe(0);
  const summary = JSON.parse(readFileSync(join(dir, 'out.json'), 'utf8'));
  expect(summary.results).toMatchObject([
    { id: 'a', category: 'one', expected: 5, actual: 'A: 5', passed: true, score: 1 },
    { id: '7', category: 'two', expected: 6, actual: 'A: 5', passed: false, score: 0 },
    { id: 'dotted', category: 'two', expected: 0, actual: 'zero: 0', passed: true, score: 1 },
  ]);
  expect(summary.byCategory).toEqual({
    one: { total: 1, passed: 1, failed: 0, errors: 0, passRate: 1 },
    two: { total: 2, passed: 1, failed: 1, errors: 0, passRate: 0.5 },
  });
});

test('JSON documents and CSV are read, too; cases without an id are named by their number', async () => {
  const testCases = [
    { expected: { ok: true, n: [1, 2] }, got: 'Here: {"n":[1,2.0],"ok":true}', category: 'json' },
    { expected: 'yes', got: ' yes\n', category: 'text' },
  ];
  const dir = directory({
    'cases.json': JSON.stringify({ name: 'set', testCases }),
    'cases.csv': 'id,expected,got\nx,5,"the answer is 5.0"\ny,"a, b","a, b"\n',
  });
  expect((await command(['run', 'cases.json', '--actual-field', 'got', '--json', 'a.json'], {}, dir)).code).toBe(0);
  const json = JSON.parse(readFileSync(join(dir, 'a.json'), 'utf8'));
  expect(json.results).toMatchObject([
    { id: 'case-1', passed: true, score: 1 },
    { id: 'case-2', passed: true, score: 1 },
  ]);
  expect(Object.keys(json.byCategory)).toEqual(['json', 'text']);
  expect((await command(['run', 'cases.csv', '--actual-field', 'got', '--json', 'b.json'], {}, dir)).code).toBe(0);
  expect(JSON.parse(readFileSync(join(dir, 'b.json'), 'utf8')).passed).toBe(2);
});

test('--min-pass-rate decides between 0 and 1, and is met by an equal rate', async () => {
  const dir = directory({
    'cases.jsonl': jsonl([
      { id: 1, expected: 1, got: 1 },
      { id: 2, expected: 2, got: 3 },
    ]),
  });
  const run = (rate: string) =>
    command(['run', 'cases.jsonl', '--actual-field', 'got', '--min-pass-rate', rate], {}, dir);
  expect((await run('0.5')).code).toBe(0);
  const below = await run('0.51');
  expect(below.code).toBe(1);
  expect(below.stdout).toContain('1 of 2 cases passed (50.0%)');
  expect(below.stderr).toContain('0.5000 is below --min-pass-rate 0.51');
});

test('with recorded answers no input is needed, but an --input-field that was given has to be there', async () => {
  const records = [
    { id: 1, expected: 1, got: 1, ask: 'x' },
    { id: 2, expected: 2, got: 2 },
  ];
  const dir = directory({ 'cases.jsonl': jsonl(records) });
  const run = (...more: string[]) => command(['run', 'cases.jsonl', '--actual-field', 'got', ...more], {}, dir);
  expect((await run()).code).toBe(0);
  const { code, stderr } = await run('--input-field', 'ask');
  expect(code).toBe(2);
  expect(stderr).toContain('cases.jsonl');
  expect(stderr).toMatch(/line 2|:2/);
  expect(stderr).toContain('field "ask" is missing');
});
