/** Answers held outside this thread's heap: everything of them is data, and comes back as it was. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddingCache, ResponseCache } from '@aah/ai-evals';
import { cacheMiddleware, embeddingCacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { embedMany, wrapEmbeddingModel, wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterAll, describe, expect, test } from 'vitest';
import { runChild } from '../lifecycle/child.js';
import { all, answer, embedder, parts, streamOf } from './models.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-ai-sdk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const tiers: Record<string, () => object> = {
  'this thread’s heap': () => ({}),
  'shared memory': () => ({ shared: `ai-sdk ${++files}` }),
  'a file': () => ({ persist: join(folder, `${++files}.cache`) }),
};

class Usage {
  total = 3;
  tell() {
    return this.total;
  }
}

for (const [name, options] of Object.entries(tiers)) {
  describe(`in ${name}`, () => {
    test('an answer keeps its dates and bytes, whatever classes the provider made it of', async () => {
      const timestamp = new Date(1_700_000_000_000);
      const file = { type: 'file', mediaType: 'image/png', data: Buffer.from([1, 2, 255]) } as const;
      const given = answer('hi', 'stop', {
        content: [{ type: 'text', text: 'hi \u{1F600} \ud800' }, file],
        response: { id: 'r', timestamp, body: { stream: new ReadableStream() }, headers: {} },
        request: { body: () => 'a function' },
        providerMetadata: { mock: { usage: new Usage() as never, url: new URL('https://a.org/') as never } },
      });
      const inner = new MockLanguageModelV3({ doGenerate: async () => given });
      const cache = new ResponseCache(options());
      const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(cache) });
      const prompt = [{ role: 'user' as const, content: [{ ...file, data: new Uint8Array([9]) }] }];
      expect(await model.doGenerate({ prompt })).toBe(given);
      const hit = await model.doGenerate({ prompt });
      expect(hit.content).toEqual([given.content[0], { ...file, data: new Uint8Array([1, 2, 255]) }]);
      expect(hit.response).toEqual({ id: 'r', timestamp });
      expect(hit.response?.timestamp).toBeInstanceOf(Date);
      expect(hit.providerMetadata?.mock).toEqual({ usage: { total: 3 }, url: 'https://a.org/' });
      expect(inner.doGenerateCalls.length).toBe(1);
      cache.close();
    });

    test('a stream keeps its parts', async () => {
      const given = parts(['a', ' b', ' \u{1F600}']);
      given.splice(3, 0, { type: 'file', mediaType: 'image/png', data: new Uint8Array([1, 2]) });
      const inner = new MockLanguageModelV3({ doStream: async () => streamOf(given) });
      const cache = new ResponseCache(options());
      const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(cache) });
      await all((await model.doStream({ prompt: [] })).stream);
      const hit = await all((await model.doStream({ prompt: [] })).stream);
      expect(hit.slice(0, -1)).toEqual(given.slice(0, -1));
      expect(inner.doStreamCalls.length).toBe(1);
      cache.close();
    });

    test('embeddings are the same numbers', async () => {
      const inner = embedder({ own: 1 / 3 });
      const cache: EmbeddingCache = new EmbeddingCache(options());
      const model = wrapEmbeddingModel({ model: inner, middleware: embeddingCacheMiddleware(cache) });
      const values = ['a', 'b', 'ö'];
      const first = await embedMany({ model, values });
      const second = await embedMany({ model, values });
      expect(second.embeddings).toEqual(first.embeddings);
      expect(second.usage).toEqual({ tokens: 0 });
      expect(inner.doEmbedCalls.length).toBe(1);
      cache.close();
    });

    test('a replay of what was recorded needs no model', async () => {
      const held = options();
      const cache = new ResponseCache({ ...held, explain: true });
      const inner = new MockLanguageModelV3({ doGenerate: async () => answer('recorded') });
      await wrapLanguageModel({ model: inner, middleware: cacheMiddleware(cache) }).doGenerate({ prompt: [] });
      const replay = wrapLanguageModel({
        model: new MockLanguageModelV3(),
        middleware: cacheMiddleware(cache, { mode: 'replay' }),
      });
      expect((await replay.doGenerate({ prompt: [] })).content).toEqual([{ type: 'text', text: 'recorded' }]);
      await expect(replay.doGenerate({ prompt: [], seed: 1 })).rejects.toMatchObject({
        code: 'ERR_CACHE_MISS',
        message: expect.stringContaining('modelConfig.settings.seed'),
      });
      cache.close();
    });
  });
}

describe('two processes on one file', () => {
  const source = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    import { EmbeddingCache, ResponseCache } from '@aah/ai-evals';
    import { cacheMiddleware, embeddingCacheMiddleware } from '@aah/ai-evals/ai-sdk';
    import { embedMany, generateText, streamText, wrapEmbeddingModel, wrapLanguageModel } from 'ai';
    import { convertArrayToReadableStream, MockEmbeddingModelV3, MockLanguageModelV3 } from 'ai/test';
    const [persist, began, wait] = process.argv.slice(-3);
    const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
    const finishReason = { unified: 'stop', raw: 'stop' };
    const inner = new MockLanguageModelV3({
      doGenerate: async () => {
        writeFileSync(began, '');
        await setTimeout(Number(wait));
        return { content: [{ type: 'text', text: 'by ' + process.pid }], finishReason, usage, warnings: [] };
      },
      doStream: async () => ({
        stream: convertArrayToReadableStream([
          { type: 'text-start', id: 't' },
          { type: 'text-delta', id: 't', delta: 'streamed by ' + process.pid },
          { type: 'text-end', id: 't' },
          { type: 'finish', finishReason, usage },
        ]),
      }),
    });
    const embedder = new MockEmbeddingModelV3({
      maxEmbeddingsPerCall: 10,
      doEmbed: async ({ values }) => ({ embeddings: values.map(() => [process.pid]), warnings: [] }),
    });
    const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache({ persist })) });
    const vectors = wrapEmbeddingModel({
      model: embedder,
      middleware: embeddingCacheMiddleware(new EmbeddingCache({ persist })),
    });
    const { text } = await generateText({ model, prompt: 'q' });
    const streamed = await streamText({ model, prompt: 'q' }).text;
    const { embeddings } = await embedMany({ model: vectors, values: ['a', 'b'] });
    const asked = [inner.doGenerateCalls, inner.doStreamCalls, embedder.doEmbedCalls].map(({ length }) => length);
    console.log(JSON.stringify({ text, streamed, embeddings, asked }));
  `;
  async function run(file: string, wait = 0) {
    const { code, stdout, stderr } = await runChild(source, {
      type: 'module',
      args: [file, `${file}.began`, `${wait}`],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as { text: string; streamed: string; embeddings: number[][]; asked: number[] };
  }

  test('one after the other: the second asks no model', async () => {
    const file = join(folder, 'later.cache');
    const [first, second] = [await run(file), await run(file)];
    expect([first.asked, second.asked]).toEqual([
      [1, 1, 1],
      [0, 0, 0],
    ]);
    expect({ ...second, asked: 0 }).toEqual({ ...first, asked: 0 });
  });

  test('at the same time: the one waits for the answer of the other', async () => {
    const file = join(folder, 'together.cache');
    const first = run(file, 3000);
    while (!existsSync(`${file}.began`)) await new Promise((resolve) => setTimeout(resolve, 10));
    const second = await run(file, 3000);
    expect(second.asked[0]).toBe(0);
    expect(second.text).toBe((await first).text);
  });
});
