import { ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import {
  classification,
  cosine,
  jsonDiff,
  jsonSchema,
  listOverlap,
  ndcg,
  numericDiff,
  recallAtK,
  type Scorer,
} from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const ids = fc.array(fc.constantFrom('a', 'b', '', '😀', '\ud800'), { maxLength: 6 });
const labels = fc.array(fc.constantFrom('x', 'y', 1), { minLength: 4, maxLength: 4 });
const vector = fc.array(fc.double({ min: -1e300, max: 1e300, noNaN: true }), { minLength: 3, maxLength: 3 });
const number = fc.double({ noNaN: true });

/** Each native scorer of structures, with what it scores. */
const NATIVE: [Scorer<never, never>, fc.Arbitrary<unknown>][] = [
  [jsonDiff(), fc.jsonValue({ maxDepth: 2 })],
  [jsonSchema({ type: 'object', additionalProperties: { type: 'number' } }), fc.jsonValue({ maxDepth: 2 })],
  [numericDiff(), number],
  [listOverlap(), ids],
  [classification({ metric: 'f1' }), labels],
  [ndcg(), ids],
  [recallAtK(2), ids],
  [cosine(), vector],
] as never;

describe('a batch of structures', () => {
  for (const [scorer, value] of NATIVE) {
    test(`of ${scorer.name} scores bit for bit as one by one, for any number of threads`, async () => {
      const pair = fc.record({ expected: value, actual: fc.option(value, { nil: undefined }) });
      const [one, three] = [new ScoringWorkerPool(1), new ScoringWorkerPool(3)];
      try {
        await fc.assert(
          fc.asyncProperty(fc.array(pair, { maxLength: 20 }), async (given) => {
            const pairs = given as { expected: never; actual: never }[];
            const single = Float64Array.from(pairs, (each) => scorer.scoreSync(each.expected, each.actual).score);
            expect(await one.scoreBatch(scorer, pairs)).toEqual(single);
            expect(await three.scoreBatch(scorer, pairs)).toEqual(single);
            expect((await scorer.scoreAll(pairs)).map(({ score }) => score)).toEqual([...single]);
            expect(single.every((score) => score >= 0 && score <= 1)).toBe(true);
          }),
          { numRuns: 25 },
        );
      } finally {
        await Promise.all([one.close(), three.close()]);
      }
    });
  }

  test('names the index of bad input before any work', async () => {
    await expect(
      listOverlap().scoreAll([
        { expected: ['a'], actual: ['a'] },
        { expected: 5 as never, actual: [] },
      ]),
    ).rejects.toThrow(/results\[1\]\.expected/);
    await expect(cosine().scoreAll([{ expected: [1], actual: [1, 2] }])).rejects.toThrow(/results\[0\]\.actual/);
  });

  test('takes lists of 200,000 elements and nests to any depth without a crash', async () => {
    const long = Array.from({ length: 200_000 }, (_, i) => `id-${i}`);
    expect(recallAtK(10).scoreSync(long, long).score).toBe(10 / 200_000);
    expect((await recallAtK(200_000).score(long, long)).score).toBe(1);
    expect(listOverlap().scoreSync(['id-7'], long).score).toBe(1 / 200_000);
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(jsonSchema({ type: 'array' }).scoreSync('', deep).score).toBe(0);
    expect(jsonSchema({ type: 'array' }, { extract: true }).scoreSync('', deep).score).toBe(0);
    expect(jsonDiff().scoreSync('x', deep).score).toBeLessThan(0.01);
  });
});
