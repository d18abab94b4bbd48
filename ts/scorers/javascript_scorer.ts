/** The shape of scorers whose work is done in JavaScript, or by a model. */
import { wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { onAbort } from '../on_abort.js';
import { batchRun } from '../scoring/batch_run.js';
import type { BatchOptions, Score, ScoredPair, Scorer } from './scorer.js';

/** Pairs of a batch that are scored at once. */
const LANES = 16;

/** The function that scores a pair. */
export interface Evaluation {
  /** Ends it early. */
  signal: AbortSignal | undefined;
  /** Prefix of an argument's name in errors: the pair's place in its batch. */
  place: string;
}

/** A scorer that waits for others: a model, an embedding, or the scorers it is made of. */
export abstract class JavaScriptScorer<E, A> implements Scorer<E, A> {
  readonly name: string;
  readonly threshold: number;

  constructor(name: string, threshold: number) {
    this.name = name;
    this.threshold = threshold;
  }

  /** Scores a pair. */
  protected abstract evaluate(expected: E, actual: A, evaluation: Evaluation): Promise<Score>;

  score(expected: E, actual: A): Promise<Score> {
    return this.evaluate(expected, actual, { signal: undefined, place: '' });
  }

  scoreSync(_expected: E, _actual: A): Score {
    throw new AiEvalsError('ERR_UNSUPPORTED', `${this.name} waits for an answer; call score or scoreAll instead.`);
  }

  async scoreAll(results: readonly ScoredPair<E, A>[], options?: BatchOptions): Promise<Score[]> {
    const { pairs, signal, onProgress } = batchRun('results', results, options);
    signal?.throwIfAborted();
    for (const [at, pair] of (pairs as readonly unknown[]).entries()) {
      const isPair = typeof pair === 'object' && pair !== null;
      if (!isPair) wrongType(`results[${at}]`, 'an object with expected and actual', pair);
    }
    const scores = new Array<Score>(pairs.length);
    let [next, done] = [0, 0];
    const lane = async (): Promise<void> => {
      while (next < pairs.length) {
        signal?.throwIfAborted();
        const at = next;
        next += 1;
        const { expected, actual } = pairs[at]!;
        try {
          scores[at] = await this.evaluate(expected, actual, { signal, place: `results[${at}].` });
        } catch (error) {
          // No later pair is started.
          next = pairs.length;
          throw error;
        }
        done += 1;
        reportProgress(onProgress, done, pairs.length);
      }
    };
    await untilAborted(signal, Promise.all(Array.from({ length: Math.min(LANES, pairs.length) }, lane)));
    return scores;
  }

  /** The score of a number. */
  protected scored(score: number, more: Omit<Score, 'score' | 'passed'> = {}): Score {
    return { score, passed: score >= this.threshold, ...more };
  }

  /** The score where there is no answer. */
  protected noAnswer(): Score {
    return this.scored(0, { explanation: 'no answer' });
  }
}

/** Calls `onProgress`; one that throws is reported as a warning. */
export function reportProgress(onProgress: BatchOptions['onProgress'], done: number, total: number): void {
  try {
    onProgress?.(done, total);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`onProgress threw; the batch goes on. ${text}`, { type: 'ListenerError' });
  }
}

/** Waits for `work`, or rejects with the reason of `signal` as soon as it is aborted. */
export function untilAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason));
    work.then(resolve, reject).finally(forget);
  });
}
