/** The AI SDK 5, whose models are of an older specification. */
import { ResponseCache } from '@aah/ai-evals';
import { cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { generateText, streamText, wrapLanguageModel } from 'ai-v5';
import { convertArrayToReadableStream, MockLanguageModelV2 } from 'ai-v5/test';
import { expect, test } from 'vitest';

const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };

function model(finishReason: 'stop' | 'length') {
  let calls = 0;
  const inner = new MockLanguageModelV2({
    doGenerate: async () => {
      calls += 1;
      return { content: [{ type: 'text', text: `said ${calls}` }], finishReason, usage, warnings: [] };
    },
    doStream: async () => {
      calls += 1;
      return {
        stream: convertArrayToReadableStream([
          { type: 'stream-start', warnings: [] },
          { type: 'text-start', id: 't' },
          { type: 'text-delta', id: 't', delta: `streamed ${calls}` },
          { type: 'text-end', id: 't' },
          { type: 'finish', finishReason, usage },
        ]),
      };
    },
  });
  return wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache()) });
}

test('generateText asks once, keeps the answer, and knows one that was cut off', async () => {
  const [whole, cut] = [model('stop'), model('length')];
  const ask = async (asked: typeof whole) => generateText({ model: asked, prompt: 'q' });
  expect([(await ask(whole)).text, (await ask(whole)).text]).toEqual(['said 1', 'said 1']);
  expect((await ask(whole)).providerMetadata).toEqual({ 'ai-evals': { cached: true } });
  expect((await ask(whole)).usage).toMatchObject(usage);
  expect([(await ask(cut)).text, (await ask(cut)).text]).toEqual(['said 1', 'said 2']);
});

test('streamText asks once, keeps the stream, and knows one that was cut off', async () => {
  const [whole, cut] = [model('stop'), model('length')];
  const ask = (asked: typeof whole) => streamText({ model: asked, prompt: 'q' });
  expect([await ask(whole).text, await ask(whole).text]).toEqual(['streamed 1', 'streamed 1']);
  expect(await ask(whole).providerMetadata).toEqual({ 'ai-evals': { cached: true } });
  expect([await ask(cut).text, await ask(cut).text]).toEqual(['streamed 1', 'streamed 2']);
});

test('one call can say what the cache is to do', async () => {
  const asked = model('stop');
  const ask = async (repeat: number) =>
    (await generateText({ model: asked, prompt: 'q', providerOptions: { 'ai-evals': { repeat } } })).text;
  expect([await ask(0), await ask(1), await ask(0)]).toEqual(['said 1', 'said 2', 'said 1']);
});
