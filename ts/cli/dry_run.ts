/** `ai-evals run --dry-run`: cases, tokens, cost and time of a command, without a call. */

import { costOf } from '../datasets/prices.js';
import { estimateDuration, PROVIDER_LIMITS } from '../executor/index.js';
import { toJsonText } from '../value/form.js';
import { type Case, CaseReader } from './cases.js';
import { shownPath } from './dataset_name.js';
import { type Endpoint, Endpoints } from './endpoint.js';
import { failedCases } from './failed_cases.js';
import { asks } from './model_run.js';
import type { RunCommand, RunOptions } from './run_options.js';
import { checkScorers } from './scorer_columns.js';
import { styleFor } from './style.js';
import { count, dollars, duration, plural } from './wording.js';

/** Characters of a token, on average; English prose of the common tokenizers. */
const LETTERS = 4;
/** Tokens around a message. */
const FRAME = 4;
/** The most tokens of an answer where the command names no bound: expected values with some words around them. */
const ANSWER = { least: 16, words: 64 };
/** Milliseconds of a call: a guess, where nothing was measured yet. */
const CALL = 2000;

/** The plan of one run. Tokens and costs are estimates. */
export interface RunPlan {
  dataset: string;
  /** `null`: recorded answers are scored. */
  model: string | null;
  cases: number;
  /** Answers to each case. */
  repeat: number;
  calls: number;
  tokens: { prompt: number; completion: number; total: number };
  /** US dollars; `null` when the price is not known. */
  cost: number | null;
  /** Milliseconds under the limits of the command, and under those of each tier of the provider. */
  time: Record<string, number>;
}

/** The plan of a command. Runs go on at the same time, under one limit of calls in flight. */
export interface CommandPlan {
  runs: RunPlan[];
  cases: number;
  calls: number;
  tokens: number;
  cost: number | null;
  concurrency: number;
}

/** Prints the plan and resolves to the exit code. */
export async function dryRun(command: RunCommand, env: NodeJS.ProcessEnv): Promise<number> {
  const plan = await planOf(command, env);
  const style = styleFor(process.stdout, env);
  const text = command.jsonFile === undefined ? planText(plan, style.bold) : `${JSON.stringify(plan, null, 2)}\n`;
  process.stdout.write(text);
  return 0;
}

/** Resolves to the plan of a command. Reads every dataset whole. Rejects with a `UserError` as the command itself would. */
export async function planOf(command: RunCommand, env: NodeJS.ProcessEnv): Promise<CommandPlan> {
  const endpoints = new Endpoints(env);
  const only = command.onlyFailed === undefined ? undefined : await failedCases(command.onlyFailed, command);
  const runs: RunPlan[] = [];
  for (const options of command.runs) {
    checkScorers(options);
    const endpoint = asks(options) ? endpoints.plan(options) : undefined;
    runs.push(await planOfRun(options, endpoint, only?.(options, endpoint?.name)));
  }
  const sum = (figure: (run: RunPlan) => number): number => runs.reduce((all, run) => all + figure(run), 0);
  return {
    runs,
    cases: sum(({ cases }) => cases),
    calls: sum(({ calls }) => calls),
    tokens: sum(({ tokens }) => tokens.total),
    cost: runs.some(({ cost }) => cost === null) ? null : sum(({ cost }) => cost ?? 0),
    concurrency: command.concurrency,
  };
}

async function planOfRun(
  options: RunOptions,
  endpoint: Endpoint | undefined,
  only: ReadonlySet<string> | undefined,
): Promise<RunPlan> {
  const isAnswered = options.fields.actual === undefined;
  const cases = new CaseReader(options, only);
  const tokens = { prompt: 0, completion: 0 };
  let [asked, calls] = [0, 0];
  try {
    await cases.readAhead();
    for await (const one of cases) {
      if (one.repeat === 0) asked += 1;
      if (!isAnswered || one.problem !== undefined) continue;
      calls += 1;
      tokens.prompt += tokensOf(one.input) + FRAME + tokensOf(options.system ?? '');
      tokens.completion += answerTokens(one, options.maxTokens);
    }
    if (cases.failure) throw cases.failure;
  } finally {
    await cases.close();
  }
  const total = tokens.prompt + tokens.completion;
  const price = endpoint?.price;
  return {
    dataset: shownPath(options.dataset),
    model: isAnswered ? endpoint!.name : null,
    cases: asked,
    repeat: options.repeat,
    calls,
    tokens: { ...tokens, total },
    cost: calls === 0 ? 0 : price ? costOf(price, tokens.prompt, tokens.completion) : null,
    time: calls === 0 ? {} : times(calls, total / calls, options, endpoint!),
  };
}

/** The time of a run by the limits that may hold. */
function times(
  calls: number,
  perCall: number,
  { concurrency }: RunOptions,
  endpoint: Endpoint,
): Record<string, number> {
  const { requestsPerMinute, tokensPerMinute, provider } = endpoint;
  const avgTokens = Math.max(1, perCall);
  const time = (limits: { requestsPerMinute: number; tokensPerMinute: number }, slots: number) =>
    estimateDuration({ tasks: calls, avgLatency: CALL, avgTokens, concurrency: slots, ...limits });
  const own = time({ requestsPerMinute, tokensPerMinute }, concurrency);
  if (provider !== 'openai' && provider !== 'anthropic') return { limits: own };
  const tiers = Object.entries(PROVIDER_LIMITS[provider]).map(
    ([name, tier]) => [`${provider} ${name}`, time(tier.rateLimit, tier.concurrency)] as const,
  );
  return { limits: own, ...Object.fromEntries(tiers) };
}

function tokensOf(value: unknown): number {
  return Math.ceil(textOf(value).length / LETTERS);
}

function answerTokens({ expected }: Case, maxTokens = Number.POSITIVE_INFINITY): number {
  const length = tokensOf(expected);
  return Math.min(maxTokens, Math.max(ANSWER.least, length + ANSWER.words));
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return toJsonText(value) ?? '';
  } catch {
    return '';
  }
}

/** Returns the plan for people. */
export function planText(
  { runs, calls, tokens, cost, concurrency }: CommandPlan,
  bold: (text: string) => string,
): string {
  const money = (amount: number | null): string => (amount === null ? 'cost unknown' : dollars(amount));
  const lines = runs.flatMap((run) => {
    const repeat = run.repeat === 1 ? '' : ` × ${count(run.repeat)}`;
    const head = `${run.model ?? 'recorded answers'}: ${plural(run.cases, 'case')}${repeat} of ${run.dataset}`;
    const figures = `  ${plural(run.calls, 'call')}, about ${plural(run.tokens.total, 'token')} (${count(run.tokens.prompt)} in, ${count(run.tokens.completion)} out), ${money(run.cost)}`;
    const time = Object.entries(run.time).map(
      ([limits, ms]) =>
        `  ${duration(ms)} at least ${limits === 'limits' ? 'under the limits of this command' : `with ${limits}`}`,
    );
    return [bold(head), ...(run.calls === 0 ? ['  no call'] : [figures, ...time])];
  });
  const all =
    runs.length === 1
      ? []
      : [bold(`in all ${plural(calls, 'call')}, about ${plural(tokens, 'token')}, ${money(cost)}`)];
  const note = `Nothing was called. Tokens are estimated by ${LETTERS} letters each, times by ${duration(CALL)} a call and ${count(concurrency)} calls in flight; kept answers cost less.`;
  return `${[...lines, ...all, note].join('\n')}\n`;
}
