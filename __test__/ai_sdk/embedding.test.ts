import { CacheMissError, EmbeddingCache } from '@aah/ai-evals';
import { type EmbeddingCacheMiddlewareOptions, embeddingCacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { embed, embedMany, wrapEmbeddingModel } from 'ai';
import { MockEmbeddingModelV3 } from 'ai/test';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { deferred, embedder, settled } from './models.js';

function cached(
  model: MockEmbeddingModelV3,
  options?: EmbeddingCacheMiddlewareOptions,
  cache: EmbeddingCache = new EmbeddingCache(),
) {
  return { cache, model: wrapEmbeddingModel({ model, middleware: embeddingCacheMiddleware(cache, options) }) };
}

afterEach(() => void vi.useRealTimers());

const asked = (model: MockEmbeddingModelV3) => model.doEmbedCalls.map(({ values }) => values);

describe('embeddings through embeddingCacheMiddleware', () => {
  test('embed asks the model once for a text; the second costs no tokens and says that it was cached', async () => {
    const inner = embedder();
    const { model } = cached(inner);
    const first = await embed({ model, value: 'hello' });
    const second = await embed({ model, value: 'hello' });
    expect([first.embedding, second.embedding]).toEqual([
      [5, 104, 0.5],
      [5, 104, 0.5],
    ]);
    expect([first.usage, second.usage]).toEqual([{ tokens: 10 }, { tokens: 0 }]);
    expect(first.providerMetadata).toEqual({ mock: { asked: 1 }, 'ai-evals': { cached: false } });
    expect(second.providerMetadata).toEqual({ 'ai-evals': { cached: true } });
    expect(asked(inner)).toEqual([['hello']]);
  });

  test('embedMany asks for what is missing, once each, in one call, and keeps the order', async () => {
    const inner = embedder();
    const { model } = cached(inner);
    await embedMany({ model, values: ['a', 'bb'] });
    const { embeddings, usage } = await embedMany({ model, values: ['ccc', 'bb', 'ccc', 'dddd', 'a'] });
    expect(embeddings.map(([length]) => length)).toEqual([3, 2, 3, 4, 1]);
    expect(usage).toEqual({ tokens: 20 });
    expect(asked(inner)).toEqual([
      ['a', 'bb'],
      ['ccc', 'dddd'],
    ]);
  });

  test('every text has its embedding and is asked for once, in any order of requests', async () => {
    const values = fc.array(fc.constantFrom('', 'a', '"]', '["mock-provider","mock"]a', 'é', '0 a'), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(values, { maxLength: 6 }), async (batches) => {
        const inner = embedder();
        const { model } = cached(inner);
        const plain = embedder();
        for (const batch of batches) {
          const { embeddings } = await model.doEmbed({ values: batch });
          expect(embeddings).toEqual((await plain.doEmbed({ values: batch })).embeddings);
        }
        const all = asked(inner).flat();
        expect(all.length).toBe(new Set(all).size);
        expect(new Set(all)).toEqual(new Set(batches.flat()));
      }),
      { numRuns: 50 },
    );
  });

  test('models, and options for their provider, never share a text', async () => {
    const cache: EmbeddingCache = new EmbeddingCache();
    const [one, two] = [embedder({ modelId: 'one', own: 1 }), embedder({ modelId: 'two', own: 2 })];
    const own = async (inner: MockEmbeddingModelV3, mock?: Record<string, number>) => {
      const call = { model: cached(inner, {}, cache).model, value: 'x' };
      return (await embed(mock ? { ...call, providerOptions: { mock } } : call)).embedding[2];
    };
    for (let i = 0; i < 2; i += 1) {
      expect([await own(one), await own(two), await own(one, { dimensions: 2 })]).toEqual([1, 2, 1]);
    }
    expect([asked(one).length, asked(two).length]).toEqual([2, 1]);
    expect(one.doEmbedCalls[1]?.providerOptions).toEqual({ mock: { dimensions: 2 } });
  });

  test('options with an element for each value tie a text to its place: then all are asked for, or none', async () => {
    const inner = new MockEmbeddingModelV3({
      maxEmbeddingsPerCall: 100,
      doEmbed: async ({ values, providerOptions }) => ({
        embeddings: values.map((_, i) => [(providerOptions as { mock: { content: number[] } }).mock.content[i] ?? -1]),
        warnings: [],
      }),
    });
    const { model, cache } = cached(inner);
    const ask = async (values: string[], content: number[]) =>
      (await model.doEmbed({ values, providerOptions: { mock: { content } } })).embeddings.flat();
    for (let i = 0; i < 2; i += 1) {
      expect(await ask(['', '', 'x'], [7, 8, 9])).toEqual([7, 8, 9]);
      expect(await ask(['', '', 'x'], [7, 9, 8])).toEqual([7, 9, 8]);
      expect(await ask(['', 'x'], [8, 9])).toEqual([8, 9]);
    }
    expect(inner.doEmbedCalls.length).toBe(3);
    expect(cache.getStats().size).toBe(8);
    // Some of them gone: what the model is asked for is the whole again.
    const small = cached(inner, {}, new EmbeddingCache({ maxSize: 2 })).model;
    const call = { values: ['', '', 'x'], providerOptions: { mock: { content: [7, 8, 9] } } };
    for (let i = 0; i < 2; i += 1) expect((await small.doEmbed(call)).embeddings).toEqual([[7], [8], [9]]);
    expect(inner.doEmbedCalls.at(-1)).toMatchObject(call);
    expect(inner.doEmbedCalls.length).toBe(5);
  });

  test('gives each caller a copy of a vector', async () => {
    const { model } = cached(embedder());
    for (let i = 0; i < 3; i += 1) {
      const { embedding } = await embed({ model, value: 'x' });
      expect(embedding).toEqual([1, 120, 0.5]);
      embedding.push(1);
    }
  });

  test('says nothing of tokens where the model says nothing', async () => {
    const { model } = cached(new MockEmbeddingModelV3({ doEmbed: async () => ({ embeddings: [[1]], warnings: [] }) }));
    expect((await model.doEmbed({ values: ['x'] })).usage).toBeUndefined();
    expect((await model.doEmbed({ values: ['x'] })).usage).toEqual({ tokens: 0 });
  });

  test('works with batches that the SDK makes of many values', async () => {
    const inner = embedder({ maxEmbeddingsPerCall: 2 });
    const { model } = cached(inner);
    const values = ['a', 'b', 'c', 'd', 'e'];
    await embedMany({ model, values: ['b', 'e'] });
    const { embeddings, usage } = await embedMany({ model, values });
    expect(embeddings).toEqual(values.map((value) => [1, value.charCodeAt(0), 0.5]));
    expect(usage).toEqual({ tokens: 30 });
    expect(asked(inner).slice(1)).toEqual([['a'], ['c', 'd']]);
  });
});

describe('modes of embeddings', () => {
  test("'replay' answers what is held and asks nothing; a miss is a CacheMissError", async () => {
    const inner = embedder();
    const { model, cache } = cached(inner);
    await embed({ model, value: 'known' });
    const replay = cached(inner, { mode: 'replay' }, cache).model;
    expect((await embed({ model: replay, value: 'known' })).usage).toEqual({ tokens: 0 });
    await expect(embedMany({ model: replay, values: ['known', 'new'] })).rejects.toBeInstanceOf(CacheMissError);
    expect(asked(inner)).toEqual([['known']]);
  });

  test("'record' and 'off' ask for all; of 'off' nothing stays; for one call too; `ttl` ends what is held", async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const inner = embedder();
    const { model, cache } = cached(inner, { ttl: 20 });
    const ask = (mode: string) => embed({ model, value: 'x', providerOptions: { 'ai-evals': { mode } } });
    await ask('off');
    expect(cache.getStats().size).toBe(0);
    for (const mode of ['record', 'record', 'on', 'off']) await ask(mode);
    expect(asked(inner).length).toBe(4);
    expect(inner.doEmbedCalls.every(({ providerOptions }) => providerOptions === undefined)).toBe(true);
    vi.advanceTimersByTime(40);
    await ask('on');
    expect(asked(inner).length).toBe(5);
  });

  test('an unusable option is refused by name', async () => {
    const cache: EmbeddingCache = new EmbeddingCache();
    expect(() => embeddingCacheMiddleware({} as never)).toThrow(/^cache must be an EmbeddingCache/);
    expect(() => embeddingCacheMiddleware(cache, { mode: 'never' as never })).toThrow(/^mode must be/);
    expect(() => embeddingCacheMiddleware(cache, { ttl: -1 })).toThrow(/^ttl must be/);
    const { model } = cached(embedder());
    const asked = embed({ model, value: 'x', providerOptions: { 'ai-evals': { repeat: 1 } } });
    await expect(asked).rejects.toThrow("providerOptions['ai-evals'] must be options named mode");
    const few = cached(new MockEmbeddingModelV3({ doEmbed: async () => ({ embeddings: [], warnings: [] }) })).model;
    await expect(embed({ model: few, value: 'x' })).rejects.toThrow(/as many embeddings as texts \(1\)/);
  });
});

describe('callers of embeddings at the same time', () => {
  test('share what they both ask for; one can be aborted alone; an error reaches all, and the next asks again', async () => {
    const gate = deferred();
    const inner = new MockEmbeddingModelV3({
      maxEmbeddingsPerCall: 100,
      doEmbed: async ({ values }) => {
        await gate.promise;
        return { embeddings: values.map(() => [1]), usage: { tokens: values.length }, warnings: [] };
      },
    });
    const { model } = cached(inner);
    const controller = new AbortController();
    const first = embedMany({ model, values: ['a', 'b'], abortSignal: controller.signal, maxRetries: 0 });
    const second = embedMany({ model, values: ['b', 'c'] });
    await settled();
    controller.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(inner.doEmbedCalls[0]?.abortSignal?.aborted).toBe(false);
    gate.resolve();
    expect((await second).usage).toEqual({ tokens: 1 });
    expect(asked(inner)).toEqual([['a', 'b'], ['c']]);
  });

  test('a caller that takes over an abandoned request pays for both calls and gets both answers', async () => {
    const [theirs, ours] = [1, 2].map(() => new EmbeddingCache({ shared: 'taken over' })) as [
      EmbeddingCache,
      EmbeddingCache,
    ];
    const gate = deferred();
    const failing = new MockEmbeddingModelV3({
      doEmbed: async () => {
        await gate.promise;
        throw new Error('down');
      },
    });
    const inner = new MockEmbeddingModelV3({
      maxEmbeddingsPerCall: 100,
      doEmbed: async ({ values }) => ({
        embeddings: values.map((value) => [value.length]),
        usage: { tokens: 10 * values.length },
        warnings: [{ type: 'other', message: values.join() }],
        providerMetadata: { mock: { last: values.join() }, [`mock${values.length}`]: {} },
      }),
    });
    const first = embed({ model: cached(failing, {}, theirs).model, value: 'x', maxRetries: 0 }).catch(() => 'failed');
    await settled();
    const second = cached(inner, {}, ours).model.doEmbed({ values: ['x', 'yy', 'zzz'] });
    await settled();
    gate.resolve();
    expect(await second).toMatchObject({
      embeddings: [[1], [2], [3]],
      usage: { tokens: 30 },
      warnings: [{ message: 'yy,zzz' }, { message: 'x' }],
      providerMetadata: { mock: { last: 'x' }, mock1: {}, mock2: {}, 'ai-evals': { cached: false } },
    });
    expect([await first, asked(inner)]).toEqual(['failed', [['yy', 'zzz'], ['x']]]);
  });

  test('all get the error of a call that fails, and the next asks again', async () => {
    let calls = 0;
    const inner = new MockEmbeddingModelV3({
      doEmbed: async () => {
        calls += 1;
        if (calls === 1) throw new Error('overloaded');
        return { embeddings: [[1]], warnings: [] };
      },
    });
    const { model } = cached(inner);
    const outcomes = await Promise.allSettled([1, 2].map(() => embed({ model, value: 'x', maxRetries: 0 })));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await embed({ model, value: 'x' })).embedding).toEqual([1]);
  });
});
