/**
 * Matchers of scores for Jest and Vitest. What always holds: a score that is `NaN` fails, also after `not`; a failure prints
 * the score, its breakdown and a difference of the texts.
 */
import type { Scorer } from '../scorers/scorer.js';
import { passedJudge, passedScore } from './score_matcher.js';

/** Options of both matchers. */
export interface ScoreMatcherOptions {
  /** The least score that passes, 0–1. Default the scorer's threshold. */
  atLeast?: number | undefined;
}

/** The matchers, as `expect` offers them. */
export interface ScoreMatchers<R = unknown> {
  /**
   * Scores the answer against what is expected on the calling thread and passes when the score is at least `atLeast`. A
   * scorer that waits for something, as a judge does, is refused: use `toPassJudge`.
   */
  toScore<E, A>(scorer: Scorer<E, A>, expected: E, options?: ScoreMatcherOptions): R;
  /** Awaits the score of the answer, by a judge or any other scorer, and passes when it is at least `atLeast`. */
  toPassJudge<E, A>(judge: Scorer<E, A>, expected?: E, options?: ScoreMatcherOptions): Promise<void>;
}

/** The runner's part of a matcher. */
export interface MatcherContext {
  isNot?: boolean | undefined;
  utils?: { diff?(a: unknown, b: unknown): string | null | undefined } | undefined;
}

/** The result of a matcher for the runner. */
export interface MatcherResult {
  pass: boolean;
  message(): string;
  actual?: unknown;
  expected?: unknown;
}

/** The matchers, for `expect.extend(matchers)` where importing this module cannot find the runner's `expect`. */
export const matchers = {
  toScore(
    this: MatcherContext | undefined,
    answer: unknown,
    scorer: Scorer<unknown, unknown>,
    expected: unknown,
    options?: ScoreMatcherOptions,
  ): MatcherResult {
    return passedScore(this, answer, scorer, expected, options);
  },

  toPassJudge(
    this: MatcherContext | undefined,
    answer: unknown,
    judge: Scorer<unknown, unknown>,
    expected?: unknown,
    options?: ScoreMatcherOptions,
  ): Promise<MatcherResult> {
    return passedJudge(this, answer, judge, expected, options);
  },
};

/** The `expect` of the runner whose test file imports this module: a global of Jest, a known symbol of Vitest. */
function runnersExpect(): { extend(matchers: object): void } | undefined {
  const globals = globalThis as Record<PropertyKey, unknown>;
  const found = [globals[Symbol.for('expect-global')], globals.expect].find(
    (candidate) => typeof (candidate as { extend?: unknown } | undefined)?.extend === 'function',
  );
  return found as { extend(matchers: object): void } | undefined;
}

runnersExpect()?.extend(matchers);

// Each runner's types exist only where that runner is installed.
/** @ts-expect-error */
declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: must repeat the runner's own type parameters
  interface Assertion<T = any> extends ScoreMatchers<void> {}
}

/** @ts-expect-error */
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends ScoreMatchers<R> {}
}

declare global {
  namespace jest {
    // biome-ignore lint/suspicious/noExplicitAny: must repeat the runner's own type parameters
    interface Matchers<R, T = any> extends ScoreMatchers<R> {}
  }
}
