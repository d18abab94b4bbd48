/** Two servers behind one model name never share answers. */
import { cacheMiddleware, embeddingCacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals/performance';
import { wrapEmbeddingModel, wrapLanguageModel } from 'ai';
import { MockEmbeddingModelV3, MockLanguageModelV3 } from 'ai/test';
import { describe, expect, test } from 'vitest';
import { answer, parts, streamOf } from './models.js';

type Config = Record<string, unknown>;

/** A language model as providers make them: its server is in `config`. */
function model(text: string, config: Config | undefined) {
  const made = new MockLanguageModelV3({
    provider: 'openai.chat',
    modelId: 'gpt',
    doGenerate: async () => answer(text),
    doStream: async () => streamOf(parts([text])),
  });
  return Object.assign(made, { config });
}

/** The ways in which providers of the AI SDK 5 to 7 tell the server. */
const told: Record<string, (base: string) => Config> = {
  'config.baseURL': (base) => ({ baseURL: base }),
  'config.url': (base) => ({
    url: ({ path, modelId }: { path: string; modelId: string }) => `${base}/${modelId}${path}`,
  }),
  'config.baseUrl, a function': (base) => ({ baseUrl: () => base }),
  'config.baseURL, a URL': (base) => ({ baseURL: new URL(base) }),
};

describe.each(Object.entries(told))('a server told by %s', (_, config) => {
  test('has answers and streams of its own', async () => {
    const middleware = cacheMiddleware(new ResponseCache());
    const ask = async (base: string, text: string) => {
      const wrapped = wrapLanguageModel({ model: model(text, config(base)), middleware });
      const { content } = await wrapped.doGenerate({ prompt: [] });
      const stream = (await wrapped.doStream({ prompt: [] })).stream;
      const deltas: unknown[] = [];
      for await (const part of stream) if (part.type === 'text-delta') deltas.push(part.delta);
      return [content, deltas];
    };
    const one = await ask('http://one.test/v1', 'one');
    const other = await ask('http://other.test/v1', 'other');
    expect(one).toEqual([[{ type: 'text', text: 'one' }], ['one']]);
    expect(other).toEqual([[{ type: 'text', text: 'other' }], ['other']]);
    expect(await ask('http://one.test/v1', 'never asked')).toEqual(one);
  });

  test('has embeddings of its own', async () => {
    const middleware = embeddingCacheMiddleware(new EmbeddingCache());
    const ask = async (base: string, vector: number[]) => {
      const made = new MockEmbeddingModelV3({
        modelId: 'embed',
        doEmbed: async ({ values }) => ({ embeddings: values.map(() => vector), warnings: [] }),
      });
      const wrapped = wrapEmbeddingModel({ model: Object.assign(made, { config: config(base) }), middleware });
      return (await wrapped.doEmbed({ values: ['a'] })).embeddings;
    };
    expect(await ask('http://one.test/v1', [1])).toEqual([[1]]);
    expect(await ask('http://other.test/v1', [2])).toEqual([[2]]);
    expect(await ask('http://one.test/v1', [3])).toEqual([[1]]);
  });
});

describe('endpoint', () => {
  const ask = async (cache: ResponseCache, text: string, options: object, config?: Config) => {
    const wrapped = wrapLanguageModel({ model: model(text, config), middleware: cacheMiddleware(cache, options) });
    return (await wrapped.doGenerate({ prompt: [] })).content;
  };

  test('tells servers apart that a model does not tell', async () => {
    const cache = new ResponseCache();
    await ask(cache, 'one', { endpoint: 'one' });
    expect(await ask(cache, 'other', { endpoint: () => 'other' })).toEqual([{ type: 'text', text: 'other' }]);
    expect(await ask(cache, 'never asked', { endpoint: 'one' })).toEqual([{ type: 'text', text: 'one' }]);
  });

  test('makes one of two servers that are meant to be', async () => {
    const cache = new ResponseCache();
    await ask(cache, 'one', { endpoint: 'same' }, { baseURL: 'http://one.test' });
    expect(await ask(cache, 'other', { endpoint: 'same' }, { baseURL: 'http://other.test' })).toEqual([
      { type: 'text', text: 'one' },
    ]);
  });

  test('is the address alone: neither credentials nor a trailing slash count', async () => {
    const cache = new ResponseCache();
    await ask(cache, 'one', {}, { baseURL: 'https://user:secret@one.test/v1/?key=abc' });
    expect(await ask(cache, 'other', {}, { baseURL: 'https://one.test/v1' })).toEqual([{ type: 'text', text: 'one' }]);
  });

  test('is refused where it is neither text nor function', () => {
    expect(() => cacheMiddleware(new ResponseCache(), { endpoint: 5 as never })).toThrow(TypeError);
    expect(() => embeddingCacheMiddleware(new EmbeddingCache(), { endpoint: 5 as never })).toThrow(TypeError);
  });
});

describe('shouldCache', () => {
  const asks = async (content: object[], finishReason: string, params: object = {}) => {
    const inner = new MockLanguageModelV3({
      doGenerate: async () =>
        ({ ...answer('x'), content, finishReason: { unified: finishReason, raw: undefined } }) as never,
    });
    const wrapped = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache()) });
    for (let i = 0; i < 2; i += 1) await wrapped.doGenerate({ prompt: [], ...params });
    return inner.doGenerateCalls.length;
  };
  const text = (one: string) => [{ type: 'text', text: one }];

  test('keeps by default what is whole, and no empty text and no broken JSON', async () => {
    const json = { responseFormat: { type: 'json' } };
    expect(await asks(text('x'), 'stop')).toBe(1);
    expect(await asks(text(''), 'stop')).toBe(2);
    expect(await asks([], 'stop')).toBe(2);
    expect(await asks(text('x'), 'length')).toBe(2);
    expect(await asks([{ type: 'tool-call', toolCallId: '1', toolName: 't', input: '{}' }], 'stop')).toBe(1);
    expect(await asks(text('{"a":1}'), 'stop', json)).toBe(1);
    expect(await asks(text('{"a":'), 'stop', json)).toBe(2);
  });

  test('gets the parameters of the call', async () => {
    const asked: unknown[] = [];
    const middleware = cacheMiddleware(new ResponseCache(), {
      shouldCache: (_, { temperature }) => asked.push(temperature) > 0,
    });
    await wrapLanguageModel({ model: model('x', undefined), middleware }).doGenerate({ prompt: [], temperature: 0.5 });
    expect(asked).toEqual([0.5]);
  });
});
