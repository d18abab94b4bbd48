/** Whoever gets an answer may change it: nobody else gets the change, and what was paid for is not lost to a strange one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResponseCache } from '@aah/ai-evals';
import { cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterAll, describe, expect, test } from 'vitest';
import { all, answer, type CallOptions, parts, type StreamPart, streamOf } from './models.js';

const folder = mkdtempSync(join(tmpdir(), 'ai-evals-copies-'));
afterAll(() => rmSync(folder, { recursive: true }));

const params: CallOptions = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }] };
const made = () => ({
  mock: { list: [1], map: new Map([[1, { deep: 1 }]]), set: new Set([1]), floats: new Float32Array([1]) },
});
type Metadata = ReturnType<typeof made>;

function spoil({ mock }: Metadata): void {
  mock.list.push(2);
  mock.floats[0] = 2;
  (mock.map.get(1) as { deep: number }).deep = 2;
  mock.set.add(2);
}

describe.each([
  ['memory', () => ({})],
  ['shared', () => ({ shared: 'copies' })],
  ['persist', () => ({ persist: join(folder, 'c.db') })],
])('%s', (_kind, place) => {
  test('of a generateText, whoever changes it', async () => {
    const inner = new MockLanguageModelV3({
      doGenerate: async () => answer('x', 'stop', { providerMetadata: made() as never }),
    });
    const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache(place())) });
    for (let reader = 0; reader < 3; reader += 1) {
      const { providerMetadata } = await model.doGenerate(params);
      const { mock } = providerMetadata as unknown as Metadata;
      expect(mock).toEqual(made().mock);
      spoil({ mock });
    }
    expect(inner.doGenerateCalls).toHaveLength(1);
  });

  test('of a streamText, during the stream and after it', async () => {
    const finish = (given: readonly StreamPart[]) => given.findLast((part) => part.type === 'finish');
    const inner = new MockLanguageModelV3({
      doStream: async () => {
        const given = parts(['a', 'b']);
        Object.assign(finish(given) as object, { providerMetadata: made() });
        return streamOf(given);
      },
    });
    const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache(place())) });
    const streams = [await model.doStream(params), await model.doStream(params)];
    const read = async (stream: ReadableStream<StreamPart>) => {
      const given = await all(stream);
      const { providerMetadata, finishReason } = finish(given) as unknown as {
        providerMetadata: Metadata;
        finishReason: { unified: string };
      };
      expect(providerMetadata.mock).toEqual(made().mock);
      expect(finishReason.unified).toBe('stop');
      spoil(providerMetadata);
      finishReason.unified = 'error';
    };
    for (const { stream } of streams) await read(stream);
    for (let reader = 0; reader < 2; reader += 1) await read((await model.doStream(params)).stream);
    expect(inner.doStreamCalls).toHaveLength(1);
  });
});

test('an answer that cannot be copied reaches who paid for it', async () => {
  let deep: unknown[] = [];
  for (let i = 0; i < 20_000; i += 1) deep = [deep];
  const providerMetadata = { mock: { deep } } as never;
  const inner = new MockLanguageModelV3({
    doGenerate: async () => answer('x', 'stop', { providerMetadata }),
    doStream: async () =>
      streamOf([...parts(['y']).slice(0, -1), { ...parts([]).at(-1), providerMetadata } as StreamPart]),
  });
  const model = wrapLanguageModel({ model: inner, middleware: cacheMiddleware(new ResponseCache()) });
  expect((await model.doGenerate(params)).content).toEqual([{ type: 'text', text: 'x' }]);
  expect((await all((await model.doStream(params)).stream)).at(-1)?.type).toBe('finish');
});
