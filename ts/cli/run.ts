/** `ai-evals run`: from the command line to the exit code. */
import { relative } from 'node:path';
import { performanceMonitor } from '../monitor/index.js';
import { checkCases } from './cases.js';
import { type Endpoint, openEndpoint } from './endpoint.js';
import { type Evaluation, evaluate, evaluateRecorded } from './evaluation.js';
import { checkOutputFiles } from './output_files.js';
import { costOf } from './prices.js';
import { Progress } from './progress.js';
import { ReportFile } from './report_file.js';
import type { RunOptions } from './run_options.js';
import { styleFor } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { Tally } from './tally.js';
import { plural, printable } from './wording.js';

const BELOW_MINIMUM = 1;
const INTERRUPTED = 130;

/** Runs an evaluation and resolves to the exit code; rejects with a `UserError` for what the person can put right. */
export async function run(options: RunOptions, env: NodeJS.ProcessEnv): Promise<number> {
  checkOutputFiles(options);
  const report = options.jsonFile === undefined ? undefined : new ReportFile(options.jsonFile);
  let onInterrupt = (): void => {
    report?.discard();
    process.stderr.write('stopped before anything was run\n');
    process.exit(INTERRUPTED);
  };
  const interrupt = () => onInterrupt();
  process.on('SIGINT', interrupt);
  let endpoint: Endpoint | undefined;
  try {
    const { total, repeatedIds } = await checkCases(options);
    if (repeatedIds.length > 0) {
      process.stderr.write(`warning: ids that more than one case has: ${printable(repeatedIds.join(', '))}\n`);
    }
    endpoint = options.fields.actual ? undefined : await openEndpoint(options, env);
    process.stderr.write(`${opening(options, total, endpoint)}\n`);
    const { summary, tally } = await evaluated(options, endpoint, total, env, (handler) => {
      onInterrupt = handler;
    });
    process.stdout.write(summaryText(summary, tally.messages, styleFor(process.stdout, env)));
    report?.write(summary);
    return exitCode(summary, options);
  } catch (error) {
    report?.discard();
    throw error;
  } finally {
    process.off('SIGINT', interrupt);
    await endpoint?.close();
  }
}

function opening(options: RunOptions, total: number, endpoint: Endpoint | undefined): string {
  const near = relative(process.cwd(), options.dataset);
  const shown = near.length < options.dataset.length && !near.startsWith('..') ? near : options.dataset;
  const cases = `${plural(total, 'case')} of ${shown}`;
  return endpoint ? `${cases}\nanswered by ${endpoint.model} at ${endpoint.shown}` : `${cases}: recorded answers`;
}

/** The part that calls the model. Its Ctrl-C ends it early with what was finished; a second one ends the process. */
async function evaluated(
  options: RunOptions,
  endpoint: Endpoint | undefined,
  total: number,
  env: NodeJS.ProcessEnv,
  onInterrupt: (handler: () => void) => void,
): Promise<{ summary: Summary; tally: Tally }> {
  const start = performance.now();
  const tally = new Tally(options.jsonFile !== undefined);
  const stop = new AbortController();
  const evaluation = endpoint
    ? evaluate(options, endpoint, tally, stop.signal)
    : evaluateRecorded(options, tally, stop.signal);
  const progress = new Progress(process.stderr, { total, tally, heldBack: () => evaluation.heldBack() }, env);
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
  const interrupted = stop.signal.aborted && tally.all.total < total;
  return { tally, summary: summaryOf(options, endpoint, tally, evaluation, { durationMs, interrupted }) };
}

function summaryOf(
  options: RunOptions,
  endpoint: Endpoint | undefined,
  tally: Tally,
  evaluation: Evaluation,
  ending: Pick<Summary, 'durationMs' | 'interrupted'>,
): Summary {
  const timing = performanceMonitor.getComponentTiming('model-call');
  const { called, cached, shared, missing } = tally.answered;
  const price = endpoint?.price;
  const asked = called + cached + shared + missing;
  const { dataset, scorer, fields } = options;
  const free = !endpoint;
  return {
    dataset,
    model: endpoint?.model ?? null,
    endpoint: endpoint?.shown ?? null,
    scorer,
    ...ending,
    ...tally.all,
    byCategory: Object.fromEntries(tally.byCategory),
    latency: {
      count: timing?.totalCalls ?? 0,
      avg: timing?.avgDuration ?? 0,
      min: timing?.minDuration ?? 0,
      max: timing?.maxDuration ?? 0,
      p50: timing?.p50Duration ?? 0,
      p95: timing?.p95Duration ?? 0,
      p99: timing?.p99Duration ?? 0,
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
    retries: tally.retries,
    throttleTime: evaluation.throttleTime(),
    bottlenecks: performanceMonitor.identifyBottlenecks(),
    results: tally.results(),
  };
}

function exitCode(summary: Summary, { minPassRate }: RunOptions): number {
  if (summary.interrupted) return INTERRUPTED;
  if (minPassRate === undefined || summary.passRate >= minPassRate) return 0;
  process.stderr.write(`pass rate ${summary.passRate.toFixed(4)} is below --min-pass-rate ${minPassRate}\n`);
  return BELOW_MINIMUM;
}
