import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedData } from '../shared_data.js';

const require = createRequire(import.meta.url);
const { scoreMatches, matcherFor } =
  require('../../dist/scoring/match.js') as typeof import('../../ts/scoring/match.js');

type Matcher = import('../../ts/scoring/match.js').Matcher;
const passes = (matcher: Matcher, expected: unknown, actual: unknown) =>
  scoreMatches(matcher, [{ expected, actual }])[0]?.passed;

describe('a batch', () => {
  test('is scored in order, one score and verdict per pair', () => {
    const pairs = Array.from({ length: 1000 }, (_, i) => ({ expected: i, actual: `so ${i % 3 === 0 ? i : i + 1}` }));
    const scores = scoreMatches('numeric', pairs);
    expect(scores).toHaveLength(1000);
    for (const [i, { score, passed }] of scores.entries()) {
      expect(score).toBe(i % 3 === 0 ? 1 : 0);
      expect(passed).toBe(i % 3 === 0);
    }
    expect(scoreMatches('exact', [])).toEqual([]);
  });

  test('keeps texts apart whatever they hold', () => {
    const texts = ['', 'a', '\0', '😀', '\ud800', 'é'.repeat(1000), 'a\0b', ' '];
    const pairs = texts.flatMap((expected) => texts.map((actual) => ({ expected, actual })));
    const verdicts = scoreMatches('exact', pairs).map(({ passed }) => passed);
    expect(verdicts).toEqual(pairs.map(({ expected, actual }) => expected.trim() === actual.trim()));
  });
});

test('numbers, objects and booleans may be expected as they are', () => {
  expect(passes('numeric', 18, 'A: 18.0')).toBe(true);
  expect(passes('numeric', 1e21, '1,000,000,000,000,000,000,000')).toBe(true);
  expect(passes('json', { a: [1, { b: null }] }, 'Here: {"a": [1.0, {"b": null}]}')).toBe(true);
  expect(passes('json', true, ' true ')).toBe(true);
  expect(passes('exact', 5, '5')).toBe(true);
  expect(passes('json', { id: 12345678901234567890n.toString() }, { id: '12345678901234567890' })).toBe(true);
  expect(passes('json', '{"id":12345678901234567890}', '{"id":12345678901234567891}')).toBe(false);
});

test('an expected side that cannot be matched against scores NaN, an empty answer 0', () => {
  expect(scoreMatches('numeric', [{ expected: 'n/a', actual: '5' }])).toEqual([{ score: Number.NaN, passed: false }]);
  expect(scoreMatches('numeric', [{ expected: 5, actual: undefined }])).toEqual([{ score: 0, passed: false }]);
});

test('the tolerance is checked', () => {
  for (const tolerance of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => scoreMatches('numeric', [], { tolerance })).toThrow(RangeError);
  }
  expect(scoreMatches('numeric', [{ expected: 1, actual: '1.1' }], { tolerance: 0.1 })[0]?.passed).toBe(true);
});

test('auto picks the matcher by the expected value', () => {
  const picked = [18, '18', ' -1.5e3 ', 'yes', '', '2024-03-26', true, null, { a: 1 }, [1]].map(matcherFor);
  expect(picked).toEqual(['numeric', 'numeric', 'numeric', 'exact', 'exact', 'exact', 'json', 'json', 'json', 'json']);
});

describe('agreement with the authors of GSM8K on 1,319 answers of each of two models', () => {
  for (const [model, correct] of [
    ['6b_finetuning', 286],
    ['6b_verification', 515],
  ] as const) {
    test.skipIf(!sharedData)(`${model}: ${correct} correct, the same verdict on every case`, () => {
      const lines = readFileSync(join(sharedData!, 'gsm8k-6b-solutions.jsonl'), 'utf8').trim().split('\n');
      const cases = lines.map((line) => JSON.parse(line));
      const pairs = cases.map((c) => ({ expected: c.ground_truth, actual: c[model].solution }));
      const verdicts = scoreMatches('numeric', pairs).map(({ passed }) => passed);
      expect(verdicts).toHaveLength(1319);
      expect(verdicts).toEqual(cases.map((c) => c[model].is_correct));
      expect(verdicts.filter(Boolean)).toHaveLength(correct);
    });
  }
  test.skipIf(!sharedData)('the recorded answers of the data set itself: all 1,319 match themselves', () => {
    const lines = readFileSync(join(sharedData!, 'gsm8k-test.jsonl'), 'utf8').trim().split('\n');
    const pairs = lines
      .map((line) => JSON.parse(line))
      .map(({ answer }) => ({
        expected: answer.slice(answer.indexOf('####') + 4),
        actual: answer,
      }));
    expect(scoreMatches('numeric', pairs).every(({ passed }) => passed)).toBe(true);
  });
});
