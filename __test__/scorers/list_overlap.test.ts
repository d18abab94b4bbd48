import { exactMatch, jsonDiff, listOverlap } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('listOverlap', () => {
  test('scores lists in any order', () => {
    const scorer = listOverlap();
    expect(scorer.scoreSync(['a', 'b', 'c'], ['c', 'a', 'b']).score).toBe(1);
    expect(scorer.scoreSync([], []).score).toBe(1);
    expect(scorer.scoreSync(['a'], []).score).toBe(0);
    expect(scorer.scoreSync([], ['a']).score).toBe(0);
    expect(scorer.scoreSync([1, true], ['true', '1']).score).toBe(1);
    expect(scorer.scoreSync(['a'], undefined).explanation).toBe('no answer');
  });

  test('refuses anything but a list, naming it', () => {
    expect(() => listOverlap().scoreSync('a' as never, [])).toThrow(/^expected must be an array/);
    expect(() => listOverlap().scoreSync(['a'], [{}] as never)).toThrow(/actual\[0\]/);
  });

  describe('allowExtra', () => {
    test('does not count extra elements of the answer', () => {
      const pairwise = exactMatch();
      expect(listOverlap({ pairwise }).scoreSync(['a'], ['b', 'a']).score).toBe(0.5);
      expect(listOverlap({ pairwise, allowExtra: true }).scoreSync(['a'], ['b', 'a']).score).toBe(1);
    });
  });

  describe('pairwise', () => {
    test('may compare values of any kind', async () => {
      const scorer = listOverlap<unknown>({ pairwise: jsonDiff() });
      expect(scorer.scoreSync([{ a: 1 }, { b: 2 }], [{ b: 2 }, { a: 1 }]).score).toBe(1);
      expect((await scorer.score([{ a: 1 }], [{ a: 2 }])).score).toBeCloseTo(2 / 3, 9);
    });

    test('gives the same score native or in JavaScript', () => {
      const native = exactMatch();
      const own = {
        name: 'own',
        threshold: 1,
        scoreSync: (e: string, a: string) => native.scoreSync(e, a),
        score: (e: string, a: string) => native.score(e, a),
        scoreAll: (pairs: readonly { expected: string; actual: string }[]) => native.scoreAll(pairs),
      };
      const list = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 });
      fc.assert(
        fc.property(list, list, (expected, actual) => {
          const score = listOverlap({ pairwise: native }).scoreSync(expected, actual).score;
          expect(listOverlap({ pairwise: own }).scoreSync(expected, actual).score).toBe(score);
          expect(listOverlap({ pairwise: native }).scoreSync(actual, expected).score).toBe(score);
        }),
      );
    });
  });

  describe('maxCells', () => {
    test('refuses lists that would take more work', () => {
      const long = Array.from({ length: 50 }, (_, i) => String(i));
      expect(() => listOverlap({ maxCells: 1000 }).scoreSync(long, long)).toThrow(RangeError);
      expect(listOverlap().scoreSync(long, long).score).toBe(1);
    });
  });
});
