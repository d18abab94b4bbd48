/** The scoring of a job: as many answers at once as the job makes calls. */
import { wrongType } from '../arguments.js';
import { evalError } from '../executor/eval_error.js';
import { onAbort } from '../on_abort.js';
import type { CreateScorerConfig } from '../scorers/original/create_scorer.js';
import { createScorer } from '../scorers/original/create_scorer.js';
import { nativeSide } from '../scoring/native_pairs.js';
import { ScoringWorkerPool } from '../scoring/pool.js';
import { Slots } from '../scoring/slots.js';
import type { EvalError, RunResult } from '../types.js';
import { scoreOf } from './case_outcome.js';
import type { AnswerScore, JobScorer, ScorerConfig } from './types.js';

/** A verdict, or the reason why there is none. */
export interface Judged {
  score: AnswerScore;
  error?: EvalError;
}

type Judge = (result: RunResult) => unknown;

/** Scores the answers of one job. */
export class JobScoring {
  readonly #slots: Slots;
  readonly #judge: Judge;
  readonly #signal: AbortSignal;
  readonly #grace: number;
  readonly #pool: ScoringWorkerPool | undefined;

  /**
   * `concurrency` answers are scored at once; a native scorer computes on a pool of threads. When `signal` is aborted, scorers
   * that run have `grace` milliseconds to give their verdict.
   */
  constructor(
    scorer: JobScorer | undefined,
    config: ScorerConfig,
    { concurrency, signal, grace }: { concurrency: number; signal: AbortSignal; grace: number },
  ) {
    this.#slots = new Slots(concurrency);
    this.#signal = signal;
    this.#grace = grace;
    this.#pool = typeof scorer === 'object' && nativeSide(scorer) !== undefined ? new ScoringWorkerPool() : undefined;
    this.#judge = judgeOf(scorer, config, signal);
  }

  /** Resolves when there is room for another answer; each has to be scored then. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#slots.take({ start: resolve, refuse: () => {} }));
  }

  /** Scores an answer, and gives its room back. Never rejects. */
  async score(result: RunResult): Promise<Judged> {
    try {
      const judge = () => this.#judge(result);
      const given = this.#pool ? this.#pool.execute(judge) : Promise.resolve().then(judge);
      return { score: checked(await this.#inTime(given)) };
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const error = evalError('scoring', 'error', message, false, result.testCaseId);
      if (thrown instanceof Error && thrown.stack !== undefined) error.stack = thrown.stack;
      return { score: { passed: false, explanation: `the scorer failed: ${message}` }, error };
    } finally {
      this.#slots.release();
    }
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  #inTime<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const giveUp = () => reject(new Error('the job was cancelled, and the scorer did not end'));
      const watch = () => {
        timer = setTimeout(giveUp, this.#grace);
      };
      const forget = this.#signal.aborted ? () => {} : onAbort(this.#signal, watch);
      if (this.#signal.aborted) watch();
      work.then(resolve, reject).finally(() => {
        forget();
        clearTimeout(timer);
      });
    });
  }
}

function judgeOf(scorer: JobScorer | undefined, config: ScorerConfig, signal: AbortSignal): Judge {
  if (typeof scorer === 'function') return (result) => scorer(result, config, { signal });
  if (scorer === undefined || scorer === null) {
    const made = createScorer(config as CreateScorerConfig);
    return ({ testCaseId, expected, actual, metadata }) => made.score(testCaseId, expected, actual, metadata);
  }
  const isScorer: boolean = typeof scorer === 'object' && typeof scorer.score === 'function' && 'scoreAll' in scorer;
  if (!isScorer) {
    wrongType('scorer', 'a function of the result, or a scorer of @aah/ai-evals/scorers', scorer);
  }
  return ({ expected, actual }) => scorer.score(expected, actual);
}

function checked(given: unknown): AnswerScore {
  if (typeof given !== 'object' || given === null) {
    return wrongType('the score that the scorer returns', 'an object with passed', given);
  }
  const score = given as AnswerScore;
  if (typeof score.passed !== 'boolean')
    wrongType('passed, of the score that the scorer returns', 'a boolean', score.passed);
  const number = scoreOf(score);
  return score.score === undefined && number !== undefined ? { ...score, score: number } : score;
}
