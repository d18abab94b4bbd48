/** `ai-evals compare`: from the command line to the exit code. */
import { existsSync, writeFileSync } from 'node:fs';
import type { CompareOptions } from './compare_options.js';
import { type Change, type Comparison, compareResults } from './comparison.js';
import { readResults, type SavedResult } from './saved_results.js';
import { readStoredResults } from './stored_results.js';
import { type Style, styleFor } from './style.js';
import { UserError } from './user_error.js';
import { count, percent, plural, printable, shortened, wrapped } from './wording.js';

const WIDTH = 80;

/** Compares two runs and resolves to the exit code; rejects with a {@link UserError} for what is no file and no run. */
export async function compare(
  { runA, runB, store, jsonFile, metric, show }: CompareOptions,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const whole = compareResults(await resultsOf(runA, store), await resultsOf(runB, store));
  const comparison = metric === undefined ? whole : { ...whole, scorers: scorerAlone(whole, metric) };
  const written = { a: runA, b: runB, ...comparison };
  if (jsonFile === '-') {
    process.stdout.write(`${JSON.stringify(written, null, 2)}\n`);
    return 0;
  }
  if (jsonFile !== undefined) writeJson(jsonFile, written);
  process.stdout.write(comparisonText(comparison, [runA, runB], show, styleFor(process.stdout, env)));
  return 0;
}

/** The changes of one scorer; none for `passed`, the verdicts. Throws a {@link UserError} for one that both runs lack. */
function scorerAlone({ scorers }: Comparison, metric: string): Comparison['scorers'] {
  if (metric === 'passed') return {};
  const change = Object.hasOwn(scorers, metric) ? scorers[metric] : undefined;
  if (change !== undefined) return { [metric]: change };
  const names = ['passed', ...Object.keys(scorers)].join(', ');
  throw new UserError(`there is no metric ${metric} in both runs (--metric); there are ${names}`);
}

/** Results of a file; where there is none of this name, and it does not look like one, of a run of the store. */
async function resultsOf(name: string, store: string): Promise<Map<string, SavedResult>> {
  const isFile = existsSync(name) || /[./\\]/.test(name);
  return isFile ? readResults(name) : readStoredResults(name, store);
}

function writeJson(file: string, value: object): void {
  try {
    writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw new UserError(`${file} (--json) cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** Returns the comparison as text of at most 80 columns, but for paths and ids. `show`: the most ids of each kind. */
export function comparisonText(
  comparison: Comparison,
  [runA, runB]: readonly [string, string],
  show: number,
  style: Style,
): string {
  const { fixed, broken, onlyA, onlyB, withoutVerdict, compared, scorers } = comparison;
  const lines = [
    '',
    style.dim(`A  ${printable(runA)}`),
    style.dim(`B  ${printable(runB)}`),
    '',
    style.bold(`${plural(compared, 'case')} compared${compared === 0 ? '' : rates(comparison)}`),
    ...changeLines(comparison, percent),
    ...ids('fixed', fixed, show),
    ...ids('broken', broken, show),
    ...ids('only in A', onlyA, show),
    ...ids('only in B', onlyB, show),
    ...ids('no verdict', withoutVerdict, show),
  ];
  for (const [name, change] of Object.entries(scorers)) {
    const figure = (mean: number): string => mean.toFixed(3);
    const means = change.meanA === null ? '' : `: mean ${figure(change.meanA)} in A, ${figure(change.meanB!)} in B`;
    lines.push('', style.bold(`${shortened(name, 40)}${means}`), ...changeLines(change, figure));
  }
  return `${lines.join('\n')}\n\n`;
}

function rates({ meanA, meanB }: Change): string {
  return `: ${percent(meanA!)} passed in A, ${percent(meanB!)} in B`;
}

function changeLines(change: Change, figure: (share: number) => string): string[] {
  const { fixed, broken, unchanged, difference, mcnemarP } = change;
  const counts = `${count(fixed.length)} fixed, ${count(broken.length)} broken, ${count(unchanged)} unchanged`;
  const lines = [`  ${counts} (McNemar p ${probability(mcnemarP)})`];
  if (difference === null) return lines;
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${figure(Math.abs(value))}`;
  const { value, low, high, p } = difference;
  lines.push(
    `  difference ${signed(value)}, 95 % interval ${signed(low)} to ${signed(high)} (bootstrap p ${probability(p)})`,
  );
  return lines;
}

/** `0.031`, `< 0.001`. */
function probability(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

function ids(label: string, list: readonly string[], show: number): string[] {
  if (list.length === 0) return [];
  const more = list.length > show ? `${show > 0 ? ', ' : ''}… (${count(list.length)})` : '';
  const named = list.slice(0, show).map((id) => shortened(id, 60));
  const text = wrapped(`${named.join(', ')}${more}`, WIDTH - 14);
  return text.map((line, i) => `  ${(i === 0 ? label : '').padEnd(12)}${line}`);
}
