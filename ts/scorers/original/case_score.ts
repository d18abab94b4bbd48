/** The shape of the scorers that are classes: `score(output, expected)`. */

/** The score of one output. */
export interface CaseScore {
  /** From 0 to 1; `NaN` where the output could not be judged. */
  score: number;
  /** True if the score is high enough. */
  passed: boolean;
  /** The reason for the score, in words. */
  reason?: string;
  /** The raw figures behind the score, by name. */
  breakdown?: Record<string, number>;
  /** Further facts, for instance the model that judged. */
  metadata?: Record<string, unknown>;
}

/** A scorer under the original's names. Mind the order: the output comes first. */
export interface CaseScorer {
  readonly name: string;
  /** Scores an output against what was expected. */
  score(output: unknown, expected: unknown, context?: unknown): Promise<CaseScore>;
}
