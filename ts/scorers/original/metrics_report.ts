/** The figures of cases as text, JSON and CSV. */
import type { CaseMetrics } from './case_metrics.js';

const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;

/** Writes figures as lines to be read. */
export function formatMetricsReport(metrics: CaseMetrics): string {
  const { confidenceInterval: interval } = metrics;
  const lines = [
    `Cases: ${metrics.totalCases}, passed ${metrics.passedCases} (${percent(metrics.passRate)}), failed ${metrics.failedCases}`,
    `Score: ${metrics.averageScore.toFixed(3)} on average, 95 % interval ${interval.lower.toFixed(3)} to ` +
      `${interval.upper.toFixed(3)}, median ${metrics.medianScore.toFixed(3)}, deviation ${metrics.stdDevScore.toFixed(3)}`,
  ];
  const section = (title: string, rows: string[]) => {
    if (rows.length > 0) lines.push('', title, ...rows.map((row) => `  ${row}`));
  };
  section(
    'By category',
    Object.entries(metrics.byCategory).map(
      ([name, group]) =>
        `${name}: ${group.passedCases} of ${group.totalCases} (${percent(group.passRate)}), score ${group.averageScore.toFixed(3)}`,
    ),
  );
  section(
    'By scorer',
    Object.entries(metrics.byScorer).map(
      ([name, { averageScore, passRate, count }]) =>
        `${name}: score ${averageScore.toFixed(3)}, passed ${percent(passRate)} of ${count}`,
    ),
  );
  section(
    'Figures',
    Object.entries(metrics.customMetrics).map(([name, value]) => `${name}: ${value.toFixed(3)}`),
  );
  return lines.join('\n');
}

/** Writes figures as JSON, indented. */
export function metricsToJSON(metrics: CaseMetrics): string {
  return JSON.stringify(metrics, null, 2);
}

/**
 * Writes figures as CSV (RFC 4180): a row for all cases, one for each category and one for each scorer. A text that a
 * spreadsheet would take for a formula gets an apostrophe before it; numbers stay numbers.
 */
export function metricsToCSV(metrics: CaseMetrics): string {
  const header = ['Group', 'Name', 'Cases', 'Passed', 'Failed', 'Pass Rate', 'Average Score'];
  const rows: (string | number)[][] = [['overall', '', ...groupCells(metrics)]];
  for (const [name, group] of Object.entries(metrics.byCategory)) rows.push(['category', name, ...groupCells(group)]);
  for (const [name, { count, passRate, averageScore }] of Object.entries(metrics.byScorer)) {
    const passed = Math.round(passRate * count);
    rows.push(['scorer', name, count, passed, count - passed, passRate, averageScore]);
  }
  return `${[header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

function groupCells(
  group: Pick<CaseMetrics, 'totalCases' | 'passedCases' | 'failedCases' | 'passRate' | 'averageScore'>,
): number[] {
  return [group.totalCases, group.passedCases, group.failedCases, group.passRate, group.averageScore];
}

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
