/** Results as text: boxed tables for people (colour only on a terminal that wants it), Markdown, JSON. */
import { outOfRange } from '../arguments.js';
import type { BenchmarkComparison, BenchmarkResult, BenchmarkSuiteResult } from './result.js';
import { bytes, duration, percent, rate } from './units.js';

/** `table` is boxed for a terminal, `markdown` a GitHub table, `json` the data itself. */
export type TableStyle = 'table' | 'markdown' | 'json';

/** Refuses a style that there is not. */
function checkStyle(style: TableStyle): void {
  const known = style === 'table' || style === 'markdown' || style === 'json';
  if (!known) outOfRange('style', "'table', 'markdown' or 'json'", style);
}

/** Rows of cells under a heading; the first row names the columns. */
export interface Table {
  title: string;
  rows: string[][];
  /** Lines below. */
  notes?: string[];
}

function coloured(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** `text` in the colour with this ANSI code, if colours are wanted. */
export function paint(text: string, code: number): string {
  return coloured() ? `\u001b[${code}m${text}\u001b[0m` : text;
}

const BOLD = 1;
const VERDICT_COLOURS = { faster: 32, slower: 31, similar: 33 } as const;

/** Columns that a terminal needs for `text`: wide East Asian characters and emoji take two, combining marks none. */
export function columns(text: string): number {
  let count = 0;
  for (const character of text.normalize('NFC')) {
    if (/\p{Mark}|\p{Default_Ignorable_Code_Point}/u.test(character)) continue;
    count +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return count;
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names must not move the cursor or break a row.
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ');
}

/** A table in a box: first column left, others right. */
export function boxed({ title, rows, notes = [] }: Table): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => columns(row[i] ?? ''))));
  const heading = oneLine(title);
  const inner = widths.reduce((sum, width) => sum + width + 3, -1);
  const missing = columns(heading) + 2 - inner;
  if (missing > 0 && widths.length > 0) widths[0] = (widths[0] as number) + missing;
  const wide = Math.max(inner, inner + missing);
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right;
  const pad = (text: string, width: number, left: boolean): string => {
    const space = ' '.repeat(Math.max(0, width - columns(text)));
    return left ? text + space : space + text;
  };
  const line = (row: string[]): string =>
    `│${widths.map((width, i) => ` ${pad(row[i] ?? '', width, i === 0)} `).join('│')}│`;
  const [header, ...body] = cells.map(line);
  return [
    `┌${'─'.repeat(wide)}┐`,
    `│ ${paint(pad(heading, wide - 2, true), BOLD)} │`,
    rule('├', '┬', '┤'),
    header as string,
    rule('├', '┼', '┤'),
    ...body,
    rule('└', '┴', '┘'),
    ...notes,
  ].join('\n');
}

/** A table as GitHub-flavoured Markdown. */
export function markdown({ title, rows, notes = [] }: Table): string {
  const cells = rows.map((row) => row.map((cell) => oneLine(cell).replaceAll('|', '\\|')));
  const [header = [], ...body] = cells;
  const line = (row: string[]): string => `| ${row.join(' | ')} |`;
  const rule = `| ${header.map((_, i) => (i === 0 ? ':---' : '---:')).join(' | ')} |`;
  return [`### ${oneLine(title)}`, '', line(header), rule, ...body.map(line), ...notes.flatMap((n) => ['', n])].join(
    '\n',
  );
}

function drawn(table: Table, style: 'table' | 'markdown'): string {
  return style === 'markdown' ? markdown(table) : boxed(table);
}

/** One or more results; one is shown in full, more as a row each. */
export function formatResults(
  title: string,
  results: BenchmarkResult[],
  style: TableStyle,
  summary?: BenchmarkSuiteResult['summary'],
): string {
  checkStyle(style);
  const [only] = results;
  if (only !== undefined && summary === undefined) {
    return style === 'json' ? JSON.stringify(only, null, 2) : drawn(inFull(title, only), style);
  }
  if (style === 'json') return JSON.stringify(results, null, 2);
  const rows = results.map((r) => [
    r.name,
    duration(r.avgDuration),
    margin(r),
    duration(r.medianDuration),
    duration(r.p95Duration),
    duration(r.p99Duration),
    rate(r.throughput),
    String(r.iterations),
  ]);
  const notes =
    summary === undefined || results.length === 0
      ? []
      : [
          `Fastest: ${oneLine(summary.fastestBenchmark)}. Slowest: ${oneLine(summary.slowestBenchmark)}. ` +
            `${summary.totalBenchmarks} benchmarks in ${duration(summary.totalDuration)}, ${rate(summary.avgThroughput)} on average.`,
        ];
  return drawn(
    { title, rows: [['Benchmark', 'Average', '±', 'Median', 'p95', 'p99', 'Throughput', 'Samples'], ...rows], notes },
    style,
  );
}

function margin(result: BenchmarkResult): string {
  const { rme } = result;
  return rme === undefined || !Number.isFinite(rme) ? '' : `${rme < 1e6 ? rme.toFixed(1) : rme.toExponential(2)} %`;
}

function inFull(title: string, r: BenchmarkResult): Table {
  const samples = (r.callsPerSample ?? 1) > 1 ? `${r.iterations} of ${r.callsPerSample} calls` : String(r.iterations);
  const rows: [string, string | undefined][] = [
    ['Measure', 'Value'],
    ['Description', r.description || undefined],
    ['Samples', samples],
    ['Average', duration(r.avgDuration)],
    ['95 % interval', r.confidenceInterval?.map(duration).join(' – ')],
    ['Margin of error', margin(r) && `±${margin(r)}`],
    ['Median', duration(r.medianDuration)],
    ['Minimum', duration(r.minDuration)],
    ['Maximum', duration(r.maxDuration)],
    ['p95', duration(r.p95Duration)],
    ['p99', duration(r.p99Duration)],
    ['Standard deviation', duration(r.stdDeviation)],
    ['Outliers', r.outliers === undefined ? undefined : String(r.outliers)],
    ['Throughput', rate(r.throughput)],
    ['Total', duration(r.totalDuration)],
    ['Heap change', bytes(r.memoryUsage?.delta ?? 0)],
  ];
  return { title, rows: rows.filter((row): row is [string, string] => Boolean(row[1])) };
}

/** Changes of the machine's reference timing that are worth a line, percent. */
const NOTABLE = 5;

/** A comparison. */
export function formatComparison(comparison: BenchmarkComparison, style: TableStyle): string {
  checkStyle(style);
  if (style === 'json') return JSON.stringify(comparison, null, 2);
  const { baseline, current, improvement, verdict, significance } = comparison;
  const row = (name: string, of: (r: BenchmarkResult) => string, change = ''): string[] => [
    name,
    of(baseline),
    of(current),
    change,
  ];
  const { confidenceInterval, pValue, roundsPercent } = comparison;
  const rows = [
    ['Measure', 'Baseline', 'Current', 'Improvement'],
    row('Average', (r) => duration(r.avgDuration), percent(improvement.durationPercent)),
    row('Median', (r) => duration(r.medianDuration), roundsPercent === undefined ? '' : percent(roundsPercent)),
    row('p95', (r) => duration(r.p95Duration)),
    row('Throughput', (r) => rate(r.throughput), percent(improvement.throughputPercent)),
    row('Heap change', (r) => bytes(r.memoryUsage?.delta ?? 0), percent(improvement.memoryPercent)),
  ];
  const notes = [`Verdict: ${paint(verdict, VERDICT_COLOURS[verdict])} (${significance}).`];
  if (confidenceInterval !== undefined) {
    const [low, high] = confidenceInterval;
    notes[0] += ` The average changed by ${percent(low)} to ${percent(high)} (95 %)${pValue === undefined ? '' : `, p ${shownP(pValue)}`}.`;
  }
  const { conclusive, roundsNeeded, machinePercent = 0 } = comparison;
  if (Number.isFinite(machinePercent) && Math.abs(machinePercent) >= NOTABLE) {
    const changed = machinePercent > 0 ? 'quicker' : 'slower';
    notes.push(
      `The machine itself was ${Math.abs(machinePercent).toFixed(0)} % ${changed} during the current run: a change within that counts for nothing.`,
    );
  }
  if (conclusive === false) {
    const enough =
      roundsNeeded === undefined
        ? ''
        : ` About ${roundsNeeded} rounds a side, taken in turns (compareInterleaved), would.`;
    notes.push(`Not settled: too noisy to rule out a change of 5 %.${enough}`);
  }
  const names = baseline.name === current.name ? baseline.name : `${baseline.name} → ${current.name}`;
  return drawn({ title: names, rows, notes }, style);
}

function shownP(p: number): string {
  return p < 0.0001 ? '< 0.0001' : `= ${p.toFixed(4)}`;
}
