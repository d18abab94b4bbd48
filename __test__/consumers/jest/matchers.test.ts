import '@aah/ai-evals/matchers';
import { matchers } from '@aah/ai-evals/matchers';
import { levenshtein, llmJudge } from '@aah/ai-evals/scorers';
import { describe, expect as imported, test } from '@jest/globals';

// The global `expect` has the matchers by the import; the one of @jest/globals is the same object.
const expect = imported;

async function failure(assert: () => unknown): Promise<string> {
  try {
    await assert();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it passed');
}

describe('the matchers in Jest', () => {
  test('toScore passes from the threshold or atLeast on', () => {
    expect('kitten').toScore(levenshtein(), 'kitten');
    expect('sitting').toScore(levenshtein(), 'kitten', { atLeast: 0.5 });
    expect('sitting').not.toScore(levenshtein(), 'kitten');
  });

  test('toScore prints score, breakdown and a difference', async () => {
    const message = await failure(() => expect('sitting').toScore(levenshtein(), 'kitten', { atLeast: 0.9 }));
    expect(message).toContain('Score: 0.5714285714285714, expected at least 0.9');
    expect(message).toContain('distance: 3');
    expect(message).toContain('kitten');
  });

  test('toPassJudge waits for the judge', async () => {
    const judge = llmJudge({ model: async () => ({ score: 0.6, reasoning: 'too short' }), rubric: 'Long enough?' });
    await expect('answer').toPassJudge(judge, undefined, { atLeast: 0.5 });
    const message = await failure(() => expect('answer').toPassJudge(judge));
    expect(message).toContain('Explanation: too short');
  });

  test('can be registered by hand', () => {
    expect.extend(matchers);
    expect('a').toScore(levenshtein(), 'a');
  });
});
