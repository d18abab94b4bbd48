/** Answers waiting to be scored, so that a native call scores many at once. */
import { AsyncResource } from 'node:async_hooks';
import { performanceMonitor } from '../monitor/index.js';
import type { Case } from './cases.js';
import { ScoreSeries } from './score_series.js';
import type { Column, Scored } from './scorer_columns.js';
import type { Answered, CaseScores, Tally } from './tally.js';

/** Answers scored together: many where that saves native calls, few where a model judges each. */
const BATCH = { native: 128, judged: 16 };
/** Batches under way, above which no more answers are taken. */
const MOST_BATCHES = 8;
/** Milliseconds an answer waits for company: progress is to look alive. */
const LONGEST_WAIT = 100;

interface Waiting {
  one: Case;
  answered: Answered;
}

export class ScoreQueue {
  /** The scores so far, by scorer. */
  readonly series: ReadonlyMap<string, ScoreSeries>;
  readonly #columns: readonly Column[];
  readonly #tally: Tally;
  readonly #signal: AbortSignal;
  readonly #isJudged: boolean;
  /** Keeps the calls of judges apart from the task whose answer filled a batch. */
  readonly #context = new AsyncResource('ScoreQueue');
  readonly #running = new Set<Promise<void>>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #failure: { error: unknown } | undefined;

  /** `signal` ends the scorers that ask a model. */
  constructor(columns: readonly Column[], tally: Tally, signal: AbortSignal) {
    this.#columns = columns;
    this.series = new Map(columns.map(({ label }) => [label, new ScoreSeries()]));
    this.#tally = tally;
    this.#signal = signal;
    this.#isJudged = columns.some(({ asksModel }) => asksModel);
  }

  /** Adds the answer to a case. */
  add(one: Case, answered: Answered): void {
    this.#waiting.push({ one, answered });
    if (this.#waiting.length >= (this.#isJudged ? BATCH.judged : BATCH.native)) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), LONGEST_WAIT).unref();
  }

  /** `true` when the sources of answers should wait for {@link room}. */
  get isFull(): boolean {
    return this.#running.size >= MOST_BATCHES || this.#failure !== undefined;
  }

  /** Resolves when more answers can be taken. */
  async room(): Promise<void> {
    while (this.#running.size >= MOST_BATCHES) await Promise.race(this.#running);
    if (this.#failure) throw this.#failure.error;
  }

  /** Scores what waits and resolves when all is scored. */
  async drained(): Promise<void> {
    this.#flush();
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure) throw this.#failure.error;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const work = this.#context
      .runInAsyncScope(() => this.#score(waiting))
      .catch((error: unknown) => {
        // What an abort ends is not finished.
        if (!this.#signal.aborted) this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  async #score(waiting: readonly Waiting[]): Promise<void> {
    const pairs = waiting.map(({ one, answered }) => ({ expected: one.expected, actual: answered.actual }));
    const all = () => Promise.all(this.#columns.map((column) => column.score(pairs, this.#signal)));
    // The time of a judge is that of its calls.
    const columns = await (this.#isJudged ? all() : performanceMonitor.measure('scoring', all));
    for (const [at, { one, answered }] of waiting.entries()) {
      this.#judge(
        one,
        answered,
        columns.map((column) => column[at]!),
      );
    }
  }

  /** A case passes when every scorer passes, and has no verdict where one of them has none. */
  #judge(one: Case, answered: Answered, scored: readonly Scored[]): void {
    const scores: [label: string, score: CaseScores[string]][] = [];
    const problems: string[] = [];
    let [least, passed] = [1, true];
    for (const [i, each] of scored.entries()) {
      const { label } = this.#columns[i]!;
      this.series.get(label)!.add(each);
      if ('problem' in each) {
        problems.push(scored.length === 1 ? each.problem : `${label}: ${each.problem}`);
        continue;
      }
      scores.push([label, each]);
      least = Math.min(least, each.score);
      passed &&= each.passed;
    }
    if (problems.length > 0) this.#tally.failed(one, problems.join('; '), answered, Object.fromEntries(scores));
    else this.#tally.scored(one, answered, least, passed, Object.fromEntries(scores));
  }
}
