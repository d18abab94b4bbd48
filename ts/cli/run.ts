/** `ai-evals run`: from the command line to the exit code. */
import { relative } from 'node:path';
import { costOf } from '../datasets/prices.js';
import { performanceMonitor } from '../monitor/index.js';
import { bottlenecksOf } from './bottlenecks.js';
import { CaseReader, shownDataset } from './cases.js';
import { type Endpoint, openEndpoint } from './endpoint.js';
import { type Evaluation, evaluate, evaluateRecorded } from './evaluation.js';
import { adviceOn } from './fail_fast.js';
import { checkOutputFiles } from './output_files.js';
import { Progress } from './progress.js';
import { ReportFile } from './report_file.js';
import { LinesFile, resultText } from './result_rows.js';
import type { RunOptions } from './run_options.js';
import { RunRecord } from './run_record.js';
import { asksModel } from './scorer_columns.js';
import { styleFor } from './style.js';
import { ratesOf, type Summary, summaryText } from './summary.js';
import { Tally } from './tally.js';
import { plural, printable, wrapped } from './wording.js';

const DONE = 0;
const BELOW_MINIMUM = 1;
const BAD_INPUT = 2;
const WITHOUT_ANSWER = 3;
const INTERRUPTED = 130;

/** The files a run writes. */
interface Outputs {
  report: ReportFile | undefined;
  lines: LinesFile | undefined;
}

/** Runs an evaluation and resolves to the exit code; rejects with a `UserError` for what the person can put right. */
export async function run(options: RunOptions, env: NodeJS.ProcessEnv): Promise<number> {
  checkOutputFiles(options);
  const outputs = openOutputs(options);
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
  const cases = new CaseReader(options);
  let endpoint: Endpoint | undefined;
  let record: RunRecord | undefined;
  try {
    await cases.readAhead();
    const asks = options.fields.actual === undefined || options.scorers.some(asksModel);
    endpoint = asks ? await openEndpoint(options, env) : undefined;
    if (options.store !== undefined) record = await RunRecord.open(options.store, options, cases, endpoint);
    process.stderr.write(`${opening(options, cases, endpoint)}\n${record ? `${record.shown}\n` : ''}`);
    const { summary, tally } = await evaluated(cases, options, endpoint, { ...outputs, record }, env, (handler) => {
      onInterrupt = handler;
    });
    const unstored = await record?.finish(...endOf(summary, cases));
    record = undefined;
    if (cases.repeatedIds.size > 0) {
      process.stderr.write(
        `warning: ids that more than one case has: ${printable([...cases.repeatedIds].join(', '))}\n`,
      );
    }
    process.stdout.write(summaryText(summary, tally, styleFor(process.stdout, env)));
    outputs.lines?.close();
    outputs.report?.write(summary);
    if (unstored !== undefined) process.stderr.write(`ai-evals: ${unstored}\n`);
    return exitCode(summary, tally, cases, options) || (unstored === undefined ? DONE : BAD_INPUT);
  } catch (error) {
    discard();
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    await cases.close();
    await record?.leave();
    await endpoint?.close();
  }
}

function openOutputs({ jsonFile, linesFile }: RunOptions): Outputs {
  const report = jsonFile === undefined ? undefined : new ReportFile(jsonFile);
  try {
    return { report, lines: linesFile === undefined ? undefined : new LinesFile(linesFile) };
  } catch (error) {
    report?.discard();
    throw error;
  }
}

function opening(options: RunOptions, cases: CaseReader, endpoint: Endpoint | undefined): string {
  const near = relative(process.cwd(), options.dataset);
  const path = near.length < options.dataset.length && !near.startsWith('..') ? near : options.dataset;
  const number = cases.complete ? plural(cases.count, 'case') : `${plural(cases.count, 'case')} and more`;
  const read = `${number} of ${path === options.dataset ? shownDataset(path) : path}`;
  const source = endpoint ? `${endpoint.model} at ${endpoint.shown}` : '';
  if (options.fields.actual === undefined) return `${read}\nanswered by ${source}`;
  return `${read}: recorded answers${endpoint ? `\njudged by ${source}` : ''}`;
}

/** The part that calls the model. Its Ctrl-C ends it early with what was finished; a second one ends the process. */
async function evaluated(
  cases: CaseReader,
  options: RunOptions,
  endpoint: Endpoint | undefined,
  { report, lines, record }: Outputs & { record: RunRecord | undefined },
  env: NodeJS.ProcessEnv,
  onInterrupt: (handler: () => void) => void,
): Promise<{ summary: Summary; tally: Tally }> {
  const start = performance.now();
  const tally = new Tally(options.showFailures, (index, result, isRestored) => {
    report?.add(index, result);
    lines?.add(resultText(result));
    if (!isRestored) record?.add(index, result);
  });
  const stop = new AbortController();
  const pending =
    record?.pending(cases, (one, result) => {
      tally.restored(one, result);
      for (const [label, score] of Object.entries(result.scores)) evaluation.scores.get(label)?.add(score);
    }) ?? cases;
  const evaluation =
    endpoint && options.fields.actual === undefined
      ? evaluate(pending, options, endpoint, tally, stop.signal)
      : evaluateRecorded(pending, options, endpoint, tally, stop.signal);
  const total = () => (cases.complete ? cases.count : undefined);
  const { heldBack, timeLeft } = evaluation;
  const progress = new Progress(process.stderr, { total, tally, heldBack, timeLeft }, env);
  onInterrupt(() => {
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    progress.say('stopping; Ctrl-C again to quit at once');
    stop.abort();
  });
  try {
    await evaluation.done;
  } finally {
    progress.stop();
  }
  const durationMs = performance.now() - start;
  const unfinished = !cases.complete || tally.all.total < cases.count;
  const hopeless = evaluation.hopeless();
  const reason = hopeless ?? cases.failure?.message ?? (stop.signal.aborted ? 'Ctrl-C' : undefined);
  const stopped = unfinished ? (reason ?? null) : null;
  return {
    tally,
    summary: summaryOf(options, endpoint, tally, evaluation, { durationMs, interrupted: unfinished, stopped }),
  };
}

/** The end of a run as the store keeps it. */
function endOf({ interrupted, stopped }: Summary, cases: CaseReader): Parameters<RunRecord['finish']> {
  if (cases.failure) return ['failed', cases.failure.message];
  if (!interrupted) return ['completed', undefined];
  return stopped === 'Ctrl-C' ? ['cancelled', undefined] : ['failed', stopped ?? undefined];
}

function summaryOf(
  options: RunOptions,
  endpoint: Endpoint | undefined,
  tally: Tally,
  evaluation: Evaluation,
  ending: Pick<Summary, 'durationMs' | 'interrupted' | 'stopped'>,
): Summary {
  const timing = (component: string) => performanceMonitor.getComponentTiming(component);
  const calls = timing('model-call');
  const { called, cached, shared, missing } = tally.answered;
  const price = endpoint?.price;
  const asked = called + cached + shared + missing;
  const { dataset, scorers, fields, concurrency } = options;
  const answering = fields.actual ? undefined : endpoint;
  const free = !endpoint;
  const { retries, refusals } = tally;
  const throttleTime = evaluation.throttleTime();
  return {
    dataset,
    model: answering?.model ?? null,
    endpoint: answering?.shown ?? null,
    judge: endpoint && scorers.some(asksModel) ? endpoint.model : null,
    scorer: scorers.map(({ label }) => label).join(', '),
    scorers: Object.fromEntries([...evaluation.scores].map(([label, series]) => [label, series.summary()])),
    ...ending,
    ...ratesOf(tally),
    latency: {
      count: calls?.totalCalls ?? 0,
      avg: calls?.avgDuration ?? 0,
      min: calls?.minDuration ?? 0,
      max: calls?.maxDuration ?? 0,
      p50: calls?.p50Duration ?? 0,
      p95: calls?.p95Duration ?? 0,
      p99: calls?.p99Duration ?? 0,
    },
    tokens: tally.tokens,
    cost: free ? 0 : price ? costOf(price, tally.tokens.prompt, tally.tokens.completion) : null,
    cache: {
      enabled: options.cacheMode !== 'off' && !fields.actual,
      hits: cached,
      shared,
      misses: called + missing,
      hitRate: asked === 0 ? 0 : (cached + shared) / asked,
      tokensSaved: tally.saved.prompt + tally.saved.completion,
      costSaved: free ? 0 : price ? costOf(price, tally.saved.prompt, tally.saved.completion) : null,
    },
    retries,
    refusals,
    throttleTime,
    bottlenecks: endpoint
      ? bottlenecksOf({
          ...endpoint,
          ...{ durationMs: ending.durationMs, throttleTime, refusals, retries, concurrency, timing },
          calls: calls?.totalCalls ?? 0,
        })
      : [],
  };
}

function exitCode(summary: Summary, tally: Tally, cases: CaseReader, { minPassRate, allowErrors }: RunOptions): number {
  const say = (text: string) => process.stderr.write(`${wrapped(text, 80).join('\n')}\n`);
  if (cases.failure) {
    process.stderr.write(`ai-evals: ${cases.failure.message}\n`);
    return BAD_INPUT;
  }
  const { errors, total, passRate, interrupted, stopped } = summary;
  if (interrupted && stopped === 'Ctrl-C') return INTERRUPTED;
  if (errors > allowErrors) {
    const advice = [...tally.messages.keys()].map(adviceOn).find((text) => text !== undefined);
    say(
      `${plural(errors, 'case')} of ${total} ended without an answer or verdict, so the pass rate is no result${advice === undefined ? '' : `: ${advice}`}. ` +
        `To accept that: --allow-errors ${errors}`,
    );
    return WITHOUT_ANSWER;
  }
  if (minPassRate === undefined || passRate >= minPassRate) return DONE;
  say(`pass rate ${passRate.toFixed(4)} is below --min-pass-rate ${minPassRate}`);
  return BELOW_MINIMUM;
}
