/** One run of a command: a dataset, a model, and all that is counted, stored and written of it. */

import { costOf } from '../datasets/prices.js';
import { PerformanceMonitor, performanceMonitor } from '../monitor/index.js';
import { bottlenecksOf } from './bottlenecks.js';
import { type CaseReader, shownDataset } from './cases.js';
import { Consistency } from './consistency.js';
import { shownPath } from './dataset_name.js';
import type { Endpoint } from './endpoint.js';
import { type Evaluation, evaluate, evaluateRecorded } from './evaluation.js';
import type { Lanes } from './lanes.js';
import type { Shown } from './progress.js';
import type { RunOptions } from './run_options.js';
import type { RunRecord } from './run_record.js';
import { asksModel } from './scorer_columns.js';
import { ratesOf, type Summary } from './summary.js';
import { type OnResult, Tally } from './tally.js';
import { plural } from './wording.js';

/** Tells whether a run calls anything: a model that answers, or one that judges. */
export function asks({ fields, scorers }: Pick<RunOptions, 'fields' | 'scorers'>): boolean {
  return fields.actual === undefined || scorers.some(asksModel);
}

export class ModelRun {
  readonly options: RunOptions;
  readonly cases: CaseReader;
  /** `undefined`: recorded answers are scored, and no judge is asked. */
  readonly endpoint: Endpoint | undefined;
  readonly record: RunRecord | undefined;
  readonly tally: Tally;
  readonly #consistency: Consistency | undefined;
  readonly #evaluation: Evaluation;
  readonly #timings = new PerformanceMonitor();
  readonly #stop: AbortSignal;
  #durationMs = 0;

  /** `onResult` is told of every result; `lanes` is there when something is called. */
  constructor(
    { options, cases, endpoint, record }: Pick<ModelRun, 'options' | 'cases' | 'endpoint' | 'record'>,
    lanes: Lanes | undefined,
    stop: AbortSignal,
    onResult: OnResult,
  ) {
    this.options = options;
    this.cases = cases;
    this.endpoint = endpoint;
    this.record = record;
    this.#stop = stop;
    this.#consistency = options.repeat > 1 ? new Consistency(options.repeat) : undefined;
    const tally = new Tally(options.showFailures, (one, result, isRestored) => {
      const told = options.repeat > 1 ? { ...result, repeat: one.repeat } : result;
      this.#consistency?.add(one, result);
      onResult(one, told, isRestored);
      if (!isRestored) record?.add(one, result);
    });
    this.tally = tally;
    const pending =
      record?.pending(cases, (one, result) => {
        tally.restored(one, result);
        for (const [label, score] of Object.entries(result.scores)) this.#evaluation.scores.get(label)?.add(score);
      }) ?? cases;
    const asked = endpoint && lanes && { endpoint, lanes, timings: this.#timings };
    const evaluated = { cases: pending, options, tally, stop, asked };
    this.#evaluation =
      asked && options.fields.actual === undefined ? evaluate({ ...evaluated, asked }) : evaluateRecorded(evaluated);
  }

  /** The name of the model. */
  get name(): string {
    return this.options.fields.actual === undefined ? this.endpoint!.name : 'recorded answers';
  }

  /** Resolves when every case has a verdict, or after an abort when nothing is under way any more. */
  async done(): Promise<void> {
    const start = performance.now();
    try {
      await this.#evaluation.done();
    } finally {
      this.#durationMs = performance.now() - start;
    }
  }

  /** The run as progress shows it. */
  shown(label?: string): Shown {
    const { cases, tally } = this;
    const { heldBack, timeLeft } = this.#evaluation;
    const total = () => (cases.complete ? cases.count : undefined);
    return { total, tally, heldBack, timeLeft, ...(label === undefined ? {} : { label }) };
  }

  /** The lines that say what is about to be run. */
  opening(): string {
    const { options, cases, endpoint } = this;
    const path = shownPath(options.dataset);
    const repeat = options.repeat === 1 ? '' : `, ${plural(options.repeat, 'answer')} each`;
    const number = `${plural(cases.count / options.repeat, 'case')}${cases.complete ? '' : ' and more'}`;
    const read = `${number} of ${path === options.dataset ? shownDataset(path) : path}${repeat}`;
    const source = endpoint ? `${endpoint.name} at ${endpoint.shown}` : '';
    if (options.fields.actual === undefined) return `${read}\nanswered by ${source}`;
    return `${read}: recorded answers${endpoint ? `\njudged by ${options.judge ?? endpoint.model} at ${endpoint.shown}` : ''}`;
  }

  /** The end of the run as the store keeps it. */
  end({ interrupted, stopped }: Summary): Parameters<RunRecord['finish']> {
    if (this.cases.failure) return ['failed', this.cases.failure.message];
    if (!interrupted) return ['completed', undefined];
    return stopped === 'Ctrl-C' ? ['cancelled', undefined] : ['failed', stopped ?? undefined];
  }

  /** Returns the figures. */
  summary(): Summary {
    const { options, endpoint, cases, tally } = this;
    const evaluation = this.#evaluation;
    const timing = (component: string) =>
      (component === 'model-call' ? this.#timings : performanceMonitor).getComponentTiming(component);
    const calls = timing('model-call');
    const { called, cached, shared, missing } = tally.answered;
    const price = endpoint?.price;
    const asked = called + cached + shared + missing;
    const { dataset, scorers, fields, concurrency } = options;
    const answering = fields.actual ? undefined : endpoint;
    const free = !endpoint;
    const { retries, refusals } = tally;
    const throttleTime = evaluation.throttleTime();
    const durationMs = this.#durationMs;
    const interrupted = !cases.complete || tally.all.total < cases.count;
    const reason = evaluation.hopeless() ?? cases.failure?.message ?? (this.#stop.aborted ? 'Ctrl-C' : undefined);
    return {
      dataset,
      model: answering?.name ?? null,
      endpoint: answering?.shown ?? null,
      judge: endpoint && scorers.some(asksModel) ? (options.judge ?? endpoint.model) : null,
      scorer: scorers.map(({ label }) => label).join(', '),
      scorers: Object.fromEntries([...evaluation.scores].map(([label, series]) => [label, series.summary()])),
      durationMs,
      interrupted,
      stopped: interrupted ? (reason ?? null) : null,
      ...ratesOf(tally),
      ...(this.#consistency === undefined ? {} : { consistency: this.#consistency.summary() }),
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
            ...{ durationMs, throttleTime, refusals, retries, concurrency, timing },
            calls: calls?.totalCalls ?? 0,
          })
        : [],
    };
  }
}
