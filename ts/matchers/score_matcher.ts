/** The verdict of a matcher on a score, and its message. */
import { inspect } from 'node:util';
import { callable, wrongType } from '../arguments.js';
import { numberIn, readOptions } from '../scorers/options.js';
import type { Score, Scorer } from '../scorers/scorer.js';
import type { MatcherContext, MatcherResult, ScoreMatcherOptions } from './index.js';

type AnyScorer = Scorer<unknown, unknown>;

/** Scores at once and judges. */
export function passedScore(
  context: MatcherContext | undefined,
  answer: unknown,
  scorer: AnyScorer,
  expected: unknown,
  options: ScoreMatcherOptions | undefined,
): MatcherResult {
  const atLeast = checked('toScore', scorer, options);
  callable('toScore: scorer.scoreSync', scorer.scoreSync);
  return result(context, { matcher: 'toScore', answer, scorer, expected, atLeast }, scorer.scoreSync(expected, answer));
}

/** Waits for the score and judges. */
export async function passedJudge(
  context: MatcherContext | undefined,
  answer: unknown,
  judge: AnyScorer,
  expected: unknown,
  options: ScoreMatcherOptions | undefined,
): Promise<MatcherResult> {
  const atLeast = checked('toPassJudge', judge, options);
  const score = await judge.score(expected, answer);
  return result(context, { matcher: 'toPassJudge', answer, scorer: judge, expected, atLeast }, score);
}

function checked(matcher: string, scorer: AnyScorer, options: ScoreMatcherOptions | undefined): number {
  if (typeof scorer !== 'object' || scorer === null) wrongType(`${matcher}: scorer`, 'a scorer', scorer);
  callable(`${matcher}: scorer.score`, scorer.score);
  const { atLeast } = readOptions(matcher, options, { atLeast: numberIn(0, 1) });
  return atLeast ?? scorer.threshold;
}

interface Assertion {
  matcher: string;
  answer: unknown;
  scorer: AnyScorer;
  expected: unknown;
  atLeast: number;
}

function result(context: MatcherContext | undefined, assertion: Assertion, score: Score): MatcherResult {
  const isNot = context?.isNot === true;
  // What could not be judged fails, whichever way the test asks.
  const pass = Number.isNaN(score.score) ? isNot : score.score >= assertion.atLeast;
  return { pass, message: () => message(context, assertion, score, isNot) };
}

function message(context: MatcherContext | undefined, assertion: Assertion, score: Score, isNot: boolean): string {
  const { matcher, scorer, expected, answer, atLeast } = assertion;
  const wanted = isNot ? `below ${atLeast}` : `at least ${atLeast}`;
  const figures = Object.entries(score.breakdown ?? {}).map(([name, value]) => `  ${name}: ${value}`);
  const lines = [
    `expect(answer)${isNot ? '.not' : ''}.${matcher}(${scorer.name}, expected)`,
    '',
    `Score: ${score.score}, expected ${wanted}`,
    ...(figures.length > 0 ? ['Breakdown:', ...figures] : []),
    ...(score.explanation === undefined ? [] : [`Explanation: ${score.explanation}`]),
  ];
  if (expected === undefined) return [...lines, '', `Answer: ${inspect(answer)}`].join('\n');
  const difference = context?.utils?.diff?.(expected, answer);
  const texts = difference ? [difference] : [`Expected: ${inspect(expected)}`, `Answer: ${inspect(answer)}`];
  return [...lines, '', ...texts].join('\n');
}
