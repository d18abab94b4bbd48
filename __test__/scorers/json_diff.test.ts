import { exactMatch, jsonDiff, levenshtein, numericDiff } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const constant = (name: string, score: number) => ({
  name,
  threshold: 0.5,
  score: async () => ({ score, passed: true }),
  scoreSync: () => ({ score, passed: true }),
  scoreAll: async (pairs: readonly unknown[]) => pairs.map(() => ({ score, passed: true })),
});

describe('jsonDiff', () => {
  test('scores part by part', () => {
    const scorer = jsonDiff();
    expect(scorer.scoreSync({ a: 'kitten', b: [1, 2] }, { a: 'sitting', b: [1, 2] }).score).toBeCloseTo(
      0.7857142857,
      9,
    );
    expect(scorer.scoreSync({ a: 1 }, {}).score).toBe(0);
    expect(scorer.scoreSync(null, null).score).toBe(1);
    expect(scorer.scoreSync('[1,2]', [1, 2]).score).toBe(1);
    expect(scorer.scoreSync({ __proto__: null, toString: 1 }, { a: 1 }).score).toBe(0);
  });

  test('knows a value from no answer', () => {
    expect(jsonDiff().scoreSync({ a: 1 }, undefined)).toEqual({ score: 0, passed: false, explanation: 'no answer' });
    expect(jsonDiff().scoreSync({ a: 1 }, null).score).toBe(0);
    expect(() => jsonDiff().scoreSync(undefined, 1)).toThrow(/expected/);
    expect(() => jsonDiff().scoreSync([Number.NaN], [1])).toThrow(RangeError);
  });

  test('keeps bigints and lone surrogates', () => {
    expect(jsonDiff().scoreSync({ id: 5n }, { id: 5 }).score).toBe(1);
    expect(jsonDiff({ strings: exactMatch({ normalize: 'none' }) }).scoreSync('\ud800', '\ud801').score).toBe(0);
    expect(jsonDiff().scoreSync('\ud800', '\ud800').score).toBe(1);
  });

  describe('strings and numbers', () => {
    test('may be scorers in JavaScript, with the same result as native ones', async () => {
      const own = { ...constant('own', 0), scoreSync: levenshtein({ unit: 'utf16' }).scoreSync };
      const strings = {
        ...own,
        scoreSync: (e: string, a: string) => levenshtein({ unit: 'utf16' }).scoreSync(e, a),
        score: (e: string, a: string) => levenshtein({ unit: 'utf16' }).score(e, a),
      };
      const value = fc.jsonValue({ maxDepth: 3 });
      await fc.assert(
        fc.asyncProperty(value, value, async (expected, actual) => {
          const [native, mixed] = [jsonDiff(), jsonDiff({ strings })];
          const { score } = native.scoreSync(expected, actual);
          expect(mixed.scoreSync(expected, actual).score).toBe(score);
          expect((await mixed.score(expected, actual)).score).toBe(score);
          expect(score >= 0 && score <= 1).toBe(true);
          expect(native.scoreSync(expected, expected).score).toBe(1);
        }),
        { numRuns: 60 },
      );
    });

    test('are asked about their own kind alone', () => {
      const scorer = jsonDiff({ strings: constant('s', 0.5), numbers: constant('n', 0.25) });
      expect(scorer.scoreSync(['a', 1], ['b', 2]).score).toBe(0.375);
      expect(() => jsonDiff({ strings: {} as never })).toThrow(TypeError);
    });
  });
});

describe('numericDiff', () => {
  test('is 1 for the same number, 0 for opposite ones, and never overflows', () => {
    const scorer = numericDiff();
    expect(scorer.scoreSync(0, -0).score).toBe(1);
    expect(scorer.scoreSync(1e308, -1e308).score).toBe(0);
    expect(scorer.scoreSync(1e308, 1e308).score).toBe(1);
    expect(scorer.scoreSync(9, 10n).score).toBeCloseTo(0.9473684210526316, 12);
    expect(() => scorer.scoreSync(Number.NaN, 1)).toThrow(RangeError);
    expect(() => scorer.scoreSync(1, '1' as never)).toThrow(TypeError);
  });
});
