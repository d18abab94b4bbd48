import {
  averagePrecision,
  hitAtK,
  ndcg,
  ndcgFromScores,
  precisionAtK,
  recallAtK,
  reciprocalRank,
} from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const ALL = [
  precisionAtK(3),
  recallAtK(3),
  hitAtK(3),
  reciprocalRank(),
  averagePrecision(),
  ndcg(),
  ndcg({ gain: 'exponential', k: 2 }),
];

describe('the ranking scorers', () => {
  test('count duplicates once, at their first place', () => {
    expect(recallAtK(3).scoreSync(['a', 'c'], ['a', 'a', 'b', 'a', 'c']).score).toBe(1);
    expect(precisionAtK(3).scoreSync(['a', 'a'], ['a', 'a', 'b']).score).toBeCloseTo(1 / 3, 12);
  });

  test('score 0 where nothing is relevant, and without an answer', () => {
    for (const scorer of ALL) {
      expect(scorer.scoreSync([], ['a']).score).toBe(0);
      expect(scorer.scoreSync({ a: 0 }, ['a']).score).toBe(0);
      expect(scorer.scoreSync(['a'], undefined).explanation).toBe('no answer');
      expect(scorer.scoreSync(['a'], []).score).toBe(0);
    }
  });

  test('take grades, and numbers as ids', () => {
    expect(ndcg().scoreSync({ 1: 3, 2: 1 }, [1, 2]).score).toBe(1);
    expect(ndcg().scoreSync({ 1: 3, 2: 1 }, [2, 1]).score).toBeLessThan(1);
    expect(hitAtK(1).scoreSync([7], ['7'])).toEqual({ score: 1, passed: true });
  });

  test('refuse what is no id, grade or k', () => {
    expect(() => recallAtK(0)).toThrow(RangeError);
    expect(() => ndcg({ k: 1.5 })).toThrow(RangeError);
    expect(() => ndcg().scoreSync({ a: -1 }, ['a'])).toThrow(RangeError);
    expect(() => ndcg().scoreSync({ a: Number.NaN }, ['a'])).toThrow(/\['a'\]/);
    expect(() => ndcg().scoreSync(['a'], [{}] as never)).toThrow(/actual\[0\]/);
    expect(() => ndcg().scoreSync(null as never, ['a'])).toThrow(TypeError);
  });

  test('score the same alone and in a batch, in range', async () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', ''), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ expected: ids, actual: ids }), { maxLength: 10 }), async (pairs) => {
        for (const scorer of ALL) {
          const single = pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual));
          expect(await scorer.scoreAll(pairs)).toEqual(single);
          expect(single.every(({ score }) => score >= 0 && score <= 1)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('expected', () => {
  test('refuses objects that hold no grades of their own', () => {
    const expected = [new Set(['a']), new Map([['a', 1]]), new Date(0), new (class Judged {})(), new Uint8Array(1)];
    for (const judged of expected) {
      expect(() => recallAtK(1).scoreSync(judged as never, ['a'])).toThrow(TypeError);
      expect(() => ndcg().scoreSync(judged as never, ['a'])).toThrow(/^expected must be an array of ids or an object/);
    }
    expect(recallAtK(1).scoreSync(Object.assign(Object.create(null), { a: 1 }), ['a']).score).toBe(1);
  });
});

describe('ndcgFromScores', () => {
  test('shares the gain of tied items', () => {
    const tied = ndcgFromScores([3, 0], [1, 1]);
    expect(tied).toBeGreaterThan(ndcgFromScores([3, 0], [0, 1]));
    expect(tied).toBeLessThan(ndcgFromScores([3, 0], [1, 0]));
    expect(tied).toBe(ndcgFromScores([0, 3], [1, 1]));
  });

  test('refuses lists that do not belong together', () => {
    expect(() => ndcgFromScores([1], [1, 2])).toThrow(RangeError);
    expect(() => ndcgFromScores([], [])).toThrow(RangeError);
    expect(() => ndcgFromScores([-1], [1])).toThrow(/relevance\[0\]/);
  });
});
