/** The command line of `ai-evals report`. */
import { existsSync } from 'node:fs';
import type { ReportFormat } from '../config/index.js';
import { type Given, readFlags } from './flags.js';
import { REPORT_FLAGS } from './project_options.js';
import { reportFormat } from './run_options.js';
import { storeLocation } from './store_location.js';
import { UsageError } from './user_error.js';

/** The report that is asked for. */
export interface ReportCommand {
  source: ReportSource;
  format: Exclude<ReportFormat, 'table'>;
  /** `undefined`: the standard output. */
  output: string | undefined;
  /** The URL or path of the store of runs. */
  store: string;
  /** The name of the baseline to compare with. */
  baseline: string | undefined;
  includeFailures: boolean;
  includeMetrics: boolean;
}

/** A run of the store, the runs of the newest command, or a file. */
export interface ReportSource {
  kind: 'run' | 'latest' | 'file';
  name: string;
}

/** Reads the arguments after `report`; `'help'` when that is all that was asked for. */
export function readReportOptions(args: string[], env: NodeJS.ProcessEnv): ReportCommand | 'help' {
  const given = readFlags(args, REPORT_FLAGS);
  if (given.on('help')) return 'help';
  const source = sourceOf(given);
  const output = given.text('output');
  if (output === '') throw new UsageError('--output must not be empty');
  if (given.on('json') && given.text('format') !== undefined) {
    throw new UsageError('--json and --format exclude each other');
  }
  const format = given.on('json') ? 'json' : (reportFormat(given, undefined, output) ?? 'markdown');
  if (format === 'table') throw new UsageError('--format table is what ai-evals show RUN prints');
  const baseline = given.text('compare-baseline');
  if (baseline !== undefined && source.kind === 'file') {
    throw new UsageError('--compare-baseline belongs to a run of the store, and a file is given');
  }
  return {
    source,
    format,
    output: output === '-' ? undefined : output,
    store: storeLocation(given, env),
    baseline,
    includeFailures: given.on('include-failures'),
    includeMetrics: given.on('include-metrics'),
  };
}

function sourceOf(given: Given): ReportSource {
  const [named, ...more] = given.positionals;
  if (more.length > 0) throw new UsageError(`report takes one RUN or FILE, got also ${JSON.stringify(more[0])}`);
  const [runId, input] = [given.text('run-id'), given.text('input')];
  const sources: ReportSource[] = [
    ...(named === undefined
      ? []
      : [{ kind: looksLikeFile(named) ? ('file' as const) : ('run' as const), name: named }]),
    ...(runId === undefined ? [] : [{ kind: 'run' as const, name: runId }]),
    ...(input === undefined ? [] : [{ kind: 'file' as const, name: input }]),
    ...(given.on('latest') ? [{ kind: 'latest' as const, name: 'last' }] : []),
  ];
  const [source, other] = sources;
  if (source === undefined) throw new UsageError('report needs a RUN, a FILE, or --latest');
  if (other !== undefined) throw new UsageError('report takes one of RUN, FILE, --run-id, --input and --latest');
  if (source.name === '') throw new UsageError('report takes no empty name');
  return source;
}

function looksLikeFile(name: string): boolean {
  return existsSync(name) || /[./\\]/.test(name);
}
