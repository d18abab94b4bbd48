import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedData } from '../shared_data.js';

const require = createRequire(import.meta.url);
const { scoreMatches, matcherFor } =
  require('../../.facade/scoring/match.js') as typeof import('../../ts/scoring/match.js');

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
    const halves = ['\ud800', '\ud801', '\udfff', '\ufffd'];
    const unlike = halves.flatMap((expected) => halves.map((actual) => ({ expected, actual })));
    expect(scoreMatches('exact', unlike).map(({ passed }) => passed)).toEqual(
      unlike.map(({ expected, actual }) => expected === actual),
    );
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
  for (const expected of ['10^10^10', '9^9^9', '1e999999999']) {
    const pairs = ['5', expected].map((actual) => ({ expected, actual }));
    expect(scoreMatches('numeric', pairs).map(({ score }) => score)).toEqual([Number.NaN, Number.NaN]);
  }
  // Under `auto` the last is a plain number, and the others are texts.
  expect(['10^10^10', '9^9^9', '1e999999999'].map(matcherFor)).toEqual(['exact', 'exact', 'numeric']);
  expect(scoreMatches('numeric', [{ expected: 5, actual: undefined }])).toEqual([{ score: 0, passed: false }]);
});

test('the tolerance is checked', () => {
  for (const tolerance of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => scoreMatches('numeric', [], { tolerance })).toThrow(RangeError);
  }
  expect(scoreMatches('numeric', [{ expected: 1, actual: '1.1' }], { tolerance: 0.1 })[0]?.passed).toBe(true);
});

describe('matcherFor', () => {
  test.each([18, 18n, '18', ' -1.5e3 ', '0', '0.50', '.5', '+5', '9007199254740993'].map((value) => ({ value })))(
    'picks numeric for $value',
    ({ value }) => {
      expect(matcherFor(value)).toBe('numeric');
    },
  );

  test.each([
    'yes',
    '',
    '2024-03-26',
    '02134',
    '0x1F',
    '0b101',
    '0o17',
    '1,234',
    '12:00',
    '1/2',
    '10^5',
    'Infinity',
    '5%',
    '\\frac34',
  ])('picks exact for %j', (expected) => {
    expect(matcherFor(expected)).toBe('exact');
  });

  test('picks json for everything else', () => {
    for (const expected of [true, null, { a: 1 }, [1], new Map(), new Date(0), Number.NaN]) {
      expect(matcherFor(expected)).toBe('json');
    }
  });

  test('lets no two of what only looks like a number pass for each other', () => {
    for (const [expected, actual] of [
      ['0x1F', '0x2A'],
      ['0b101', '0b111'],
      ['12:00', '1:00'],
      ['(0, 1)', '(5, 1)'],
      ['10^5', '3^5'],
      ['2024-01-15', '2023-02-15'],
    ]) {
      expect(passes(matcherFor(expected), expected, actual), `${expected} ${actual}`).toBe(false);
      expect(passes('numeric', expected, actual), `${expected} ${actual}`).toBe(false);
      expect(passes(matcherFor(expected), expected, expected)).toBe(true);
    }
    // A code of digits is one under `auto`; who asks for numbers gets them.
    expect(passes(matcherFor('02134'), '02134', '2134')).toBe(false);
    expect(passes('numeric', '02134', '2134')).toBe(true);
  });
});

describe('values', () => {
  test('keep every digit, member and character of their own', () => {
    expect(passes('json', { id: 9007199254740993n }, '{"id":9007199254740993}')).toBe(true);
    expect(passes('json', { id: 9007199254740993n }, '{"id":9007199254740992}')).toBe(false);
    expect(passes('numeric', 9007199254740993n, 'The answer is 9,007,199,254,740,993.')).toBe(true);
    expect(passes('numeric', 9007199254740993n, '9007199254740992')).toBe(false);
    expect(passes('json', new Map([['a', 1]]), '{"a": 1}')).toBe(true);
    expect(passes('json', new Map([['a', 1]]), '{}')).toBe(false);
    expect(passes('json', ['\ud800'], ['\ud801'])).toBe(false);
    expect(passes('json', ['\ud800'], '["\\ud800"]')).toBe(true);
    expect(passes('json', new Date(0), '"1970-01-01T00:00:00.000Z"')).toBe(true);
    expect(passes('json', new Error('a'), new Error('b'))).toBe(false);
  });

  test('nested too deep score NaN, and one that holds itself is refused', () => {
    const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);
    const score = () => scoreMatches('json', [{ expected: deep, actual: deep }]);
    try {
      expect(score()).toEqual([{ score: Number.NaN, passed: false }]);
    } catch (error) {
      // Where the stack is too small for its text.
      expect(error).toBeInstanceOf(TypeError);
    }
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => scoreMatches('json', [{ expected: loop, actual: '' }])).toThrow(TypeError);
  });
});

test.skipIf(!sharedData)('numeric passes each of 1,995 solutions of MATH against what stands in its own box', () => {
  const lines = readFileSync(join(sharedData!, 'math-solutions.jsonl'), 'utf8').trim().split('\n');
  const pairs = lines.map((line) => JSON.parse(line));
  const scores = scoreMatches('numeric', pairs);
  expect(scores).toHaveLength(1995);
  expect(pairs.filter((_, i) => !scores[i]!.passed)).toEqual([]);
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
