/** The summary of a run, for machines (`--json`) and as text for people. */
import type { Bottleneck } from '../monitor/index.js';
import type { BaselineComparison } from '../orchestrator/index.js';
import { type Interval, type Summary as ScorerSummary, wilsonInterval } from '../scorers/aggregates.js';
import { shownDataset } from './cases.js';
import type { ConsistencySummary } from './consistency.js';
import { failureLines } from './failure_lines.js';
import { isMatcher } from './scorer_argument.js';
import type { Style } from './style.js';
import type { Counts, Tally } from './tally.js';
import { count, dollars, duration, percent, percentBounds, plural, shortened, wrapped } from './wording.js';

/** The summary as `--json` writes it. Durations are milliseconds, rates 0–1, `cost` US dollars. */
export interface Summary extends Counts {
  dataset: string;
  /** `null` when recorded answers were scored. */
  model: string | null;
  endpoint: string | null;
  /** The model that judges, `null` without a judge. */
  judge: string | null;
  /** The texts of `--scorer`, with commas between them. */
  scorer: string;
  /** By the text of `--scorer`: mean with its bootstrap interval, pass rate with Wilson's, both at 95 %. */
  scorers: Record<string, ScorerSummary>;
  /** `true` when it ended before its end; then only what was finished is counted. */
  interrupted: boolean;
  /** The reason when it ended before its end, else `null`. */
  stopped: string | null;
  /** Wilson's 95 % interval of `passRate`, which counts errors as not passed. */
  interval: Interval;
  /** Cases with a verdict: `passed` + `failed`. */
  answered: number;
  /** `passed / answered`, 0 when there is none. */
  answeredPassRate: number;
  /** Wilson's 95 % interval of `answeredPassRate`. */
  answeredInterval: Interval;
  /** In natural order of their names. */
  byCategory: Record<string, Counts>;
  /** Only with `--baseline`: what changed since. */
  baseline?: Omit<BaselineComparison, 'metrics'>;
  /** Only where each case is asked several times. */
  consistency?: ConsistencySummary;
  /** Milliseconds of calls, every attempt counted; zeros when there was none. */
  latency: { count: number; avg: number; min: number; max: number; p50: number; p95: number; p99: number };
  tokens: { prompt: number; completion: number; total: number };
  /** `null` when the model's price is not known. */
  cost: number | null;
  /**
   * `hits`: answered by what this run, an earlier one or one at the same time has kept; `shared`: by the call of an equal
   * input that was under way; `misses`: by a call, or in a replay not at all. Saved is what hits and shared answers would
   * have taken; `null` when the price is not known.
   */
  cache: {
    enabled: boolean;
    hits: number;
    shared: number;
    misses: number;
    hitRate: number;
    tokensSaved: number;
    costSaved: number | null;
  };
  /** Attempts beyond the first of a call. */
  retries: number;
  /** Attempts that the provider turned away because of its limit. */
  refusals: number;
  throttleTime: number;
  /** Reasons for the time it took, worst first; of severity `low` where nothing is wrong. */
  bottlenecks: Bottleneck[];
  durationMs: number;
}

const WIDTH = 80;
const MOST_CATEGORIES = 30;
const MOST_ERRORS = 5;

/** Returns the figures about the rates of a run. */
export function ratesOf({
  all,
  byCategory,
}: Tally): Pick<
  Summary,
  keyof Counts | 'interval' | 'answered' | 'answeredPassRate' | 'answeredInterval' | 'byCategory'
> {
  const answered = all.passed + all.failed;
  const names = [...byCategory.keys()].sort(byName);
  return {
    ...all,
    interval: wilsonInterval(all.passed, all.total),
    answered,
    answeredPassRate: answered === 0 ? 0 : all.passed / answered,
    answeredInterval: wilsonInterval(all.passed, answered),
    byCategory: Object.fromEntries(names.map((name) => [name, byCategory.get(name)!])),
  };
}

/** Natural order: `cat2` before `cat10`. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);
}

/** Returns the summary as text of at most 80 columns, but for what the dataset itself names. */
export function summaryText(
  summary: Summary,
  { messages, failures }: Pick<Tally, 'messages' | 'failures'>,
  style: Style,
): string {
  const lines = [
    '',
    ...heading(summary, style),
    '',
    ...categoryTable(summary, style),
    ...scorerTable(summary, style),
    '',
    ...figures(summary),
    ...bottleneckLines(summary),
    ...failureBlock(summary, failures, style),
    ...errorLines(summary, messages, style),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

function heading(summary: Summary, style: Style): string[] {
  const { total, passed, passRate, durationMs, interrupted, stopped, model, endpoint, errors, answered } = summary;
  const verdict = `${count(passed)} of ${plural(total, 'case')} passed (${percent(passRate)}) in ${duration(durationMs)}`;
  const source = model === null ? `recorded answers of ${shownDataset(summary.dataset)}` : `${model} at ${endpoint}`;
  const why = stopped === null ? '' : ` ${stopped}`;
  const cut = interrupted
    ? wrapped(`Stopped before the end: this is what was finished.${why}`, WIDTH).map(style.bad)
    : [];
  const rates = [`95 % interval ${percentBounds(summary.interval)}`];
  if (errors > 0) {
    const ofAnswered = `${count(passed)} of ${count(answered)} answered (${percent(summary.answeredPassRate)})`;
    rates.push(`${ofAnswered}, 95 % interval ${percentBounds(summary.answeredInterval)}`);
  }
  if (summary.consistency) rates.push(...consistencyLines(summary.consistency));
  return [...cut, style.bold(verdict), ...rates, style.dim(source)];
}

function consistencyLines({ repeat, cases, allPassed, anyPassed, agreement }: ConsistencySummary): string[] {
  const of = `of ${plural(cases, 'case')} asked ${count(repeat)} times`;
  return [
    `${of}: ${percent(allPassed)} passed always, ${percent(anyPassed)} at least once, ${percent(agreement)} agreed`,
  ];
}

function categoryTable(summary: Summary, style: Style): string[] {
  const entries = Object.entries(summary.byCategory).sort(([a], [b]) => byName(a, b));
  const names = entries.slice(0, MOST_CATEGORIES).map(([name, counts]) => [shortened(name, 30), counts] as const);
  const width = Math.max('category'.length, ...names.map(([name]) => name.length));
  const row = (name: string, cells: string[]) =>
    `  ${name.padEnd(width)}${cells.map((cell) => cell.padStart(9)).join('')}`;
  const cells = (counts: Counts) => [
    ...[counts.total, counts.passed, counts.failed, counts.errors].map(count),
    percent(counts.passRate),
  ];
  const lines = [style.dim(row('category', ['cases', 'passed', 'failed', 'errors', 'rate']))];
  for (const [name, counts] of names) lines.push(row(name, cells(counts)));
  if (entries.length > names.length) lines.push(`  … and ${plural(entries.length - names.length, 'more category')}`);
  if (entries.length > 1) lines.push(style.bold(row('all', cells(summary))));
  return lines;
}

/** The mean and the pass rate of each scorer. A matcher that stands alone says nothing new. */
function scorerTable({ scorers }: Summary, style: Style): string[] {
  const entries = Object.entries(scorers);
  if (entries.length === 1 && isMatcher(entries[0]![0])) return [];
  const row = (cells: readonly string[]) =>
    `  ${[cells[0]!.padEnd(25), ...cells.slice(1).map((cell, i) => cell.padStart(i % 2 === 0 ? 8 : 18))].join('')}`;
  const lines = entries.map(([label, { count: scored, mean, meanInterval, passRate, passRateInterval }]) => {
    const name = shortened(label, 25);
    if (scored === 0) return row([name, 'no score', '', '', '']);
    const { low, high } = meanInterval;
    const bounds = `${low.toFixed(3)} to ${high.toFixed(3)}`;
    return row([name, mean.toFixed(3), bounds, percent(passRate), percentBounds(passRateInterval)]);
  });
  return ['', style.dim(row(['scorer', 'mean', '95 % interval', 'passed', '95 % interval'])), ...lines];
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(13)}${text}`;
}

function figures(summary: Summary): string[] {
  const { latency, tokens, cost, cache, retries, throttleTime } = summary;
  const model = summary.model ?? summary.judge;
  if (model === null) return [];
  const ms = duration;
  const called = latency.count > 0;
  const { p50, p95, p99, max } = latency;
  return [
    ...(called ? [line('latency', `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}`)] : []),
    line('calls', called ? `${count(latency.count)}${retried(retries)}` : 'none: the model was not asked'),
    line('tokens', `${count(tokens.total)} (${count(tokens.prompt)} in, ${count(tokens.completion)} out)`),
    line('cost', cost === null ? `price of ${model} not known: --price-in, --price-out` : dollars(cost)),
    ...cacheLines(cache),
    line('throttled', throttleTime < 0.5 ? 'never' : duration(throttleTime)),
  ];
}

function retried(retries: number): string {
  return retries > 0 ? ` (${count(retries)} of them further attempts)` : '';
}

function cacheLines({ enabled, hits, shared, misses, hitRate, tokensSaved, costSaved }: Summary['cache']): string[] {
  if (!enabled) return [line('cache', 'off')];
  const free = hits + shared;
  const rate = line('cache', `${percent(hitRate)} (${count(free)} of ${plural(free + misses, 'case')})`);
  if (free === 0) return [rate];
  const money = costSaved ? ` and ${dollars(costSaved)}` : '';
  return [rate, line('', `saved ${plural(free, 'call')}, ${plural(tokensSaved, 'token')}${money}`)];
}

function bottleneckLines({ bottlenecks, durationMs }: Summary): string[] {
  // Whatever takes most of a second or less is not worth a person's time.
  if (durationMs < 1000) return [];
  return bottlenecks.slice(0, 3).flatMap(({ component, severity, percentOfTotal, recommendation }, i) => {
    const share = component === 'failed-attempts' ? 'of the calls' : 'of the time';
    const grade = severity === 'low' ? '' : ` (${severity})`;
    const advice = wrapped(recommendation, WIDTH - 17).map((text) => `                 ${text}`);
    return [
      line(i === 0 ? 'bottlenecks' : '', `${component}${grade}: ${percentOfTotal.toFixed(0)}% ${share}`),
      ...advice,
    ];
  });
}

function failureBlock({ failed }: Summary, failures: Tally['failures'], style: Style): string[] {
  if (failures.length === 0) return [];
  const of =
    failures.length < failed
      ? `The first ${failures.length} of ${plural(failed, 'failed case')}`
      : plural(failed, 'failed case');
  return ['', style.bad(`${of}:`), ...failureLines(failures, WIDTH)];
}

function errorLines(summary: Summary, messages: ReadonlyMap<string, number>, style: Style): string[] {
  if (summary.errors === 0) return [];
  const ranked = [...messages].sort(([, a], [, b]) => b - a);
  const title =
    summary.errors === summary.total
      ? 'Every case ended in an error:'
      : `${plural(summary.errors, 'case')} got no verdict:`;
  const lines = ranked.slice(0, MOST_ERRORS).flatMap(([message, times]) => {
    const [first, ...rest] = wrapped(shortened(message, 400), WIDTH - 11);
    return [`${`${count(times)} ×`.padStart(9)}  ${first}`, ...rest.map((text) => `           ${text}`)];
  });
  const more = ranked.length - MOST_ERRORS;
  return ['', style.bad(title), ...lines, ...(more > 0 ? [`           … and ${plural(more, 'other message')}`] : [])];
}
