/** The runs of a command side by side, as text and as figures. */
import { wilsonInterval } from '../scorers/aggregates.js';
import type { Style } from './style.js';
import type { Summary } from './summary.js';
import { count, dollars, duration, percent, plural, shortened } from './wording.js';

/** Figures of all runs of a command together. */
export interface TotalSummary {
  total: number;
  passed: number;
  failed: number;
  errors: number;
  passRate: number;
  interrupted: boolean;
  /** US dollars; `null` when a price is not known. */
  cost: number | null;
  tokens: number;
}

/** Adds the figures of runs. */
export function totalOf(summaries: readonly Summary[]): TotalSummary {
  const sum = (figure: (summary: Summary) => number): number => summaries.reduce((all, each) => all + figure(each), 0);
  const [total, passed] = [sum((each) => each.total), sum((each) => each.passed)];
  return {
    total,
    passed,
    failed: sum((each) => each.failed),
    errors: sum((each) => each.errors),
    passRate: total === 0 ? 0 : passed / total,
    interrupted: summaries.some(({ interrupted }) => interrupted),
    cost: summaries.some(({ cost }) => cost === null) ? null : sum(({ cost }) => cost ?? 0),
    tokens: sum(({ tokens }) => tokens.total),
  };
}

/** Widths of the columns behind the name. */
const WIDTHS = [7, 15, 7, 7, 9, 7];

/** Returns the table of runs, the best pass rate of a dataset first. `names` are those of the runs. */
export function runTable(runs: readonly { name: string; dataset: string; summary: Summary }[], style: Style): string {
  const datasets = [...new Set(runs.map(({ dataset }) => dataset))];
  const lines = datasets.flatMap((dataset) => {
    const ofDataset = runs.filter((run) => run.dataset === dataset);
    const ranked = [...ofDataset].sort((a, b) => b.summary.passRate - a.summary.passRate);
    const width = Math.max(5, ...ranked.map(({ name }) => Math.min(24, [...name].length)));
    const row = (name: string, cells: readonly string[]) =>
      `  ${shortened(name, width).padEnd(width)}${cells.map((cell, i) => `  ${cell.padStart(WIDTHS[i]!)}`).join('')}`;
    return [
      '',
      style.bold(`${dataset}: ${plural(ranked.length, 'model')}`),
      style.dim(row('model', ['passed', '95 % interval', 'errors', 'p95', 'cost', 'cases'])),
      ...ranked.map(({ name, summary }) => row(name, cells(summary))),
    ];
  });
  return `${lines.join('\n')}\n\n`;
}

function cells({ passed, total, passRate, errors, latency, cost }: Summary): string[] {
  const { low, high } = wilsonInterval(passed, total);
  return [
    percent(passRate),
    `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}%`,
    count(errors),
    latency.count === 0 ? '-' : duration(latency.p95),
    cost === null ? 'unknown' : dollars(cost),
    count(total),
  ];
}
