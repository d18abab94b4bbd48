/** `ai-evals run`: from the command line to the exit code. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { BaselineComparison, EvalReport, Regression } from '../orchestrator/index.js';
import { comparisonLines, OpenBaseline } from './baseline_gate.js';
import { CaseReader } from './cases.js';
import { comparisonText } from './compare.js';
import { compareResults } from './comparison.js';
import { shownPath } from './dataset_name.js';
import { Endpoints } from './endpoint.js';
import { adviceOn } from './fail_fast.js';
import { failedCases } from './failed_cases.js';
import { Lanes } from './lanes.js';
import { asks, ModelRun } from './model_run.js';
import { checkOutputFiles } from './output_files.js';
import { Progress } from './progress.js';
import { writeReport } from './report_command.js';
import { ReportFile } from './report_file.js';
import { LinesFile, resultText } from './result_rows.js';
import { type OpenedGroup, openGroup } from './run_group.js';
import type { ReportTarget, RunCommand } from './run_options.js';
import { datasetIdOf, nameOf, RunRecord } from './run_record.js';
import { RunReport, reportOf } from './run_report.js';
import { runTable, totalOf } from './run_table.js';
import { savedResults } from './saved_results.js';
import { type Style, styleFor } from './style.js';
import { type Summary, summaryText } from './summary.js';
import type { CaseResult } from './tally.js';
import { UserError } from './user_error.js';
import { plural, printable, wrapped } from './wording.js';

const DONE = 0;
/** The pass rate is below its minimum, or a regression is of `--fail-on`. */
const BELOW_MINIMUM = 1;
const BAD_INPUT = 2;
const WITHOUT_ANSWER = 3;
const INTERRUPTED = 130;

/** The files a command writes while its runs go on. */
interface Outputs {
  report: ReportFile | undefined;
  lines: LinesFile | undefined;
}

type Parts = ReturnType<RunReport['parts']>;

/** A run with its figures. */
interface Finished {
  run: ModelRun;
  summary: Summary;
}

/** Runs the evaluations and resolves to the exit code; rejects with a `UserError` for what the person can put right. */
export async function run(command: RunCommand, env: NodeJS.ProcessEnv, { compares = false } = {}): Promise<number> {
  for (const options of command.runs) checkOutputFiles(options);
  const outputs = openOutputs(command);
  const discard = () => {
    outputs.report?.discard();
    outputs.lines?.close();
  };
  let onInterrupt = (): void => {
    discard();
    process.stderr.write('stopped before anything was run\n');
    process.exit(INTERRUPTED);
  };
  const interrupt = () => onInterrupt();
  process.on('SIGINT', interrupt);
  const endpoints = new Endpoints(env);
  const readers: CaseReader[] = [];
  let group: OpenedGroup | undefined;
  const stop = new AbortController();
  const records: RunRecord[] = [];
  try {
    const only = command.onlyFailed === undefined ? undefined : await failedCases(command.onlyFailed, command);
    for (const options of command.runs) {
      const name = asks(options) ? endpoints.plan(options).name : undefined;
      const cases = new CaseReader(options, only?.(options, name));
      readers.push(cases);
      await cases.readAhead();
    }
    const opened = await Promise.all(
      command.runs.map(async (options, i) => ({
        options,
        cases: readers[i]!,
        endpoint: asks(options) ? await endpoints.open(options) : undefined,
      })),
    );
    if (command.store !== undefined) group = await openGroup(command.store, command);
    const resumed = opened.map(({ options, endpoint }) => group?.resumes(options, endpoint));
    if (command.resume !== undefined && resumed.every((id) => id === undefined)) {
      throw new UserError(`run ${command.resume} is of another dataset and other models than this command names`);
    }
    const gated = opened.map(({ options, endpoint }) => ({
      datasetId: datasetIdOf(options.dataset),
      model: nameOf(options, endpoint),
      price: endpoint?.price,
    }));
    const baseline = command.baseline && (await OpenBaseline.open(command.readStore, command.baseline, gated));
    for (const [i, { options, cases, endpoint }] of opened.entries()) {
      if (group) records.push(await RunRecord.open(group, options, cases, endpoint, resumed[i]));
    }
    const called = opened.flatMap(({ endpoint }) => endpoint ?? []);
    const lanes = called.length > 0 ? new Lanes(command, called) : undefined;
    let say: (message: string) => void = () => {};
    const isReported = command.report !== undefined || baseline !== undefined;
    const jobId = group?.group ?? randomUUID();
    const reports = gated.map(({ datasetId, model }, i) => {
      const runId = records[i]?.run.id ?? `${jobId}-${i + 1}`;
      const scorers = command.scorers.map(({ label }) => label);
      return isReported
        ? new RunReport({ runId, datasetId, modelId: model, scorers, startTime: new Date() })
        : undefined;
    });
    const verdicts = compares ? gated.map(() => new Map<number, CaseResult>()) : undefined;
    const runs = opened.map(
      (each, i) =>
        new ModelRun({ ...each, record: records[i] }, lanes, stop.signal, (one, result) => {
          outputs.report?.add(one.index, result, i);
          reports[i]?.add(one.index, result);
          verdicts?.[i]?.set(one.index, result);
          outputs.lines?.add(resultText(runs.length > 1 ? { ...labelOf(runs[i]!), ...result } : result));
          if (command.verbose) say(verdictLine(result, runs.length > 1 ? runs[i]!.name : ''));
        }),
    );
    for (const [i, each] of runs.entries()) {
      process.stderr.write(`${each.opening()}\n${records[i] ? `${records[i].shown}\n` : ''}`);
    }
    const shown = runs.map((each) => each.shown(runs.length > 1 ? runLabel(each, runs) : undefined));
    const progress = new Progress(process.stderr, shown, env);
    say = (message) => progress.say(message);
    onInterrupt = () => {
      if (stop.signal.aborted) process.exit(INTERRUPTED);
      progress.say('stopping; Ctrl-C again to quit at once');
      stop.abort();
    };
    try {
      await allDone(runs, stop);
    } finally {
      progress.stop();
    }
    const finished = runs.map((each) => ({ run: each, summary: each.summary() }));
    const unstored: string[] = [];
    for (const [i, { run: each, summary }] of finished.entries()) {
      const problem = await records[i]?.finish(...each.end(summary));
      if (problem !== undefined) unstored.push(problem);
    }
    records.length = 0;
    for (const ids of repeatedIds(readers)) {
      process.stderr.write(`warning: ids that more than one case has: ${printable(ids)}\n`);
    }
    const parts = reports.map((report, i) => report?.parts(new Date(), finished[i]!.summary.durationMs));
    const comparisons = baseline ? gated.map((each, i) => baseline.compare(each, parts[i]!)) : [];
    const regressions = comparisons.flatMap((comparison) => comparison.regressions);
    // Where a machine reads the standard output, people read the other one.
    const isTaken = command.jsonFile === '-' || (command.report !== undefined && command.report.file === undefined);
    const out = isTaken ? process.stderr : process.stdout;
    const style = styleFor(out, env);
    out.write(shownSummary(finished, style));
    for (const [i, comparison] of comparisons.entries()) {
      out.write(`${comparisonLines(runs[i]!.name, comparison, style).join('\n')}\n\n`);
    }
    if (verdicts) out.write(modelComparisons(runs, verdicts, style));
    outputs.lines?.close();
    const summaries = finished.map(({ summary }, i) =>
      comparisons[i] === undefined ? summary : { ...summary, baseline: withoutMetrics(comparisons[i]) },
    );
    outputs.report?.write(summaries, runs.length > 1 ? totalOf(summaries) : undefined);
    if (command.report !== undefined) {
      const status = summaries.some(({ stopped }) => stopped === 'Ctrl-C')
        ? 'cancelled'
        : summaries.some(({ interrupted }) => interrupted)
          ? 'failed'
          : 'completed';
      const executionMetrics = lanes?.metrics();
      const report = reportOf(jobId, parts as Parts[], {
        status,
        regressions,
        ...(comparisons.length === 1 ? { comparison: comparisons[0] } : {}),
        ...(executionMetrics === undefined ? {} : { executionMetrics }),
      });
      writeRunReport(report, command.report, () => shownSummary(finished, styleFor({}, env)));
    }
    for (const problem of unstored) process.stderr.write(`ai-evals: ${problem}\n`);
    const failing = baseline?.failing(regressions) ?? [];
    return exitCode(finished, command, failing) || (unstored.length === 0 ? DONE : BAD_INPUT);
  } catch (error) {
    discard();
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    for (const cases of readers) await cases.close();
    for (const record of records) await record.leave();
    await group?.store.close();
    await endpoints.close();
  }
}

/** Waits for every run. A failure of one, which is a failure of ours, ends the others. */
async function allDone(runs: readonly ModelRun[], stop: AbortController): Promise<void> {
  const ends = await Promise.allSettled(
    runs.map((each) =>
      each.done().catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function openOutputs({ jsonFile, linesFile, runs }: RunCommand): Outputs {
  const report = jsonFile === undefined ? undefined : new ReportFile(jsonFile, runs.length);
  try {
    return { report, lines: linesFile === undefined ? undefined : new LinesFile(linesFile) };
  } catch (error) {
    report?.discard();
    throw error;
  }
}

/** The name of a run among those of its command. */
function runLabel(run: ModelRun, runs: readonly ModelRun[]): string {
  const hasSeveral = new Set(runs.map(({ options }) => options.dataset)).size > 1;
  return hasSeveral ? `${run.name} ${shownPath(run.options.dataset)}` : run.name;
}

function labelOf(run: ModelRun): { dataset: string; model: string } {
  return { dataset: shownPath(run.options.dataset), model: run.name };
}

function verdictLine({ id, passed, error }: CaseResult, model: string): string {
  const verdict = error !== null ? 'error' : passed ? 'pass ' : 'FAIL ';
  const why = error === null ? '' : `: ${printable(error)}`;
  return `${verdict} ${printable(id)}${model === '' ? '' : ` (${printable(model)})`}${why}`;
}

/** Ids that are repeated, of each dataset once. */
function repeatedIds(readers: readonly CaseReader[]): string[] {
  return [
    ...new Set(readers.filter((cases) => cases.repeatedIds.size > 0).map((cases) => [...cases.repeatedIds].join(', '))),
  ];
}

function shownSummary(finished: readonly Finished[], style: Style): string {
  const texts = finished.map(({ run: each, summary }) => summaryText(summary, each.tally, style));
  if (finished.length === 1) return texts[0]!;
  const rows = finished.map(({ run: each, summary }) => ({ ...labelOf(each), name: each.name, summary }));
  return `${texts.join('')}${runTable(rows, style)}`;
}

/** Compares each model with the first one on the same dataset, case by case. */
function modelComparisons(
  runs: readonly ModelRun[],
  verdicts: readonly ReadonlyMap<number, CaseResult>[],
  style: Style,
): string {
  const results = verdicts.map((byIndex) => {
    const ordered = [...byIndex].sort(([a], [b]) => a - b);
    return savedResults(ordered.map(([, result]) => result));
  });
  const texts = runs.map((each, i) => {
    const first = runs.findIndex(({ options }) => options.dataset === each.options.dataset);
    if (first === i) return '';
    const names = [runLabel(runs[first]!, runs), runLabel(each, runs)] as const;
    return comparisonText(compareResults(results[first]!, results[i]!), names, 10, style);
  });
  return texts.join('');
}

function withoutMetrics({ metrics: _, ...rest }: BaselineComparison): Omit<BaselineComparison, 'metrics'> {
  return rest;
}

function writeRunReport(report: EvalReport, { format, file }: ReportTarget, table: () => string): void {
  if (format !== 'table') {
    writeReport(
      report,
      format,
      file,
      format === 'json' ? { includeRawResults: true, includeScoringBreakdown: true } : {},
    );
    return;
  }
  try {
    writeFileSync(file!, table());
  } catch (error) {
    throw new UserError(`${file} (--output) cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function exitCode(
  finished: readonly Finished[],
  { minPassRate, allowErrors, baseline }: RunCommand,
  failing: readonly Regression[],
): number {
  const say = (text: string) => process.stderr.write(`${wrapped(text, 80).join('\n')}\n`);
  const of = ({ run: each }: Finished) => (finished.length > 1 ? `${each.name}: ` : '');
  const failures = finished.flatMap(({ run: { cases } }) => cases.failure ?? []);
  if (failures.length > 0) {
    for (const message of new Set(failures.map((failure) => failure.message))) {
      process.stderr.write(`ai-evals: ${message}\n`);
    }
    return BAD_INPUT;
  }
  if (finished.some(({ summary }) => summary.interrupted && summary.stopped === 'Ctrl-C')) return INTERRUPTED;
  const unanswered = finished.filter(({ summary }) => summary.errors > allowErrors);
  for (const each of unanswered) {
    const { errors, total } = each.summary;
    const messages = [...each.run.tally.messages.keys()];
    const advice = messages.map(adviceOn).find((text) => text !== undefined);
    say(
      `${of(each)}${plural(errors, 'case')} of ${total} ended without an answer or verdict, so the pass rate is no result` +
        `${advice === undefined ? '' : `: ${advice}`}. To accept that: --allow-errors ${errors}`,
    );
  }
  if (unanswered.length > 0) return WITHOUT_ANSWER;
  const below = finished.filter(({ summary }) => minPassRate !== undefined && summary.passRate < minPassRate);
  for (const each of below) {
    say(`${of(each)}pass rate ${each.summary.passRate.toFixed(4)} is below --min-pass-rate ${minPassRate}`);
  }
  if (failing.length > 0) {
    const names = failing.map(
      ({ severity, metric, category }) => `${severity} ${metric}${category ? ` of ${category}` : ''}`,
    );
    const shown = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;
    say(`${plural(failing.length, 'regression')} of --fail-on ${baseline!.failOn} or worse: ${printable(shown)}`);
  }
  return below.length > 0 || failing.length > 0 ? BELOW_MINIMUM : DONE;
}
