import { classification, classificationReport } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('classificationReport', () => {
  test('orders labels: numbers ascending, text by code point', () => {
    expect(classificationReport([10, 9, 2], [2, 9, 10]).labels).toEqual([2, 9, 10]);
    // U+FF5E comes before U+1F600, although its UTF-16 unit is larger.
    expect(classificationReport(['😀', '～', 'a'], ['a', 'a', 'a']).labels).toEqual(['a', '～', '😀']);
  });

  test('keeps 1 and "1" apart', () => {
    const report = classificationReport([1, '1'], ['1', '1']);
    expect(report.labels).toEqual([1, '1']);
    expect(report.accuracy).toBe(0.5);
  });

  test('has binary figures with positive alone', () => {
    expect(classificationReport(['y', 'n'], ['y', 'y'], { positive: 'y' }).binary).toEqual({
      precision: 0.5,
      recall: 1,
      f1: 2 / 3,
    });
    expect(classificationReport(['y', 'n'], ['y', 'y'])).not.toHaveProperty('binary');
  });

  test('counts labels that were not asked for as mistakes', () => {
    const report = classificationReport(['a', 'b', 'c'], ['a', 'c', 'a'], { labels: ['a', 'b'] });
    expect(report.matrix).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect(report.accuracy).toBeCloseTo(1 / 3, 12);
    expect(report.perClass.get('a')?.precision).toBe(0.5);
  });

  describe('kappaWeights', () => {
    test('weigh how far apart two classes are', () => {
      const [expected, actual] = [
        [1, 2, 3, 3],
        [1, 3, 3, 1],
      ];
      const kappa = (kappaWeights: 'none' | 'linear' | 'quadratic') =>
        classificationReport(expected!, actual!, { kappaWeights }).kappa;
      expect(new Set([kappa('none'), kappa('linear'), kappa('quadratic')]).size).toBe(3);
      expect(classificationReport(['a', 'a'], ['a', 'a']).kappa).toBeNaN();
    });
  });

  test('refuses empty lists, lists of different length and what is no label', () => {
    expect(() => classificationReport([], [])).toThrow(RangeError);
    expect(() => classificationReport(['a'], [])).toThrow(RangeError);
    expect(() => classificationReport([{} as never], ['a'])).toThrow(/expected\[0\]/);
    expect(() => classificationReport(['a'], ['a'], { labels: ['a', 'a'] })).toThrow(RangeError);
  });
});

describe('classification', () => {
  test('scores one figure of the report; a negative one scores 0', async () => {
    const [expected, actual] = [
      ['a', 'b', 'a'],
      ['a', 'a', 'b'],
    ];
    const report = classificationReport(expected!, actual!);
    expect(classification({ metric: 'f1' }).scoreSync(expected!, actual!).score).toBe(report.macro.f1);
    expect(classification({ metric: 'mcc' }).scoreSync(expected!, actual!)).toEqual({
      score: 0,
      passed: false,
      breakdown: { figure: report.mcc },
    });
    expect(classification({ metric: 'f1', average: 'micro' }).scoreSync(expected!, actual!).score).toBe(
      report.micro.f1,
    );
    expect(() => classification({ average: 'binary' })).toThrow(TypeError);
    const [batched] = await classification().scoreAll([{ expected: expected!, actual: actual! }]);
    expect(batched?.score).toBe(report.accuracy);
  });

  test('is in range, and 1 where all is right', () => {
    const labels = fc.array(fc.constantFrom('a', 'b', 3, true), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(labels, (expected) => {
        const actual = [...expected].reverse();
        for (const metric of ['accuracy', 'balancedAccuracy', 'precision', 'recall', 'f1'] as const) {
          const { score } = classification({ metric }).scoreSync(expected, actual);
          expect(score >= 0 && score <= 1).toBe(true);
          expect(classification({ metric }).scoreSync(expected, expected).score).toBe(1);
        }
      }),
    );
  });
});
