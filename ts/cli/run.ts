/** `ai-evals run`: from the command line to the exit code. */
import { performanceMonitor } from '../monitor/index.js';
import { checkCases } from './cases.js';
import { type Endpoint, openEndpoint } from './endpoint.js';
import { type Evaluation, evaluate, evaluateRecorded } from './evaluation.js';
import { costOf } from './prices.js';
import { Progress } from './progress.js';
import { ReportFile } from './report_file.js';
import type { RunOptions } from './run_options.js';
import { styleFor } from './style.js';
import { type Summary, summaryText } from './summary.js';
import { Tally } from './tally.js';
import { plural } from './wording.js';

const BELOW_MINIMUM = 1;
const INTERRUPTED = 130;

/** Runs an evaluation and resolves to the exit code; rejects with a `UserError` for what the person can put right. */
export async function run(options: RunOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const report = options.jsonFile === undefined ? undefined : new ReportFile(options.jsonFile);
  let endpoint: Endpoint | undefined;
  try {
    const { total, repeatedIds } = await checkCases(options);
    if (repeatedIds.length > 0) {
      process.stderr.write(`warning: ids that more than one case has: ${repeatedIds.join(', ')}\n`);
    }
    endpoint = options.fields.actual ? undefined : await openEndpoint(options, env);
    process.stderr.write(`${opening(options, total, endpoint)}\n`);
    const { summary, tally } = await evaluated(options, endpoint, total, env);
    process.stdout.write(summaryText(summary, tally.messages, styleFor(process.stdout, env)));
    report?.write(summary);
    return exitCode(summary, options);
  } catch (error) {
    report?.discard();
    throw error;
  } finally {
    await endpoint?.close();
  }
}

function opening(options: RunOptions, total: number, endpoint: Endpoint | undefined): string {
  const cases = `${plural(total, 'case')} of ${options.dataset}`;
  return endpoint ? `${cases} to ${endpoint.model} at ${endpoint.shown}` : `${cases}, recorded answers`;
}

async function evaluated(
  options: RunOptions,
  endpoint: Endpoint | undefined,
  total: number,
  env: NodeJS.ProcessEnv,
): Promise<{ summary: Summary; tally: Tally }> {
  const start = performance.now();
  const tally = new Tally(options.jsonFile !== undefined);
  const stop = new AbortController();
  const evaluation = endpoint
    ? evaluate(options, endpoint, tally, stop.signal)
    : evaluateRecorded(options, tally, stop.signal);
  const progress = new Progress(process.stderr, { total, tally, heldBack: () => evaluation.heldBack() }, env);
  const interrupt = () => {
    // The second one: at once, whatever is under way.
    if (stop.signal.aborted) process.exit(INTERRUPTED);
    progress.say('stopping; Ctrl-C again to quit at once');
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  try {
    await evaluation.done;
  } finally {
    process.off('SIGINT', interrupt);
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
  const { called, cached, shared } = tally.answered;
  const price = endpoint?.price;
  const answered = called + cached + shared;
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
      enabled: options.cache && !fields.actual,
      hits: cached,
      shared,
      misses: called,
      hitRate: answered === 0 ? 0 : (cached + shared) / answered,
      costSaved: free ? 0 : price ? costOf(price, tally.saved.prompt, tally.saved.completion) : null,
    },
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
