/** The shape of every scorer. */

/** The score of one answer. */
export interface Score {
  /** From 0 to 1; `NaN` only where the scorer says so. */
  score: number;
  /** True if the score is at least the scorer's threshold. */
  passed: boolean;
  /** The reason for the score, in words, where there is one to give. */
  explanation?: string;
  /** The raw figures behind the score, by name (`distance`, `ter`, …). */
  breakdown?: Record<string, number>;
}

/** Options of a batch. */
export interface BatchOptions {
  /** Ends the batch early: its promise rejects with the signal's reason within 50 ms, even inside a long pair. */
  signal?: AbortSignal | undefined;
  /** Called now and then with the number of scored pairs, and at the end. One that throws is reported as a warning. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A pair to score in a batch. */
export interface ScoredPair<E, A> {
  expected: E;
  actual: A;
}

/** A way to score an answer against what was expected. */
export interface Scorer<E, A> {
  /** The name of the scorer, as in its factory. */
  readonly name: string;
  /** The least score that passes, from 0 to 1. */
  readonly threshold: number;
  /**
   * Scores one answer. Short texts are scored at once; longer ones on native threads, all calls of one turn of the event
   * loop in one crossing.
   */
  score(expected: E, actual: A): Promise<Score>;
  /** Scores one answer on the calling thread. */
  scoreSync(expected: E, actual: A): Score;
  /**
   * Scores a batch, in order, on every core; the event loop stays free. The list is read as it is at the call. Throws a
   * `TypeError` that names the index of a bad pair before any work.
   */
  scoreAll(results: readonly ScoredPair<E, A>[], options?: BatchOptions): Promise<Score[]>;
}

/** The option that every factory takes. */
export interface ThresholdOption {
  /** The least score that passes, from 0 to 1. Default 1 for scorers that say yes or no, 0.8 for graded ones. */
  threshold?: number | undefined;
}
