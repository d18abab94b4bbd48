import { createScorer, type ScorerType, scoreResult } from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

const scored = (type: ScorerType, expected: unknown, actual: unknown, params?: Record<string, unknown>) =>
  createScorer({ type, params }).score('case-1', expected, actual);

describe('createScorer', () => {
  test('takes a type or a strategy', async () => {
    for (const config of [{ type: 'exact-match' }, { strategy: 'exact' }] as const) {
      const scorer = createScorer(config);
      expect(scorer.threshold).toBe(1);
      expect(await scorer.score('id', { a: [1] }, { a: [1] })).toEqual({ score: 1, value: 1, passed: true });
      expect((await scorer.score('id', 'a', 'b')).passed).toBe(false);
    }
    expect(() => createScorer({ type: 'exactly' as never })).toThrow(RangeError);
    expect(() => createScorer({})).toThrow(RangeError);
    expect(() => createScorer({ type: 'mrr', threshold: 2 })).toThrow(RangeError);
  });

  test('has a threshold for each type', () => {
    const thresholds = {
      'exact-match': 1,
      'partial-match': 0.8,
      contains: 0.7,
      regex: 1,
      'numeric-range': 1,
      mrr: 0.5,
      ndcg: 0.7,
    };
    for (const [type, threshold] of Object.entries(thresholds)) {
      expect(createScorer({ type: type as ScorerType }).threshold).toBe(threshold);
    }
  });

  test('partial-match heeds no key order, and null equals null', async () => {
    expect(
      (await scored('partial-match', { a: { x: 1, y: 2 }, b: null }, { b: null, a: { y: 2, x: 1 }, c: 3 })).value,
    ).toBe(1);
    expect((await scored('partial-match', { a: 1, b: 2 }, { a: 1 }, { requiredFields: ['a'] })).value).toBe(1);
    expect((await scored('partial-match', { a: 1, b: 2 }, { a: 1 })).value).toBe(0.5);
  });

  test('contains takes numbers and lists', async () => {
    expect((await scored('contains', 5, 'item 5')).value).toBe(1);
    expect((await scored('contains', ['One', 'two'], 'only one')).value).toBe(0.5);
    expect((await scored('contains', 'One', 'one', { caseSensitive: true })).value).toBe(0);
    expect((await scored('contains', 'x', undefined)).value).toBe(0);
  });

  test('regex takes a pattern with flags, in linear time', async () => {
    expect((await scored('regex', { pattern: '^a+$', flags: 'i' }, 'AAA')).value).toBe(1);
    expect((await scored('regex', '(a+)+$', `${'a'.repeat(50_000)}b`)).value).toBe(0);
    await expect(scored('regex', '(?=a)', 'a')).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED_PATTERN' });
  });

  test('numeric-range passes what is inside the tolerance', async () => {
    for (const [expected, actual, value] of [
      [{ value: 10, tolerance: 2 }, 11, 1],
      [{ value: 10, tolerance: 2 }, 12, 1],
      [{ value: 10, tolerance: 2 }, 12.5, 0],
      [{ value: 1, tolerance: 0.1 }, 1.1, 1],
      [{ min: 1, max: 2 }, '1.5', 1],
      [{ min: 1 }, 0.5, 0],
      [5, 5, 1],
      [5, '5 apples', 0],
      [5, '', 0],
      [5, null, 0],
    ] as const) {
      expect(await scored('numeric-range', expected, actual), String(actual)).toMatchObject({
        value,
        passed: value === 1,
      });
    }
    await expect(scored('numeric-range', {}, 1)).rejects.toThrow(TypeError);
  });

  test('recall-at-k, mrr and ndcg count duplicates once', async () => {
    expect((await scored('recall-at-k', ['a', 'b'], ['a', 'a', 'a'])).value).toBe(0.5);
    expect((await scored('mrr', ['b'], ['a', 'a', 'b'])).value).toBe(0.5);
    const repeated = await scored('ndcg', { a: 3, b: 1 }, ['a', 'a', 'a', 'b']);
    expect(repeated.value).toBe(1);
    expect(
      (
        await scored(
          'ndcg',
          [
            { id: 'a', relevance: 3 },
            { id: 'b', relevance: 1 },
          ],
          [{ id: 'b' }, { id: 'a' }],
        )
      ).value,
    ).toBeLessThan(1);
  });

  test('semantic-similarity embeds by a function', async () => {
    const embed = async (texts: string[]) => texts.map((text) => (text === 'cat' ? [1, 0] : [0.8, 0.6]));
    expect(await scored('semantic-similarity', 'cat', 'dog', { embed })).toMatchObject({ value: 0.8, passed: false });
    expect(() => createScorer({ type: 'semantic-similarity' })).toThrow(/apiKey/);
  });

  test('llm-judge rejects for a verdict that cannot be read', async () => {
    const model = async () => '{"score":0.9,"reasoning":"fine"}';
    const judge = createScorer({ strategy: 'llm-judge', judgePrompt: 'Is it right?', params: { model } });
    expect(await judge.score('id', 'e', 'a')).toMatchObject({ value: 0.9, passed: true, explanation: 'fine' });
    const unreadable = createScorer({
      type: 'llm-judge',
      judgePrompt: 'Is it right?',
      params: { model: async () => 'good' },
    });
    await expect(unreadable.score('id', 'e', 'a')).rejects.toMatchObject({ code: 'ERR_MALFORMED_VERDICT' });
  });

  test('precision-recall-f1 takes a positive label', async () => {
    const params = { metric: 'precision', positiveLabel: 'yes' };
    expect((await scored('precision-recall-f1', ['yes', 'no'], ['yes', 'yes'], params)).value).toBe(0.5);
  });

  test('custom takes a function of the caller', async () => {
    const customScorer = (expected: unknown, actual: unknown) => expected === actual;
    expect((await createScorer({ strategy: 'custom', customScorer }).score('id', 1, 1)).value).toBe(1);
    expect(() => createScorer({ strategy: 'custom' })).toThrow(TypeError);
  });
});

describe('scoreResult', () => {
  test('scores a result of a run', async () => {
    const result = { testCaseId: 'x', expected: 'a', actual: 'a' };
    expect((await scoreResult(result, { strategy: 'exact' })).passed).toBe(true);
    const nested = { testCase: { id: 'x', expected: 'a' }, actual: 'b' };
    expect((await scoreResult(nested, { strategy: 'exact' })).passed).toBe(false);
  });
});
