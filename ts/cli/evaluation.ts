/**
 * A run: cases come from the dataset, answers from the cache or from calls under the limits, verdicts from the native
 * scorers. Cases whose answer is at hand never reach the executor, so they take no slot and wait for no limit. Runs that
 * keep their answers in one file at the same time ask for each once: the others wait for it as for a call of their own.
 */
import { ResponseCache } from '../cache/index.js';
import { ChatClient, isRefusal, type ModelConfig, type Reply } from '../datasets/model/chat_client.js';
import { costOf } from '../datasets/prices.js';
import type { ExecutionTask, TaskContext } from '../executor/index.js';
import { type PerformanceMonitor, performanceMonitor } from '../monitor/index.js';
import { matchText } from '../scoring/match.js';
import type { RunResult, TokenUsage } from '../types.js';
import type { Case } from './cases.js';
import type { Endpoint } from './endpoint.js';
import { FailFast } from './fail_fast.js';
import { JudgeAccess } from './judge_access.js';
import type { Lane, Lanes } from './lanes.js';
import { hideDirectoryOf } from './local_directory.js';
import type { RunOptions } from './run_options.js';
import { ScoreQueue } from './score_queue.js';
import type { ScoreSeries } from './score_series.js';
import { asksModel, scorerColumns } from './scorer_columns.js';
import { NO_ANSWER, type Tally } from './tally.js';
import { TimeLeft } from './time_left.js';

/** An answer as it is cached. */
interface Answer {
  text: string;
  usage: TokenUsage;
}

/** A case whose call is queued or under way, and the cases with the same input that wait for its answer. */
interface Call {
  one: Case;
  key: string;
  followers: Case[];
  /** When its first attempt began; 0 before. */
  start: number;
}

/** The most followers of one call; more ask for themselves, which bounds memory when all inputs are the same. */
const MOST_FOLLOWERS = 10_000;
/** The most that the file of answers holds. */
const CACHE = { maxSize: 1_000_000, maxBytes: 1024 ** 3 };

const NOT_KEPT = 'no answer is kept for this input and these settings (--replay asks nothing)';

/** A run, and its figures. */
export interface Evaluation {
  /** Begins the run. Resolves when every case has a verdict, or after an abort when nothing is under way any more. */
  done(): Promise<void>;
  /** Milliseconds calls were held back by a limit, so far. */
  throttleTime(): number;
  /** Milliseconds a start is being held back for now, 0 when none is. */
  heldBack(): number;
  /** Milliseconds until so many more cases are done, as far as that can be told. */
  timeLeft(cases: number): number | undefined;
  /** The scores so far, by scorer. */
  scores: ReadonlyMap<string, ScoreSeries>;
  /** Why the run ended itself before its end: no call came through. */
  hopeless(): string | undefined;
}

/** A run, ready to be evaluated. */
export interface Evaluated {
  cases: AsyncIterable<Case>;
  options: RunOptions;
  tally: Tally;
  /** Ends the run early. */
  stop: AbortSignal;
  /** The model that is asked, and the executor of the command. `undefined`: neither the model nor a judge is asked. */
  asked: { endpoint: Endpoint; lanes: Lanes; timings: PerformanceMonitor } | undefined;
}

/** Scores the answers recorded in the dataset. */
export function evaluateRecorded({ cases, options, tally, stop, asked }: Evaluated): Evaluation {
  const time = new TimeLeft();
  const failFast = failFastFor(options);
  const signal = AbortSignal.any([stop, failFast.signal]);
  const lane = asked?.lanes.open(asked.endpoint, laneEvents(tally, failFast));
  const judge = asked && lane && openJudge(asked, options, tally, lane, failFast);
  const scores = new ScoreQueue(
    scorerColumns(options, () => judge!),
    tally,
    signal,
  );
  const run = async () => {
    for await (const one of cases) {
      if (signal.aborted) break;
      if (scores.isFull) await scores.room();
      if (one.problem === undefined) scores.add(one, { ...NO_ANSWER, actual: one.actual });
      else tally.failed(one, one.problem, { ...NO_ANSWER, actual: one.actual });
    }
    await scores.drained();
  };
  return {
    done: () => run().finally(() => judge?.close()),
    scores: scores.series,
    throttleTime: () => lane?.throttled() ?? 0,
    heldBack: () => 0,
    timeLeft: (left) => time.left(performance.now(), { left, done: tally.all.total, throttled: 0 }),
    hopeless: () => failFast.reason,
  };
}

/** Asks the model and scores its answers. */
export function evaluate(evaluated: Evaluated & { asked: object }): Evaluation {
  const run = new ModelRun(evaluated as ConstructorParameters<typeof ModelRun>[0]);
  return {
    done: () => run.run(),
    scores: run.scores,
    throttleTime: () => run.throttleTime(),
    heldBack: () => run.heldBack(),
    timeLeft: (left) => run.timeLeft(left),
    hopeless: () => run.hopeless,
  };
}

class ModelRun {
  readonly #cases: AsyncIterable<Case>;
  readonly #options: RunOptions;
  readonly #endpoint: Endpoint;
  readonly #tally: Tally;
  readonly #signal: AbortSignal;
  readonly #client: ChatClient;
  readonly #lane: Lane;
  readonly #timings: PerformanceMonitor;
  readonly #scores: ScoreQueue;
  readonly #cache: ResponseCache<Answer> | undefined;
  readonly #judge: JudgeAccess | undefined;
  /** By case index, as the task's id. */
  readonly #calls = new Map<string, Call>();
  /** By prompt. */
  readonly #underWay = new Map<string, Call>();
  readonly #failFast: FailFast;
  readonly #time: TimeLeft;

  constructor({ cases, options, tally, stop, asked }: Evaluated & { asked: NonNullable<Evaluated['asked']> }) {
    const { endpoint, lanes, timings } = asked;
    this.#cases = cases;
    this.#options = options;
    this.#endpoint = endpoint;
    this.#tally = tally;
    this.#timings = timings;
    this.#failFast = failFastFor(options);
    this.#signal = AbortSignal.any([stop, this.#failFast.signal]);
    this.#time = new TimeLeft(endpoint);
    const { system, temperature, maxTokens } = options;
    this.#client = new ChatClient(endpoint, { system, temperature, maxTokens });
    // Errors are told by the event and not by the results, which come in order: an error is to show before the cases ahead
    // of it are done.
    this.#lane = lanes.open(
      endpoint,
      laneEvents(tally, this.#failFast, (taskId, message) => this.#failed(taskId, message)),
    );
    this.#judge = options.scorers.some(asksModel)
      ? openJudge(asked, options, tally, this.#lane, this.#failFast)
      : undefined;
    this.#scores = new ScoreQueue(
      scorerColumns(options, () => this.#judge!),
      tally,
      this.#signal,
    );
    this.#cache = openAnswers(options);
  }

  get scores(): ReadonlyMap<string, ScoreSeries> {
    return this.#scores.series;
  }

  async run(): Promise<void> {
    const tasks = this.#lane.stream(this.#tasks(), (task, context) => this.#call(task, context), {
      signal: this.#signal,
    });
    // Iterating lets go of each result; everything of interest was counted when it came.
    try {
      for await (const _ of tasks);
      await this.#scores.drained();
    } finally {
      this.#cache?.close();
      this.#judge?.close();
    }
  }

  throttleTime(): number {
    return this.#lane.throttled();
  }

  heldBack(): number {
    return this.#lane.heldBack();
  }

  get hopeless(): string | undefined {
    return this.#failFast.reason;
  }

  timeLeft(left: number): number | undefined {
    const { all, tokens, answered, refusals } = this.#tally;
    const estimate = this.#time.left(performance.now(), {
      left,
      done: all.total,
      // Of the cases that are left, as many need a call as of those that are done.
      callShare: all.total === 0 ? 1 : (answered.called + all.errors) / all.total,
      tokensPerCall: answered.called === 0 ? 0 : tokens.total / answered.called,
      // Where the provider refuses, its limit is not ours, and only the pace so far tells.
      throttled: refusals === 0 ? this.throttleTime() : 0,
    });
    return estimate === undefined ? undefined : Math.max(estimate, this.heldBack());
  }

  /** The cases that need a call, as tasks. */
  async *#tasks(): AsyncGenerator<ExecutionTask> {
    const { model } = this.#endpoint;
    const { maxTokens, temperature } = this.#options;
    for await (const one of this.#cases) {
      if (this.#signal.aborted) return;
      if (this.#scores.isFull) await this.#scores.room();
      const call = this.#callFor(one);
      if (!call) continue;
      const id = String(one.index);
      this.#calls.set(id, call);
      if (this.#cache) this.#underWay.set(call.key, call);
      const runnerConfig: ExecutionTask['runnerConfig'] = { modelId: model };
      if (maxTokens !== undefined) runnerConfig.maxTokens = maxTokens;
      if (temperature !== undefined) runnerConfig.temperature = temperature;
      yield {
        id: this.#lane.taskId(id),
        testCase: { id: one.id, input: one.input, expected: one.expected },
        runnerConfig,
      };
    }
  }

  /** The call that a case needs; `undefined` when it is settled, or waits for the call of another. */
  #callFor(one: Case): Call | undefined {
    if (one.problem !== undefined) {
      this.#tally.failed(one, one.problem);
      return undefined;
    }
    try {
      const text = typeof one.input === 'string' ? `text ${one.input}` : matchText(one.input);
      const key = one.repeat === 0 ? text : `${one.repeat} ${text}`;
      if (this.#answeredAlready(one, key)) return undefined;
      return { one, key, followers: [], start: 0 };
    } catch (error) {
      // The prompt is no text and has no JSON text, which is the case's fault and not the end of the run.
      this.#tally.failed(one, `the input cannot be sent: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Settles a case from the cache, or lets it wait for a call of the same input. */
  #answeredAlready(one: Case, key: string): boolean {
    const cache = this.#cache;
    if (!cache) return false;
    const hit = performanceMonitor.measureSync('cache-lookup', () => cache.get(one.input, this.#keptBy(one)));
    if (!hit && this.#options.cacheMode === 'replay') {
      this.#tally.answered.missing += 1;
      this.#tally.failed(one, NOT_KEPT);
      return true;
    }
    if (hit) {
      this.#tally.answered.cached += 1;
      this.#answered(one, hit, undefined);
      return true;
    }
    const call = this.#underWay.get(key);
    if (!call || call.followers.length >= MOST_FOLLOWERS) return false;
    call.followers.push(one);
    return true;
  }

  async #call(task: ExecutionTask, context: TaskContext): Promise<RunResult<string>> {
    const start = performance.now();
    const id = task.id.slice(task.id.indexOf(':') + 1);
    const queued = this.#calls.get(id);
    if (queued && queued.start === 0) queued.start = start;
    const { input } = task.testCase;
    const { signal } = context;
    let reply: Reply | undefined;
    const ask = async (): Promise<Answer> => {
      this.#time.started(performance.now());
      reply = await this.#timings
        .measure('model-call', () => this.#client.ask(input, signal))
        .catch((error) => {
          if (isRefusal(error)) this.#tally.refusals += 1;
          throw error;
        });
      this.#failFast.answered();
      context.observe(reply.headers);
      this.#tally.used(reply.usage);
      return { text: reply.text, usage: reply.usage };
    };
    // What was cut off or refused is asked again next time.
    const options = { signal, shouldCache: () => reply?.isComplete === true };
    // The cache was asked before the case became a task.
    const { text, usage } = await (this.#cache?.computeMissed(input, this.#keptBy(queued?.one), ask, options) ?? ask());
    if (reply === undefined) context.cached();
    const call = this.#take(id);
    if (call) this.#settle(call, { text, usage }, reply !== undefined);
    const { price, model } = this.#endpoint;
    return {
      testCaseId: task.testCase.id,
      input,
      expected: '',
      actual: text,
      metadata: {
        modelId: model,
        latency: performance.now() - start,
        tokenUsage: usage,
        cost: price ? costOf(price, usage.prompt, usage.completion) : 0,
        timestamp: new Date(),
      },
    };
  }

  /** The key of a kept answer, besides the input. Further answers to a case are kept apart from the first. */
  #keptBy(one: Case | undefined): ModelConfig & { repeat?: number } {
    const { config } = this.#client;
    return one === undefined || one.repeat === 0 ? config : { ...config, repeat: one.repeat };
  }

  #take(taskId: string): Call | undefined {
    const call = this.#calls.get(taskId);
    if (!call) return undefined;
    this.#calls.delete(taskId);
    if (this.#underWay.get(call.key) === call) this.#underWay.delete(call.key);
    return call;
  }

  /** `isOurs`: the answer was asked for here, and not by another run at the same time. */
  #settle({ one, followers, start }: Call, answer: Answer, isOurs: boolean): void {
    if (isOurs) this.#tally.answered.called += 1;
    else this.#tally.answered.cached += 1;
    this.#answered(one, answer, isOurs ? performance.now() - start : undefined);
    for (const follower of followers) {
      this.#tally.answered.shared += 1;
      this.#answered(follower, answer, undefined);
    }
  }

  /** `latencyMs`: of the call for this case; `undefined` when the answer was there, or came by the call of another. */
  #answered(one: Case, { text, usage }: Answer, latencyMs: number | undefined): void {
    const cached = latencyMs === undefined;
    if (cached) {
      this.#tally.saved.prompt += usage.prompt;
      this.#tally.saved.completion += usage.completion;
    }
    const { price } = this.#endpoint;
    const paid = price ? costOf(price, usage.prompt, usage.completion) : null;
    const cost = cached ? 0 : paid;
    this.#scores.add(one, { actual: text, latencyMs: latencyMs ?? null, tokens: usage, cost, cached });
  }

  #failed(taskId: string, message: string): void {
    const call = this.#take(taskId);
    // A call that an abort ends did not fail; it was not finished.
    if (!call || this.#signal.aborted) return;
    const latencyMs = call.start === 0 ? null : performance.now() - call.start;
    this.#tally.failed(call.one, message, { ...NO_ANSWER, latencyMs });
    for (const one of call.followers) this.#tally.failed(one, message);
  }
}

function failFastFor({ allowErrors }: RunOptions): FailFast {
  return new FailFast(allowErrors > 0 ? Number.POSITIVE_INFINITY : undefined);
}

function laneEvents(
  tally: Tally,
  failFast: FailFast,
  onError?: (taskId: string, message: string) => void,
): Parameters<Lanes['open']>[1] {
  return {
    onRetry: () => {
      tally.retries += 1;
    },
    onError: (taskId, message) => {
      onError?.(taskId, message);
      failFast.failed(message);
    },
  };
}

function openJudge(
  { endpoint, timings }: NonNullable<Evaluated['asked']>,
  options: RunOptions,
  tally: Tally,
  lane: Lane,
  failFast: FailFast,
): JudgeAccess {
  const judge = options.judge === undefined ? endpoint : { ...endpoint, model: options.judge };
  const access = new JudgeAccess(judge, options, { tally, lane, timings, answered: () => failFast.answered() });
  if (options.cacheMode !== 'off') hideDirectoryOf(options.cacheFile);
  return access;
}

/** The answers of earlier runs, in a directory that version control does not see. */
function openAnswers({ cacheFile, cacheMode }: RunOptions): ResponseCache<Answer> | undefined {
  if (cacheMode === 'off') return undefined;
  // A miss in a replay is a case without an answer, not the end of the run.
  const mode = cacheMode === 'record' ? 'record' : 'on';
  const cache = new ResponseCache<Answer>({
    ...CACHE,
    persist: cacheFile,
    mode,
    namespace: 'ai-evals run',
    explain: true,
  });
  hideDirectoryOf(cacheFile);
  return cache;
}
