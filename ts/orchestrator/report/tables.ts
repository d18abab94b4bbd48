/** The tables of a report, which CSV, HTML and Markdown lay out each in its way. */
import { errorOf, type JoinedCase, joinCases, modelLabels } from '../case_outcome.js';
import { mean } from '../metrics.js';
import type { CategoryMetrics, Metrics, RunSummary, ScoringResult } from '../types.js';
import { type PlainReport, textOf } from './plain_report.js';
import type { ReportParts } from './report_parts.js';

/** A cell: a text of anybody's, or a number with its digits. */
export type Cell = string | { number: string };

/** A table with a title. */
export interface Table {
  title: string;
  columns: string[];
  rows: Cell[][];
}

/** Returns a number with so many digits behind the point; nothing where there is none. */
export function digits(value: unknown, places: number): Cell {
  return { number: typeof value === 'number' && Number.isFinite(value) ? value.toFixed(places) : '' };
}

/** Returns the table of categories. Its first row is that of all cases. */
export function categoryTable(report: PlainReport): Table {
  const metrics = (report.metrics ?? {}) as Partial<Metrics>;
  const breakdown: unknown = metrics.breakdown ?? {};
  const rows = Object.entries(breakdown as Record<string, Partial<CategoryMetrics>>);
  return {
    title: 'Categories',
    columns: ['Category', 'Total Tests', 'Passed', 'Accuracy', 'Avg Score', 'Avg Latency', 'Avg Cost'],
    rows: [
      categoryRow('Overall', { ...metrics, avgCost: averageCost(metrics) }),
      ...rows.map(([category, figures]) => categoryRow(category, figures)),
    ],
  };
}

function categoryRow(category: string, figures: Partial<CategoryMetrics>): Cell[] {
  return [
    category,
    digits(figures.totalTests, 0),
    digits(figures.passed, 0),
    digits(figures.accuracy, 2),
    digits(figures.avgScore, 3),
    digits(figures.avgLatency, 0),
    digits(figures.avgCost, 4),
  ];
}

/** Returns the mean of the costs that are known. */
function averageCost({ cases, totalCost, totalTests, unpriced = 0 }: Partial<Metrics>): number {
  if (Array.isArray(cases)) return mean(cases.flatMap(({ cost }) => cost ?? []));
  const priced = (totalTests ?? 0) - unpriced;
  return priced > 0 ? (totalCost ?? 0) / priced : 0;
}

/** Returns the table of models, one row a run. */
export function runTable(report: PlainReport): Table {
  const runs = runsOf(report);
  const labels = modelLabels(runs);
  const all = casesOf(report, runs);
  return {
    title: 'Runs',
    columns: [
      'Dataset',
      'Model',
      'Total Tests',
      'Passed',
      'Failed',
      'Errors',
      'Accuracy',
      'Duration',
      'Cost',
      'Tokens',
    ],
    rows: runs.map((run, i) => {
      const cases = all.filter((one) => one.run === run);
      const passed = cases.filter(({ outcome }) => outcome.passed).length;
      const errors = cases.filter(({ outcome }) => outcome.error).length;
      return [
        textOf(run.datasetId),
        labels[i]!,
        digits(cases.length, 0),
        digits(passed, 0),
        digits(cases.length - passed - errors, 0),
        digits(errors, 0),
        digits(cases.length === 0 ? 0 : (100 * passed) / cases.length, 2),
        digits(run.totalDuration, 0),
        digits(run.totalCost, 4),
        digits(run.totalTokens, 0),
      ];
    }),
  };
}

/** Returns the table of regressions. */
export function regressionTable(report: PlainReport): Table {
  return {
    title: 'Regressions',
    columns: ['Test Case', 'Metric', 'Baseline', 'Current', 'Change %', 'Severity'],
    rows: listOf(report.regressions).map((one) => [
      textOf(one.testCaseId),
      textOf(one.metric),
      numberCell(one.baseline),
      numberCell(one.current),
      digits(one.percentChange, 2),
      textOf(one.severity),
    ]),
  };
}

/** Returns the table of improvements. */
export function improvementTable(report: PlainReport): Table {
  return {
    title: 'Improvements',
    columns: ['Test Case', 'Metric', 'Baseline', 'Current', 'Change %', 'Magnitude'],
    rows: listOf(report.comparison?.improvements).map((one) => [
      textOf(one.testCaseId),
      textOf(one.metric),
      numberCell(one.baseline),
      numberCell(one.current),
      digits(one.percentChange, 2),
      textOf(one.magnitude),
    ]),
  };
}

/** Returns the table of what was not compared. */
export function unjudgedTable(report: PlainReport): Table {
  return {
    title: 'Not judged',
    columns: ['Category', 'Reason', 'Message'],
    rows: listOf(report.comparison?.unjudged).map((one) => [
      textOf(one.category),
      textOf(one.reason),
      textOf(one.message),
    ]),
  };
}

/** Returns the table of recommendations. */
export function recommendationTable(report: PlainReport): Table {
  return {
    title: 'Recommendations',
    columns: ['Type', 'Severity', 'Title', 'Description', 'Suggested Actions'],
    rows: listOf(report.recommendations).map((one) => [
      textOf(one.type),
      textOf(one.severity),
      textOf(one.title),
      textOf(one.description),
      listOf(one.suggestedActions).map(textOf).join('; '),
    ]),
  };
}

/** Returns the table of verdicts, with a column for each figure of their breakdowns. */
export function scoreTable(report: PlainReport): Table {
  const cases = casesOf(report).filter(({ scoring }) => scoring !== undefined);
  const breakdownOf = ({ scoring }: JoinedCase) => Object.entries(scoring?.score?.breakdown ?? {});
  const figures = [...new Set(cases.flatMap((one) => breakdownOf(one).map(([name]) => name)))];
  return {
    title: 'Scores',
    columns: ['Dataset', 'Model', 'Test Case', 'Verdict', 'Score', 'Explanation', ...figures],
    rows: cases.map((one) => {
      const values = new Map(breakdownOf(one));
      return [
        ...placeOf(one),
        verdictOf(one),
        numberCell(one.outcome.score),
        textOf(one.scoring?.score?.explanation ?? one.scoring?.error?.message),
        ...figures.map((name) => numberCell(values.get(name))),
      ];
    }),
  };
}

/** Returns the table of results, with inputs and answers. */
export function resultTable(report: PlainReport): Table {
  return {
    title: 'Results',
    columns: ['Dataset', 'Model', 'Test Case', 'Verdict', 'Latency', 'Cost', 'Error', 'Input', 'Expected', 'Actual'],
    rows: casesOf(report)
      .filter(({ result }) => result !== undefined)
      .map((one) => [
        ...placeOf(one),
        verdictOf(one),
        numberCell(one.outcome.latency),
        numberCell(one.outcome.cost),
        errorOf(one.result) ?? one.scoring?.error?.message ?? '',
        numberCell(one.result?.input),
        numberCell(one.result?.expected),
        numberCell(one.result?.actual),
      ]),
  };
}

/** Returns the tables that `parts` ask for, in their order. */
export function tablesOf(report: PlainReport, parts: ReportParts): Table[] {
  return [
    categoryTable(report),
    ...(parts.details ? [runTable(report), regressionTable(report)] : []),
    ...(parts.details ? [improvementTable(report), unjudgedTable(report)].filter(({ rows }) => rows.length > 0) : []),
    ...(parts.recommendations ? [recommendationTable(report)] : []),
    ...(parts.scores ? [scoreTable(report)] : []),
    ...(parts.results ? [resultTable(report)] : []),
  ];
}

/** Returns the figures at the head of a report, with their names. */
export function summaryRows(report: PlainReport): [name: string, value: string][] {
  const { totalTests, passed, failed, errors, notRun, accuracy, avgLatency, totalCost, duration, status } =
    report.summary ?? {};
  const figure = (value: unknown, places: number) => (digits(value, places) as { number: string }).number;
  return [
    ['Status', textOf(status)],
    ['Total tests', figure(totalTests, 0)],
    ['Passed', figure(passed, 0)],
    ['Failed', figure(failed, 0)],
    ['Errors', figure(errors, 0)],
    ...(notRun === undefined ? [] : [['Not run', figure(notRun, 0)] as [string, string]]),
    ['Accuracy', `${figure(accuracy, 2)} %`],
    ['Average latency', `${figure(avgLatency, 0)} ms`],
    ['Total cost', `${figure(totalCost, 4)} $`],
    ['Duration', `${figure(duration, 0)} ms`],
  ];
}

/** Returns all cases of a report, joined. */
export function casesOf(report: PlainReport, runs: RunSummary[] = runsOf(report)): JoinedCase[] {
  return joinCases(runs, listOf(report.scoringResults) as ScoringResult[]);
}

/** Returns the runs of a report. */
export function runsOf(report: PlainReport): RunSummary[] {
  return listOf(report.runSummaries).map((run) => ({ ...run, results: listOf(run.results) }) as RunSummary);
}

/** Returns `'passed'`, `'failed'` or `'error'`. */
export function verdictOf({ outcome }: JoinedCase): 'passed' | 'failed' | 'error' {
  if (outcome.error) return 'error';
  return outcome.passed ? 'passed' : 'failed';
}

function placeOf({ outcome }: JoinedCase): Cell[] {
  return [textOf(outcome.datasetId), textOf(outcome.modelId), outcome.testCaseId];
}

function numberCell(value: unknown): Cell {
  return typeof value === 'number' ? { number: String(value) } : textOf(value);
}

// biome-ignore lint/suspicious/noExplicitAny: elements are read with care
function listOf(value: unknown): any[] {
  return Array.isArray(value) ? value.filter((one) => typeof one !== 'object' || one !== null) : [];
}
