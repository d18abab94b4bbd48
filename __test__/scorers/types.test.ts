import { type PoolStats, ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import {
  type ActualText,
  classificationReport,
  cosine,
  type ExpectedText,
  exactMatch,
  fuzzy,
  type jsonMatch,
  levenshtein,
  llmJudge,
  pattern,
  rouge,
  type Score,
  type ScoredPair,
  type Scorer,
  summarize,
  weighted,
} from '@aah/ai-evals/scorers';
import { describe, expect, expectTypeOf, test } from 'vitest';

describe('a scorer', () => {
  test('takes texts and gives scores', async () => {
    const scorer = levenshtein({ unit: 'grapheme', threshold: 0.5 });
    expectTypeOf(scorer).toExtend<Scorer<ExpectedText, ActualText>>();
    expectTypeOf(scorer.scoreSync('a', 'b')).toEqualTypeOf<Score>();
    expectTypeOf(scorer.score(['a', 'b'], null)).toEqualTypeOf<Promise<Score>>();
    expectTypeOf(scorer.scoreAll([{ expected: 1, actual: true }])).toEqualTypeOf<Promise<Score[]>>();
    expectTypeOf<Score['breakdown']>().toEqualTypeOf<Record<string, number> | undefined>();
    expect(await scorer.score('a', 'a')).toMatchObject({ score: 1, passed: true });
  });

  test('refuses values that are not texts', () => {
    // @ts-expect-error: an object is not a text
    expect(() => levenshtein().scoreSync({}, 'a')).toThrow(TypeError);
    // @ts-expect-error: an expected text is needed
    expect(() => exactMatch().scoreSync(null, 'a')).toThrow(TypeError);
  });

  test('is written by a user as an object', async () => {
    const longEnough: Scorer<number, string> = {
      name: 'longEnough',
      threshold: 1,
      scoreSync: (expected, actual) => ({
        score: actual.length >= expected ? 1 : 0,
        passed: actual.length >= expected,
      }),
      score: async (expected, actual) => longEnough.scoreSync(expected, actual),
      scoreAll: async (pairs) => pairs.map(({ expected, actual }) => longEnough.scoreSync(expected, actual)),
    };
    await using pool = new ScoringWorkerPool(1);
    const scores = await pool.scoreBatch(longEnough, [{ expected: 2, actual: 'ab' }]);
    expectTypeOf(scores).toExtend<Float64Array>();
    expect([...scores]).toEqual([1]);
    // @ts-expect-error: the scorer takes a number and a string
    expectTypeOf(pool.scoreBatch(longEnough, [{ expected: 'a', actual: 'a' }])).toBeObject();
  });
});

describe('options', () => {
  test('are those of the scorer', () => {
    // @ts-expect-error: there is no such unit
    expect(() => levenshtein({ unit: 'byte' })).toThrow();
    // @ts-expect-error: there is no such option
    expect(() => levenshtein({ uint: 'utf16' })).toThrow(TypeError);
    // @ts-expect-error: there is no such type
    expect(() => rouge({ type: 'rouge0' })).toThrow();
    // @ts-expect-error: there is no such method
    expect(() => fuzzy({ method: 'best' })).toThrow();
    expectTypeOf(pattern).parameter(0).toEqualTypeOf<string | RegExp>();
    expectTypeOf<Parameters<typeof jsonMatch>[0]>().toExtend<{ extract?: boolean | undefined } | undefined>();
  });
});

describe('the other scorers', () => {
  test('take their own values', async () => {
    expect(cosine().scoreSync([1, 0], new Float32Array([1, 0])).score).toBe(1);
    // @ts-expect-error: a vector is not a text
    expect(() => cosine().scoreSync('a', 'b')).toThrow();
    const judge = llmJudge({ model: async () => ({ score: 1 }), rubric: 'polite' });
    expectTypeOf(judge.score('a', 'b')).toEqualTypeOf<Promise<Score>>();
    const both = weighted([
      { scorer: levenshtein(), weight: 2 },
      { scorer: exactMatch(), weight: 1 },
    ]);
    const scores = await both.scoreAll([{ expected: 'a', actual: 'a' }]);
    expect(summarize(scores).mean).toBe(1);
    expectTypeOf(summarize(scores).passRate).toBeNumber();
    expectTypeOf(classificationReport(['a'], ['a']).accuracy).toBeNumber();
  });
});

describe('ScoringWorkerPool', () => {
  test('keeps the types of what it runs', async () => {
    await using pool = new ScoringWorkerPool(1);
    const pairs: readonly ScoredPair<string, string>[] = [{ expected: 'a', actual: 'a' }];
    const { signal } = new AbortController();
    expectTypeOf(
      pool.scoreBatch(levenshtein(), pairs, { signal, onProgress: (done, total) => void (done + total) }),
    ).resolves.toExtend<Float64Array>();
    expectTypeOf(pool.execute(() => 5)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(pool.execute(async () => 'a')).toEqualTypeOf<Promise<string>>();
    expectTypeOf(pool.executeModule<number>).returns.toEqualTypeOf<Promise<number>>();
    expectTypeOf(pool.getStats()).toEqualTypeOf<PoolStats>();
    expectTypeOf(pool.close).returns.toEqualTypeOf<Promise<void>>();
    expect(await pool.execute(() => levenshtein().score('a', 'a'))).toMatchObject({ score: 1 });
  });
});
