/** `ai-evals report`: the report of runs of the store, or of a report that was written as JSON. */
import { readFileSync, writeFileSync } from 'node:fs';
import { priceOf } from '../datasets/prices.js';
import { type EvalReport, ReportGenerator, type ReportOptions } from '../orchestrator/index.js';
import { comparisonLines, OpenBaseline } from './baseline_gate.js';
import type { ReportCommand } from './report_options.js';
import { groupOf, modelOf, runsOfGroup } from './run_group.js';
import { reportOf, storedParts } from './run_report.js';
import { openExisting, runNamed, told } from './store_location.js';
import { styleFor } from './style.js';
import { UserError } from './user_error.js';

/** Writes the report and resolves to the exit code. */
export async function reportCommand(command: ReportCommand, env: NodeJS.ProcessEnv): Promise<number> {
  const { source, format, output, includeFailures, includeMetrics } = command;
  const report = source.kind === 'file' ? readReport(source.name) : await storedReport(command, env);
  writeReport(report, format, output, {
    includeRawResults: includeFailures,
    includeScoringBreakdown: includeMetrics,
  });
  return 0;
}

/** Writes a report in a form; `file` is the standard output where it is left out. Throws a {@link UserError}. */
export function writeReport(
  report: EvalReport,
  format: ReportOptions['format'],
  file: string | undefined,
  parts: Partial<ReportOptions> = {},
): void {
  const text = new ReportGenerator().exportReport(report, {
    format,
    includeDetails: true,
    includeRecommendations: true,
    ...parts,
  });
  const whole = text.endsWith('\n') ? text : `${text}\n`;
  if (file === undefined) {
    process.stdout.write(whole);
    return;
  }
  try {
    writeFileSync(file, whole);
  } catch (error) {
    throw new UserError(`${file} (--output) cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function readReport(file: string): EvalReport {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const report = value as Partial<EvalReport> | null;
  if (typeof report?.summary !== 'object' || !Array.isArray(report?.runSummaries)) {
    throw new UserError(`${file} is no report; name a file of: ai-evals run --format json --output FILE`);
  }
  return value as EvalReport;
}

async function storedReport(
  { source, store: location, baseline }: ReportCommand,
  env: NodeJS.ProcessEnv,
): Promise<EvalReport> {
  const store = await openExisting(location);
  try {
    const id = await runNamed(store, source.name);
    const run = (await told(store.getRun(id)))!;
    const group = groupOf(run);
    const runs = source.kind === 'latest' && group !== undefined ? await runsOfGroup(store, group) : [run];
    const parts = await Promise.all(runs.map((each) => storedParts(store, each)));
    const status = runs.every((each) => each.status === 'completed') ? 'completed' : 'failed';
    const jobId = runs.length === 1 ? id : group!;
    if (baseline === undefined) return reportOf(jobId, parts, { status });
    const gated = runs.map((each) => ({
      datasetId: each.datasetId,
      model: modelOf(each),
      price: priceOf(each.modelId),
    }));
    const opened = await OpenBaseline.open(location, { name: baseline, failOn: undefined }, gated);
    const comparisons = gated.map((each, i) => opened.compare(each, parts[i]!));
    for (const [i, each] of comparisons.entries()) {
      process.stderr.write(`${comparisonLines(gated[i]!.model, each, styleFor(process.stderr, env)).join('\n')}\n`);
    }
    const [comparison] = comparisons;
    const regressions = comparisons.flatMap((each) => each.regressions);
    return reportOf(
      jobId,
      parts,
      comparisons.length === 1 ? { status, regressions, comparison } : { status, regressions },
    );
  } finally {
    await store.close();
  }
}
