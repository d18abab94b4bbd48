import '@aah/ai-evals/matchers';
import { levenshtein, llmJudge } from '@aah/ai-evals/scorers';
import { describe, expect, expectTypeOf, test } from 'vitest';

/** The message of the error that `assert` throws. */
async function failure(assert: () => unknown): Promise<string> {
  try {
    await assert();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it passed');
}

describe('toScore', () => {
  test('passes from the threshold or atLeast on', () => {
    expect('kitten').toScore(levenshtein(), 'kitten');
    expect('sitting').toScore(levenshtein(), 'kitten', { atLeast: 0.5 });
    expect('sitting').not.toScore(levenshtein(), 'kitten');
    expectTypeOf(expect('a').toScore).returns.toEqualTypeOf<void>();
  });

  test('prints score, breakdown and a difference', async () => {
    const message = await failure(() => expect('sitting').toScore(levenshtein(), 'kitten', { atLeast: 0.9 }));
    expect(message).toContain('Score: 0.5714285714285714, expected at least 0.9');
    expect(message).toContain('distance: 3');
    expect(message).toContain('kitten');
    expect(message).toContain('sitting');
    expect(await failure(() => expect('a').not.toScore(levenshtein(), 'a'))).toContain('expected below 0.8');
  });

  test('fails for NaN whichever way it is asked', async () => {
    const unsure = {
      ...levenshtein(),
      name: 'unsure',
      threshold: 0.5,
      score: async () => ({ score: Number.NaN, passed: false }),
      scoreSync: () => ({ score: Number.NaN, passed: false, explanation: 'no idea' }),
      scoreAll: async () => [],
    };
    expect(await failure(() => expect('a').toScore(unsure, 'a'))).toContain('Explanation: no idea');
    expect(await failure(() => expect('a').not.toScore(unsure, 'a'))).toContain('Score: NaN');
  });

  test('refuses what is no scorer, and options that cannot be used', async () => {
    expect(await failure(() => expect('a').toScore({} as never, 'a'))).toContain('scorer.score');
    expect(await failure(() => expect('a').toScore(levenshtein(), 'a', { atLeast: 2 }))).toContain('atLeast');
  });
});

describe('toPassJudge', () => {
  const judge = llmJudge({ model: async () => ({ score: 0.6, reasoning: 'too short' }), rubric: 'Long enough?' });

  test('waits for the judge', async () => {
    await expect('answer').toPassJudge(judge, undefined, { atLeast: 0.5 });
    await expect('answer').not.toPassJudge(judge, 'expected');
    const message = await failure(() => expect('answer').toPassJudge(judge));
    expect(message).toContain('Score: 0.6, expected at least 0.8');
    expect(message).toContain('Explanation: too short');
    expect(message).toContain("'answer'");
  });

  test('rejects with what the judge rejects with', async () => {
    const broken = llmJudge({ model: async () => 'no', rubric: 'Any?', retries: 0 });
    await expect(expect('a').toPassJudge(broken)).rejects.toMatchObject({ code: 'ERR_MALFORMED_VERDICT' });
    expect(await failure(() => expect('a').toScore(judge, 'a'))).toContain('score or scoreAll');
  });
});
