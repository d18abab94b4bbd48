import { calculateMetrics, formatMetricsReport, metricsToCSV, metricsToJSON } from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

const of = (id: string, score: number, category?: string) => ({
  id,
  category,
  passed: score >= 0.5,
  scorerResults: [{ scorerName: 'exact', result: { score, passed: score >= 0.5, breakdown: { length: score * 10 } } }],
});

describe('calculateMetrics', () => {
  const cases = [of('1', 1, 'a'), of('2', 0, 'a'), of('3', 0.5, 'b'), of('4', 1, '__proto__')];

  test('counts, averages and groups', () => {
    const metrics = calculateMetrics(cases);
    expect(metrics).toMatchObject({
      totalCases: 4,
      passedCases: 3,
      failedCases: 1,
      passRate: 0.75,
      averageScore: 0.625,
      medianScore: 0.75,
      byCategory: { a: { totalCases: 2, passRate: 0.5, averageScore: 0.5 }, b: { totalCases: 1 } },
      byScorer: { exact: { count: 4, averageScore: 0.625, minScore: 0, maxScore: 1 } },
      customMetrics: { avg_length: 6.25, median_length: 7.5, p25: 0.375, p99: 1 },
    });
    expect(Object.keys(metrics.byCategory)).toEqual(['a', 'b', '__proto__']);
    expect(metrics.stdDevScore).toBeCloseTo(0.4787135538781691, 12);
  });

  test('keeps the interval among the scores', () => {
    for (const list of [[1, 1, 1, 0], [0, 0, 0, 1], [1], []]) {
      const { lower, upper } = calculateMetrics(list.map((score, i) => of(String(i), score))).confidenceInterval;
      expect(lower >= 0 && upper <= 1 && lower <= upper).toBe(true);
    }
  });

  test('refuses what are no cases', () => {
    expect(() => calculateMetrics([{}] as never)).toThrow(/cases\[0\]/);
  });
});

describe('metricsToCSV', () => {
  test('quotes, and lets no formula through', () => {
    const csv = metricsToCSV(calculateMetrics([of('1', 1, '=HYPERLINK("x")'), of('2', 0, 'a,"b"\nc')]));
    expect(csv).toContain(`category,"'=HYPERLINK(""x"")",1,1,0,1,1`);
    expect(csv).toContain('category,"a,""b""\nc",1,0,1,0,0');
    expect(csv.startsWith('Group,Name,Cases,Passed,Failed,Pass Rate,Average Score\r\noverall,,2,1,1,0.5,0.5\r\n')).toBe(
      true,
    );
  });
});

test('the report and the JSON hold the figures', () => {
  const metrics = calculateMetrics([of('1', 1, 'a')]);
  expect(JSON.parse(metricsToJSON(metrics))).toEqual(metrics);
  expect(formatMetricsReport(metrics)).toContain('Cases: 1, passed 1 (100.0%), failed 0');
});
