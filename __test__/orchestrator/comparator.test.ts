import { BaselineComparator, type CaseOutcome, type ComparedMetric, type Metrics } from '@aah/ai-evals/orchestrator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metrics } from './reports.js';

function compared(baseline: Partial<Metrics>, current: Partial<Metrics>, comparator = new BaselineComparator()) {
  const id = comparator.storeBaseline({ name: 'main', description: '', runId: 'r1', metrics: metrics(baseline) });
  return comparator.compareToBaseline(metrics(current), 'r2', id);
}

const told = ({ regressions }: ReturnType<typeof compared>) =>
  regressions.map(({ metric, severity }) => `${metric} ${severity}`);

const category = (accuracy: number, more = {}) => ({
  ...{ category: 'x', totalTests: 10, passed: accuracy / 10, failed: 10 - accuracy / 10, errors: 0 },
  ...{ accuracy, avgScore: accuracy / 100, avgLatency: 100, avgCost: 0.1 },
  ...more,
});

describe('storeBaseline', () => {
  it('keeps five baselines that are stored in one millisecond', () => {
    const comparator = new BaselineComparator();
    const ids = Array.from({ length: 5 }, () =>
      comparator.storeBaseline({ name: 'b', description: '', runId: 'r', metrics: metrics() }),
    );
    expect(new Set(ids).size).toBe(5);
    expect(ids[0]).toMatch(/^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(comparator.getAllBaselines().map(({ id }) => id)).toEqual(ids);
  });

  it('copies metrics on their way in and out', () => {
    const comparator = new BaselineComparator();
    const given = metrics();
    const id = comparator.storeBaseline({ name: 'b', description: '', runId: 'r', metrics: given });
    given.accuracy = 1;
    comparator.getBaseline(id)!.metrics.accuracy = 2;
    comparator.compareToBaseline(metrics(), 'r2', id).metrics.baseline.accuracy = 3;
    expect(comparator.getBaseline(id)!.metrics.accuracy).toBe(90);
  });

  it('refuses what is no object of metrics', () => {
    const comparator = new BaselineComparator();
    const store = (given: unknown) =>
      comparator.storeBaseline({ name: 'b', description: '', runId: 'r', metrics: given as Metrics });
    for (const given of [undefined, null, 5]) expect(() => store(given)).toThrow(/baseline\.metrics must be an object/);
  });
});

describe('setActiveBaseline', () => {
  it('leaves one baseline active', () => {
    const comparator = new BaselineComparator();
    const [a, b] = ['a', 'b'].map((name) =>
      comparator.storeBaseline({ name, description: '', runId: 'r', metrics: metrics() }),
    ) as [string, string];
    expect(comparator.getActiveBaseline()).toBeUndefined();
    comparator.setActiveBaseline(a);
    comparator.setActiveBaseline(b);
    expect(comparator.getActiveBaseline()?.id).toBe(b);
    expect(comparator.getAllBaselines().map(({ isActive }) => isActive)).toEqual([false, true]);
    expect(comparator.compareToBaseline(metrics(), 'r2').baselineId).toBe(b);
    expect(comparator.deleteBaseline(b)).toBe(true);
    expect(comparator.deleteBaseline(b)).toBe(false);
    expect(() => comparator.compareToBaseline(metrics(), 'r2')).toThrow('No baseline available for comparison');
  });

  it('throws for an id that there is not', () => {
    const comparator = new BaselineComparator();
    expect(() => comparator.setActiveBaseline('x')).toThrow('Baseline x not found');
    expect(() => comparator.compareToBaseline(metrics(), 'r', 'x')).toThrow('Baseline x not found');
  });
});

describe('thresholds', () => {
  const table: [ComparedMetric, number, number, number, number][] = [
    ['accuracy', -1, 10, 5, 2],
    ['passRate', -1, 10, 5, 2],
    ['avgScore', -1, 15, 8, 3],
    ['avgLatency', 1, 50, 25, 10],
    ['totalCost', 1, 40, 20, 10],
  ];

  it.each(table)(
    'of %s are reached by critical and major, exceeded by minor',
    (metric, sign, critical, major, minor) => {
      const severity = (percent: number) =>
        compared({ [metric]: 100 }, { [metric]: 100 + sign * percent }).regressions[0]?.severity;
      expect(severity(critical)).toBe('critical');
      expect(severity(critical - 0.001)).toBe('major');
      expect(severity(major)).toBe('major');
      expect(severity(major - 0.001)).toBe('minor');
      expect(severity(minor + 0.001)).toBe('minor');
      expect(severity(minor)).toBeUndefined();
      expect(severity(-60)).toBeUndefined();
    },
  );

  it('decide in decimal arithmetic: 1.1 is not more than 10 % above 1, and 1.4 is 40 %', () => {
    expect(told(compared({ totalCost: 1 }, { totalCost: 1.1 }))).toEqual([]);
    expect(told(compared({ totalCost: 1 }, { totalCost: 1.4 }))).toEqual(['totalCost critical']);
    expect(told(compared({ avgLatency: 0.3 }, { avgLatency: 0.33 }))).toEqual([]);
    expect(compared({ totalCost: 1 }, { totalCost: 1.4 }).regressions[0]).toMatchObject({
      percentChange: 40,
      absoluteChange: 0.4,
    });
  });

  it('decide as whole numbers do, whatever the place of the decimal point', () => {
    const whole = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(whole, whole, fc.integer({ min: 0, max: 12 }), (before, after, places) => {
        const scaled = (value: number) => Number(`${value}e-${places}`);
        const change = 100 * (after - before);
        const expected =
          change >= 40 * before
            ? 'critical'
            : change >= 20 * before
              ? 'major'
              : change > 10 * before
                ? 'minor'
                : undefined;
        const { regressions } = compared({ totalCost: scaled(before) }, { totalCost: scaled(after) });
        expect(regressions[0]?.severity).toBe(expected);
      }),
    );
  });

  it('are handed out and taken as copies', () => {
    const comparator = new BaselineComparator({ accuracy: { critical: 3, major: 2, minor: 1 } });
    comparator.getThresholds().accuracy.minor = 99;
    expect(comparator.getThresholds().accuracy).toEqual({ critical: 3, major: 2, minor: 1 });
    comparator.updateThresholds('accuracy', { critical: 4 });
    expect(comparator.getThresholds().accuracy).toEqual({ critical: 4, major: 2, minor: 1 });
    expect(new BaselineComparator().getThresholds().accuracy).toEqual({ critical: 10, major: 5, minor: 2 });
    comparator.reset();
    expect(comparator.getThresholds().accuracy.critical).toBe(3);
  });

  it('out of order, negative, NaN or of an unknown metric are refused', () => {
    const bad = (thresholds: object) => () => new BaselineComparator(thresholds as never);
    expect(bad({ accuracy: { critical: 1, major: 2, minor: 3 } })).toThrow(/critical ≥ major ≥ minor/);
    expect(bad({ accuracy: { critical: Number.NaN, major: 2, minor: 1 } })).toThrow(RangeError);
    expect(bad({ speed: { critical: 3, major: 2, minor: 1 } })).toThrow(/one of accuracy/);
  });
});

describe('improvements', () => {
  it('are better by more than minor, and have a magnitude and no severity', () => {
    expect(compared({}, { accuracy: 90.0001, passRate: 90.0001 }).improvements).toEqual([]);
    const { improvements, regressions } = compared({ avgLatency: 100 }, { avgLatency: 70 });
    expect(regressions).toEqual([]);
    expect(improvements).toMatchObject([{ metric: 'avgLatency', magnitude: 'moderate', percentChange: -30 }]);
    expect(improvements[0]).not.toHaveProperty('severity');
  });
});

describe('unjudged', () => {
  const reasons = (comparison: ReturnType<typeof compared>) =>
    comparison.unjudged.map(({ reason, category, metric }) => [reason, category, metric].filter(Boolean).join(' '));

  it('has a baseline of 0', () => {
    expect(reasons(compared({ totalCost: 0 }, { totalCost: 5 }))).toEqual(['zero-baseline overall totalCost']);
  });

  it('has another number of calls for the same cases', () => {
    const cases = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ testCaseId: `c${n % 3}`, category: 'a', passed: true }));
    const twice = { totalTests: 6, cases: cases(6) };
    const { unjudged } = compared(twice, { totalTests: 3, cases: cases(3) });
    expect(unjudged).toMatchObject([{ reason: 'vanished-cases', category: 'overall', baseline: 6, current: 3 }]);
    expect(compared(twice, twice).unjudged).toEqual([]);
  });

  it('has figures that are no finite numbers', () => {
    const comparison = compared({ avgScore: Number.NaN }, { avgLatency: Number.POSITIVE_INFINITY });
    expect(reasons(comparison)).toEqual(['not-a-number overall avgScore', 'not-a-number overall avgLatency']);
    expect(comparison.regressions).toEqual([]);
    expect(comparison.summary.overallChange).toBe(0);
  });

  it('has vanished and new categories, of any name', () => {
    const named = (name: string) => Object.fromEntries([[name, category(90)]]);
    expect(reasons(compared({ breakdown: named('__proto__') }, { breakdown: named('constructor') }))).toEqual([
      'vanished-category __proto__',
      'new-category constructor',
    ]);
  });

  it('has the number of cases where it differs', () => {
    expect(reasons(compared({}, { totalTests: 5 }))).toEqual(['vanished-cases overall']);
  });

  it('has vanished and new cases by id', () => {
    const cases = (...ids: string[]): CaseOutcome[] =>
      ids.map((testCaseId) => ({ testCaseId, category: 'x', passed: true, score: 1 }));
    const { unjudged } = compared({ cases: cases('a', 'b', 'c') }, { cases: cases('b', 'c', 'd') });
    expect(unjudged.map(({ reason, testCaseIds }) => [reason, testCaseIds])).toEqual([
      ['vanished-cases', ['a']],
      ['new-cases', ['d']],
    ]);
  });
});

describe('compareToBaseline', () => {
  it('compares metrics without a breakdown', () => {
    const comparator = new BaselineComparator();
    const { breakdown: _, ...bare } = metrics();
    comparator.setActiveBaseline(comparator.storeBaseline({ name: 'b', runId: 'r', metrics: bare }));
    expect(comparator.compareToBaseline(bare, 'r2').regressions).toEqual([]);
  });

  it('names category and metric of a regression in a category', () => {
    const { regressions } = compared({ breakdown: { x: category(90) } }, { breakdown: { x: category(50) } });
    expect(regressions.map(({ testCaseId, category, metric }) => [testCaseId, category, metric])).toEqual([
      ['x', 'x', 'accuracy'],
      ['x', 'x', 'avgScore'],
    ]);
  });

  it('weighs the overall change, and leaves out baselines of 0', () => {
    const { summary } = compared(
      { totalCost: 0 },
      { accuracy: 81, passRate: 81, avgScore: 0.99, avgLatency: 50, totalCost: 9 },
    );
    expect(summary.overallChange).toBeCloseTo(0.4 * -10 + 0.3 * 10 + 0.2 * 50, 10);
    expect(summary).toMatchObject({ totalRegressions: 2, criticalRegressions: 2, totalImprovements: 2 });
  });
});

describe('interval and pValue', () => {
  const cases = (passes: boolean[], more: Partial<CaseOutcome> = {}): CaseOutcome[] =>
    passes.map((passed, i) => ({
      ...{ testCaseId: `c${i}`, category: 'x', passed, score: Number(passed), latency: passed ? 100 : 200, cost: 0.1 },
      ...more,
    }));
  const of = (list: CaseOutcome[]): Partial<Metrics> => {
    const passed = list.filter((one) => one.passed).length;
    const accuracy = (100 * passed) / list.length;
    const avgScore = accuracy / 100;
    return {
      totalTests: list.length,
      passed,
      failed: list.length - passed,
      accuracy,
      passRate: accuracy,
      avgScore,
      cases: list,
    };
  };
  const sixty = (broken: number) => Array.from({ length: 60 }, (_, i) => i >= broken);

  it('are paired where the cases are the same: the p of accuracy is McNemar’s', () => {
    const { regressions } = compared(of(cases(sixty(0))), of(cases(sixty(10))));
    const accuracy = regressions.find(({ metric }) => metric === 'accuracy')!;
    expect(accuracy.pairedCases).toBe(60);
    expect(accuracy.pValue).toBeCloseTo(2 / 2 ** 10, 10);
    expect(accuracy.interval!.low).toBeLessThan(accuracy.absoluteChange);
    expect(accuracy.interval!.high).toBeGreaterThan(accuracy.absoluteChange);
    expect(accuracy.interval!.high).toBeLessThan(0);
  });

  it('are paired across two models, when each side has one', () => {
    const { regressions } = compared(of(cases(sixty(0), { modelId: 'a' })), of(cases(sixty(10), { modelId: 'b' })));
    expect(regressions[0]?.pairedCases).toBe(60);
  });

  it('are wider where the cases are others', () => {
    const others = cases(sixty(10)).map((one, i) => ({ ...one, testCaseId: `other ${i}` }));
    const paired = compared(of(cases(sixty(0))), of(cases(sixty(10)))).regressions[1]!;
    const unpaired = compared(of(cases(sixty(0))), of(others)).regressions[1]!;
    expect(unpaired.pairedCases).toBeUndefined();
    expect(unpaired.pValue).toBeGreaterThan(paired.pValue!);
    expect(unpaired.interval!.low).toBeLessThan(unpaired.absoluteChange);
  });

  it('come from the counts where no case is known', () => {
    const { regressions } = compared({}, { accuracy: 40, passRate: 40, passed: 4, failed: 6 });
    expect(regressions[0]!.pValue).toBeGreaterThan(0);
    expect(regressions[0]!.pValue).toBeLessThan(0.2);
    // Wilson's intervals of 9/10 and 4/10 are 59.6–98.2 and 16.8–68.7, put together by Newcombe's method 10.
    expect(regressions[0]!.interval!.low).toBeCloseTo(-50 - Math.hypot(40 - 16.8, 98.2 - 90), 0);
    expect(regressions[0]!.interval!.high).toBeCloseTo(-50 + Math.hypot(68.7 - 40, 90 - 59.6), 0);
  });

  it('never claim more than a sign test of few cases can', () => {
    const slow = (latency: number) => cases([true, true, true], { latency });
    const { regressions } = compared({ ...of(slow(100)), avgLatency: 100 }, { ...of(slow(200)), avgLatency: 200 });
    expect(regressions[0]).toMatchObject({ metric: 'avgLatency', pairedCases: 3 });
    expect(regressions[0]!.pValue).toBeGreaterThanOrEqual(0.25);
  });

  it('take repeats of a case as one case', () => {
    const repeated = (broken: number) => [...cases(sixty(broken)), ...cases(sixty(broken))];
    expect(compared(of(repeated(0)), of(repeated(10))).regressions[0]?.pairedCases).toBe(60);
  });
});
