import { allOf, anyOf, exactMatch, levenshtein, numericDiff, weighted } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const parts = () => [levenshtein(), exactMatch()];

describe('weighted', () => {
  test('is the mean by weight, with the score of each part', () => {
    const scorer = weighted([
      { scorer: levenshtein(), weight: 3 },
      { scorer: exactMatch(), weight: 1 },
    ]);
    const { score } = levenshtein().scoreSync('kitten', 'sitting');
    expect(scorer.scoreSync('kitten', 'sitting')).toEqual({
      score: (3 * score) / 4,
      passed: false,
      breakdown: { levenshtein: score, exactMatch: 0 },
    });
  });

  test('names two parts of one name apart', () => {
    const scorer = weighted(
      [levenshtein(), levenshtein({ unit: 'utf16' })].map((part) => ({ scorer: part, weight: 1 })),
    );
    expect(scorer.scoreSync('a', 'a').breakdown).toEqual({ levenshtein: 1, 'levenshtein#2': 1 });
  });

  test('does not overflow', () => {
    const scorer = weighted([levenshtein(), exactMatch()].map((part) => ({ scorer: part, weight: Number.MAX_VALUE })));
    expect(scorer.scoreSync('a', 'a').score).toBe(1);
  });

  test('refuses weights and parts that cannot be used', () => {
    expect(() => weighted([])).toThrow(RangeError);
    expect(() => weighted([{ scorer: levenshtein(), weight: 0 }])).toThrow(RangeError);
    expect(() => weighted([{ scorer: levenshtein(), weight: Number.NaN }])).toThrow(/parts\[0\]/);
    expect(() => weighted([{ scorer: {} as never, weight: 1 }])).toThrow(TypeError);
  });
});

describe('allOf and anyOf', () => {
  test('are the least and the greatest', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (expected, actual) => {
        const scores = parts().map((part) => part.scoreSync(expected, actual).score);
        expect(allOf(parts()).scoreSync(expected, actual).score).toBe(Math.min(...scores));
        expect(anyOf(parts()).scoreSync(expected, actual).score).toBe(Math.max(...scores));
      }),
    );
    expect(() => allOf([])).toThrow(RangeError);
  });

  test('score the same alone and in a batch', async () => {
    const pairs = ['a', 'ab', '', undefined].map((actual) => ({ expected: 'a', actual }));
    const scorer = anyOf(parts());
    const single = pairs.map(({ expected, actual }) => scorer.scoreSync(expected, actual));
    expect(await scorer.scoreAll(pairs)).toEqual(single);
    expect(await Promise.all(pairs.map(({ expected, actual }) => scorer.score(expected, actual)))).toEqual(single);
  });

  test('are NaN if a part is', () => {
    const unsure = {
      ...numericDiff(),
      name: 'unsure',
      threshold: 0.5,
      scoreSync: () => ({ score: Number.NaN, passed: false }),
      score: async () => ({ score: Number.NaN, passed: false }),
      scoreAll: async () => [],
    };
    for (const combine of [allOf, anyOf]) {
      expect(combine<string, string>([levenshtein(), unsure]).scoreSync('a', 'a')).toMatchObject({
        score: Number.NaN,
        passed: false,
      });
    }
  });
});
