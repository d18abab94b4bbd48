import { bootstrapInterval, mcnemar, pairedBootstrap, summarize, wilsonInterval } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const values = [0.1, 0.4, 0.35, 0.8, 0.95, 0.2, 0.6];

describe('bootstrapInterval', () => {
  test('holds the mean, and is the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }), (list) => {
        const options = { resamples: 200, seed: 5 };
        const { mean, low, high } = bootstrapInterval(list, options);
        expect(bootstrapInterval(list, options)).toEqual({ mean, low, high });
        expect(low).toBeLessThanOrEqual(high);
        expect(low).toBeGreaterThanOrEqual(Math.min(...list) - 1e-12);
        expect(high).toBeLessThanOrEqual(Math.max(...list) + 1e-12);
      }),
    );
    expect(bootstrapInterval(values, { seed: 1 })).not.toEqual(bootstrapInterval(values, { seed: 2 }));
  });

  test('is the value itself where all are equal', () => {
    expect(bootstrapInterval([0.3, 0.3])).toEqual({ mean: 0.3, low: 0.3, high: 0.3 });
  });

  test('refuses what has no interval', () => {
    expect(() => bootstrapInterval([])).toThrow(RangeError);
    expect(() => bootstrapInterval([Number.NaN])).toThrow(/values\[0\]/);
    expect(() => bootstrapInterval(values, { confidence: 1 })).toThrow(RangeError);
    expect(() => bootstrapInterval(values, { resamples: 0 })).toThrow(RangeError);
    expect(() => bootstrapInterval(values, { seed: 0.5 })).toThrow(RangeError);
    expect(() => bootstrapInterval(values, { method: 'basic' as never })).toThrow(RangeError);
    expect(() => bootstrapInterval(new Float64Array(100), { resamples: 1e9 })).toThrow(/fewer resamples/);
  });
});

describe('wilsonInterval', () => {
  test('is 0 to 1 without cases, and exact where all or none passed', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
    expect(wilsonInterval(0, 10).low).toBe(0);
    expect(wilsonInterval(10, 10).high).toBe(1);
  });

  test('refuses counts that cannot be', () => {
    expect(() => wilsonInterval(2, 1)).toThrow(RangeError);
    expect(() => wilsonInterval(-1, 1)).toThrow(RangeError);
    expect(() => wilsonInterval(undefined as never, 1)).toThrow(TypeError);
  });
});

describe('mcnemar', () => {
  test('counts verdicts that differ', () => {
    const a = [true, true, true, false, true, 1, 0] as const;
    const b = [false, false, true, true, true, 0, 0] as const;
    expect(mcnemar(a, b)).toEqual(mcnemar({ onlyA: 3, onlyB: 1 }));
    expect(mcnemar({ onlyA: 5, onlyB: 5 })).toMatchObject({ p: 1 });
    expect(mcnemar({ onlyA: 5, onlyB: 0 }, { method: 'chi2' }).statistic).toBeCloseTo(3.2, 12);
  });

  test('refuses lists that do not belong together', () => {
    expect(() => mcnemar([true], [])).toThrow(RangeError);
    expect(() => mcnemar([0.5 as never], [1])).toThrow(/a\[0\]/);
    expect(() => mcnemar({ onlyA: -1, onlyB: 0 })).toThrow(RangeError);
  });
});

describe('pairedBootstrap', () => {
  test('finds no difference between identical runs', () => {
    expect(pairedBootstrap(values, values)).toEqual({ difference: 0, low: 0, high: 0, p: 1 });
  });

  test('finds a constant shift sure', () => {
    const { p, low, difference } = pairedBootstrap(
      values.map((value) => value + 0.1),
      values,
    );
    expect(difference).toBeCloseTo(0.1, 12);
    expect(low).toBeCloseTo(0.1, 9);
    expect(p).toBeCloseTo(1 / 10_001, 12);
  });
});

describe('summarize', () => {
  const scores = [1, 0, 1, Number.NaN, 0.5].map((score) => ({ score, passed: score >= 0.8 }));

  test('counts what could not be judged apart', () => {
    const summary = summarize(scores);
    expect(summary).toMatchObject({ count: 4, unusable: 1, mean: 0.625, passed: 2, passRate: 0.5 });
    expect(summary.passRateInterval).toEqual(wilsonInterval(2, 4));
    const { low, high } = bootstrapInterval([1, 0, 1, 0.5]);
    expect(summary.meanInterval).toEqual({ low, high });
  });

  test('sums up groups in the order in which they occur', () => {
    const { groups } = summarize(scores, { by: (_score, i) => (i % 2 === 0 ? '__proto__' : 'odd') });
    expect([...groups!.keys()]).toEqual(['__proto__', 'odd']);
    expect(groups!.get('odd')).toMatchObject({ count: 1, unusable: 1 });
  });

  test('has no mean where nothing could be judged, and refuses an empty list', () => {
    expect(summarize([{ score: Number.NaN, passed: false }])).toMatchObject({
      count: 0,
      unusable: 1,
      mean: Number.NaN,
    });
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => summarize([{ score: Number.POSITIVE_INFINITY, passed: true }])).toThrow(/scores\[0\]/);
  });
});
