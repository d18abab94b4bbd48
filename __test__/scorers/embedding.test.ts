import { EmbeddingCache } from '@aah/ai-evals/performance';
import { cosine, semanticSimilarity } from '@aah/ai-evals/scorers';
import { describe, expect, test } from 'vitest';

const vectors: Record<string, number[]> = { cat: [1, 0], dog: [0.8, 0.6], car: [0, 1], anti: [-1, 0] };

function embedder() {
  const calls: string[][] = [];
  const embed = async (texts: string[]) => {
    calls.push(texts);
    return texts.map((text) => vectors[text] ?? [text.length, 1]);
  };
  return { calls, embed };
}

describe('cosine', () => {
  test('scores the angle, and 0 for negative ones', () => {
    expect(cosine().scoreSync([1, 0], [0.8, 0.6])).toEqual({ score: 0.8, passed: true, breakdown: { cosine: 0.8 } });
    expect(cosine().scoreSync([3], [-5])).toEqual({ score: 0, passed: false, breakdown: { cosine: -1 } });
    expect(cosine().scoreSync(new Float32Array([1, 2]), [1, 2]).score).toBe(1);
  });

  test('scores a vector of zeros 0, with a cosine of NaN', () => {
    expect(cosine().scoreSync([0, 0], [1, 1])).toEqual({ score: 0, passed: false, breakdown: { cosine: Number.NaN } });
  });

  test('refuses vectors of different length and entries that are not finite', () => {
    expect(() => cosine().scoreSync([1], [1, 2])).toThrow(RangeError);
    expect(() => cosine().scoreSync([Number.POSITIVE_INFINITY], [1])).toThrow(/expected\[0\]/);
    expect(() => cosine().scoreSync('1' as never, [1])).toThrow(TypeError);
  });
});

describe('semanticSimilarity', () => {
  test('embeds a text once, however often it occurs', async () => {
    const { calls, embed } = embedder();
    const scorer = semanticSimilarity({ embed });
    const pairs = Array.from({ length: 300 }, () => ({ expected: ['cat', 'car'], actual: 'dog' }));
    const scores = await scorer.scoreAll(pairs);
    expect(scores.every(({ score }) => score === 0.8)).toBe(true);
    expect((await scorer.score('cat', 'dog')).breakdown).toEqual({ cosine: 0.8 });
    expect(calls.flat().sort()).toEqual(['car', 'cat', 'dog']);
  });

  test('takes its own cache, in groups of at most 256 texts', async () => {
    const { calls, embed } = embedder();
    const cache = new EmbeddingCache({ maxSize: 10_000 });
    cache.set('cat', [1, 0]);
    const scorer = semanticSimilarity({ embed, cache });
    await scorer.scoreAll(Array.from({ length: 600 }, (_, i) => ({ expected: 'cat', actual: `text ${i}` })));
    expect(Math.max(...calls.map((texts) => texts.length))).toBeLessThanOrEqual(256);
    expect(calls.flat()).not.toContain('cat');
    expect(calls.flat().length).toBe(600);
  });

  test('needs no call for the same text, an empty one or no answer', async () => {
    const { calls, embed } = embedder();
    const scorer = semanticSimilarity({ embed });
    expect((await scorer.score('x', 'x')).score).toBe(1);
    expect((await scorer.score('x', ' ')).score).toBe(0);
    expect((await scorer.score('x', undefined)).explanation).toBe('no answer');
    expect(calls).toEqual([]);
  });

  describe('minimum', () => {
    test('is the cosine that scores 0', async () => {
      const { embed } = embedder();
      expect((await semanticSimilarity({ embed, minimum: 0.6 }).score('cat', 'dog')).score).toBeCloseTo(0.5, 12);
      expect((await semanticSimilarity({ embed, minimum: 0.6 }).score('cat', 'anti')).score).toBe(0);
      expect(() => semanticSimilarity({ embed, minimum: 1 })).toThrow(RangeError);
    });
  });

  test('rejects with what embed throws, and stops when aborted', async () => {
    const broken = semanticSimilarity({ embed: () => Promise.reject(new Error('no quota')) });
    await expect(broken.score('a', 'b')).rejects.toThrow('no quota');
    const never = semanticSimilarity({ embed: () => new Promise<never>(() => {}) });
    const controller = new AbortController();
    const waiting = never.scoreAll([{ expected: 'a', actual: 'b' }], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(() => never.scoreSync('a', 'b')).toThrow(/score or scoreAll/);
  });

  test('refuses options that cannot be used', () => {
    expect(() => semanticSimilarity({} as never)).toThrow(TypeError);
    expect(() => semanticSimilarity({ embed: async () => [], cache: {} as never })).toThrow(TypeError);
  });
});
