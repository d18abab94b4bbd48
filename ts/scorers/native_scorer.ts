/** A scorer whose work is native. */

import { turnDue } from '../event_loop_turn.js';
import { batchRun } from '../scoring/batch_run.js';
import { isNative, markNative, runningClosure } from '../scoring/current_pool.js';
import { asNativeScorer, readPairs, refusedPair } from '../scoring/native_pairs.js';
import { Kernel, scoreShort, sharedThreads } from '../scoring/native_scoring.js';
import type { ReadPair } from '../scoring/read_pair.js';
import type { BatchOptions, Score, ScoredPair, Scorer } from './scorer.js';

/** Pairs handled between two looks at the clock. */
const PAIRS_A_LOOK = 512;

/** The parts of a native scorer. */
export interface NativeScorerParts<E, A> {
  name: string;
  threshold: number;
  /** Specification of the kernel; see `src/scoring/kernel.rs`. */
  specification: object;
  /** Turns a pair into texts. */
  read: ReadPair<E, A>;
}

/** A scorer whose work is native; see {@link Scorer}. */
export class NativeScorer<E, A> implements Scorer<E, A> {
  readonly name: string;
  readonly threshold: number;
  readonly #kernel: Kernel;
  readonly #read: ReadPair<E, A>;

  /** Builds the kernel. Throws if its specification cannot be used. */
  constructor({ name, threshold, specification, read }: NativeScorerParts<E, A>) {
    this.name = name;
    this.threshold = threshold;
    this.#kernel = new Kernel(specification);
    this.#read = read;
    asNativeScorer(this, this.#kernel, read);
  }

  scoreSync(expected: E, actual: A): Score {
    const texts: string[] = [];
    if (this.#read(expected, actual, '', texts) === 0) return this.#noAnswer();
    return this.#scoreOf(this.#kernel.scoreNow(texts), 0);
  }

  score(expected: E, actual: A): Promise<Score> {
    const texts: string[] = [];
    try {
      if (this.#read(expected, actual, '', texts) === 0) return Promise.resolve(this.#noAnswer());
      const row = scoreShort(this.#kernel, texts);
      if (row !== undefined) return Promise.resolve(this.#scoreOf(row, 0));
    } catch (error) {
      return Promise.reject(error);
    }
    const scored = (runningClosure() ?? sharedThreads()).enqueue(this.#kernel, texts);
    const score = scored.then((row) => this.#scoreOf(row, 0));
    return isNative(scored) ? markNative(score) : score;
  }

  async scoreAll(results: readonly ScoredPair<E, A>[], options?: BatchOptions): Promise<Score[]> {
    const run = batchRun('results', results, options);
    const pairs = await readPairs(this.#read, run.pairs, 'results', run.signal);
    const { rows, width, refused } = await sharedThreads().score(this.#kernel, pairs, true, run);
    if (refused[0] !== undefined) throw refusedPair('results', refused[0]);
    const scores: Score[] = [];
    for (let at = 0; at < pairs.counts.length; at += 1) {
      scores.push(pairs.counts[at] === 0 ? this.#noAnswer() : this.#scoreOf(rows, at * width));
      if (at % PAIRS_A_LOOK === PAIRS_A_LOOK - 1) await turnDue();
    }
    return scores;
  }

  #scoreOf(rows: Float64Array, at: number): Score {
    return scoreOfRow(this.#kernel, this.threshold, rows, at);
  }

  #noAnswer(): Score {
    return { score: 0, passed: this.threshold <= 0, explanation: 'no answer' };
  }
}

/** The score of a row, which begins at `at`. */
export function scoreOfRow({ figures }: Kernel, threshold: number, rows: Float64Array, at: number): Score {
  const score = rows[at]!;
  const passed = score >= threshold;
  if (figures.length === 0) return { score, passed };
  const breakdown: Record<string, number> = {};
  for (const [i, figure] of figures.entries()) breakdown[figure] = rows[at + 1 + i]!;
  return { score, passed, breakdown };
}
