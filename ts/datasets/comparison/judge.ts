/** The verdict on an answer, whatever form the scorer has. */
import { wrongType } from '../../arguments.js';
import type { Scorer } from '../../scorers/scorer.js';
import type { TestCaseInput } from '../../types.js';
import type { ModelRunResult } from '../model_runner.js';
import type { AnswerVerdict, ComparisonScorer } from './types.js';

/** A verdict: every scorer's comes to this. */
export interface Verdict {
  passed: boolean;
  score: number;
}

/** A judge of answers, and the settings that a stored run is known by. */
export interface Judge {
  judge(result: ModelRunResult, testCase: TestCaseInput): Promise<Verdict>;
  settings: Record<string, unknown>;
}

/** Returns the judge that `scorer` is. Throws `TypeError` for what is none. */
export function judgeOf(scorer: unknown): Judge {
  if (typeof scorer === 'function') {
    const call = scorer as Extract<ComparisonScorer, (...args: never[]) => unknown>;
    return {
      judge: async (result, testCase) => verdictOf(await call(result, testCase)),
      settings: { scorer: call.name || 'function' },
    };
  }
  const { name, threshold, scoreAll } = (scorer ?? {}) as Partial<Scorer<unknown, unknown>>;
  if (typeof scoreAll !== 'function') {
    const expected = 'a scorer such as exactMatch(), or a function (result, testCase) => { passed, score }';
    return wrongType('scorer', expected, scorer);
  }
  const native = scorer as Scorer<unknown, unknown>;
  return {
    judge: async (result, testCase) => verdictOf(await native.score(testCase.expected, result.actual)),
    settings: { scorer: name, threshold },
  };
}

function verdictOf(given: AnswerVerdict): Verdict {
  if (typeof given === 'boolean') return { passed: given, score: Number(given) };
  if (typeof given === 'number') return { passed: finite(given) >= 1, score: given };
  if (typeof given !== 'object' || given === null || typeof given.passed !== 'boolean') {
    return wrongType('the verdict of the scorer', 'true, false, a score or { passed, score }', given);
  }
  const { passed, score, value } = given;
  return { passed, score: finite(score ?? value ?? Number(passed)) };
}

function finite(score: number): number {
  if (typeof score === 'number' && Number.isFinite(score)) return score;
  return wrongType('the score', 'a finite number', score);
}
