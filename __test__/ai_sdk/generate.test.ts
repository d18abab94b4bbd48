import { CacheMissError, ResponseCache } from '@aah/ai-evals';
import { type CacheMiddlewareOptions, cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { generateObject, generateText, jsonSchema, Output, stepCountIs, tool, wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answer, type CallOptions, deferred, echo, settled } from './models.js';

function cached(
  model: MockLanguageModelV3,
  options?: CacheMiddlewareOptions,
  cache = new ResponseCache({ explain: true }),
) {
  return { cache, model: wrapLanguageModel({ model, middleware: cacheMiddleware(cache, options) }) };
}

afterEach(() => void vi.useRealTimers());

const OFF = { 'ai-evals': { mode: 'off' } };

describe('generateText through cacheMiddleware', () => {
  test('asks the model once; the second answer is the same, and says that it was cached', async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    const first = await generateText({ model, prompt: 'hello' });
    const second = await generateText({ model, prompt: 'hello' });
    expect([first.text, second.text]).toEqual(['hello 1', 'hello 1']);
    expect(inner.doGenerateCalls.length).toBe(1);
    expect(first.providerMetadata).toBeUndefined();
    expect(second.providerMetadata).toEqual({ 'ai-evals': { cached: true } });
    expect(second.usage).toEqual(first.usage);
    expect(second.finishReason).toBe('stop');
    expect(cache.getStats()).toMatchObject({ hits: 1, misses: 1 });
  });

  test('keeps everything of an answer but the exchange with the provider', async () => {
    const timestamp = new Date(1_700_000_000_000);
    const whole = answer('hi', 'stop', {
      content: [
        { type: 'reasoning', text: 'hm', providerMetadata: { mock: { signature: 'x' } } },
        { type: 'file', mediaType: 'image/png', data: Buffer.from([1, 2, 3]) },
        { type: 'source', sourceType: 'url', id: 's', url: 'https://example.org' },
      ],
      request: { body: 'the request' },
      response: { id: 'r', modelId: 'm', timestamp, headers: { 'set-cookie': 'secret' }, body: { raw: () => 1 } },
      providerMetadata: { mock: { a: 1 } },
      warnings: [{ type: 'other', message: 'careful' }],
    });
    const params = { prompt: [] };
    const { model } = cached(new MockLanguageModelV3({ doGenerate: async () => whole }));
    expect(await model.doGenerate(params)).toBe(whole);
    const { request: _, response: __, ...kept } = whole;
    const hit = await model.doGenerate(params);
    expect(hit).toEqual({
      ...kept,
      content: [whole.content[0], { ...whole.content[1], data: new Uint8Array([1, 2, 3]) }, whole.content[2]],
      response: { id: 'r', modelId: 'm', timestamp },
      providerMetadata: { mock: { a: 1 }, 'ai-evals': { cached: true } },
    });
    expect(hit.response?.timestamp).toBeInstanceOf(Date);
  });

  test('gives each caller a copy: what one does to it reaches no other', async () => {
    const { model } = cached(echo());
    const params = { prompt: [] };
    const first = await model.doGenerate(params);
    first.content.length = 0;
    const second = await model.doGenerate(params);
    expect(second.content).toEqual([{ type: 'text', text: 'nothing 1' }]);
    (second.content[0] as { text: string }).text = 'changed';
    expect((await model.doGenerate(params)).content).toEqual([{ type: 'text', text: 'nothing 1' }]);
  });

  const base: CallOptions = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }] };
  const file = (data: Uint8Array | URL | string): CallOptions => ({
    prompt: [{ role: 'user', content: [{ type: 'file', mediaType: 'image/png', data }] }],
  });
  const different: [string, CallOptions, CallOptions][] = [
    ['the prompt', base, { prompt: [{ role: 'system', content: 'q' }] }],
    ['temperature', { ...base, temperature: 0 }, { ...base, temperature: 1 }],
    ['temperature given or not', base, { ...base, temperature: 0 }],
    ['maxOutputTokens', { ...base, maxOutputTokens: 5 }, { ...base, maxOutputTokens: 6 }],
    ['topP', base, { ...base, topP: 0.5 }],
    ['seed', base, { ...base, seed: 1 }],
    ['stopSequences', base, { ...base, stopSequences: ['.'] }],
    ['responseFormat', base, { ...base, responseFormat: { type: 'json' } }],
    ['tools', base, { ...base, tools: [{ type: 'function', name: 'f', inputSchema: { type: 'object' } }] }],
    ['toolChoice', { ...base, toolChoice: { type: 'auto' } }, { ...base, toolChoice: { type: 'none' } }],
    ['providerOptions', base, { ...base, providerOptions: { mock: { effort: 'low' } } }],
    ['a file in the prompt', file(new Uint8Array([1])), file(new Uint8Array([2]))],
    ['a URL in the prompt', file(new URL('https://a.org/1')), file(new URL('https://a.org/2'))],
    ['a setting of a later specification', base, { ...base, reasoning: 'high' } as CallOptions],
  ];
  for (const [what, a, b] of different) {
    test(`tells calls apart by ${what}`, async () => {
      const inner = echo();
      const { model } = cached(inner);
      for (const params of [a, b, equalCall(a), equalCall(b)]) await model.doGenerate(params);
      expect(inner.doGenerateCalls.length).toBe(2);
    });
  }
  /** An equal call, of other objects. */
  function equalCall(params: CallOptions): CallOptions {
    return { ...params, prompt: params.prompt.map((message) => ({ ...message })) };
  }

  const same: [string, CallOptions][] = [
    ['headers', { ...base, headers: { authorization: 'other' } }],
    ['the signal', { ...base, abortSignal: new AbortController().signal }],
    ['settings that are undefined', { ...base, temperature: undefined as never }],
    ['includeRawChunks: false', { ...base, includeRawChunks: false }],
    ['our own options', { ...base, providerOptions: { 'ai-evals': { mode: 'on' } } }],
    ['no options for any provider', { ...base, providerOptions: {} }],
  ];
  for (const [what, params] of same) {
    test(`does not tell calls apart by ${what}`, async () => {
      const inner = echo();
      const { model } = cached(inner);
      await model.doGenerate(base);
      await model.doGenerate(params);
      expect(inner.doGenerateCalls.length).toBe(1);
    });
  }

  test('tells providers and models apart, in one cache', async () => {
    const cache = new ResponseCache();
    const models = [{ modelId: 'a' }, { modelId: 'b' }, { provider: 'p', modelId: 'a' }].map((names) => echo(names));
    for (const inner of [...models, ...models]) await cached(inner, {}, cache).model.doGenerate(base);
    expect(models.map(({ doGenerateCalls }) => doGenerateCalls.length)).toEqual([1, 1, 1]);
  });

  test('adds to the key what `key` returns, which sees the call and the model', async () => {
    const inner = echo();
    const { model } = cached(inner, { key: ({ headers }, { modelId }) => [headers?.tenant, modelId] });
    const ask = (tenant: string) => generateText({ model, prompt: 'q', headers: { tenant } });
    expect([(await ask('a')).text, (await ask('b')).text, (await ask('a')).text]).toEqual(['q 1', 'q 2', 'q 1']);
  });

  test('keeps answers that ended with stop or tool-calls, and no others', async () => {
    for (const reason of ['stop', 'tool-calls', 'length', 'content-filter', 'error', 'other'] as const) {
      const inner = new MockLanguageModelV3({ doGenerate: async () => answer('x', reason) });
      const { model } = cached(inner);
      await model.doGenerate(base);
      await model.doGenerate(base);
      expect(inner.doGenerateCalls.length, reason).toBe(reason === 'stop' || reason === 'tool-calls' ? 1 : 2);
    }
  });

  test('asks `shouldCache`, with the reason as a word, usage and content', async () => {
    const seen: unknown[] = [];
    const inner = new MockLanguageModelV3({ doGenerate: async () => answer('x', 'length') });
    const { model } = cached(inner, { shouldCache: (said) => seen.push(said) > 1 });
    for (let i = 0; i < 3; i += 1) await model.doGenerate(base);
    expect(inner.doGenerateCalls.length).toBe(2);
    const { usage, content } = answer('x');
    expect(seen[0]).toEqual({ finishReason: 'length', usage, parts: content });
  });

  test('lets an answer live for `ttl`', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const inner = echo();
    const { model } = cached(inner, { ttl: 20 });
    await model.doGenerate(base);
    vi.advanceTimersByTime(40);
    await model.doGenerate(base);
    expect(inner.doGenerateCalls.length).toBe(2);
  });

  test('gives a stale answer at once while a new one is computed', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const inner = echo();
    const { model } = cached(inner, { ttl: 20 }, new ResponseCache({ staleWhileRevalidate: 60_000 }));
    await generateText({ model, prompt: 'q' });
    vi.advanceTimersByTime(40);
    const stale = await generateText({ model, prompt: 'q' });
    expect(stale.text).toBe('q 1');
    expect(stale.providerMetadata).toEqual({ 'ai-evals': { cached: true } });
    await settled();
    expect((await generateText({ model, prompt: 'q' })).text).toBe('q 2');
    expect(inner.doGenerateCalls.length).toBe(2);
  });

  test('runs tools on cached tool calls, so that a whole conversation is cached', async () => {
    let runs = 0;
    const inner = new MockLanguageModelV3({
      doGenerate: async ({ prompt }) =>
        prompt.at(-1)?.role === 'tool'
          ? answer('it is 20 degrees')
          : answer('', 'tool-calls', {
              content: [{ type: 'tool-call', toolCallId: 'c1', toolName: 'weather', input: '{"city":"Oslo"}' }],
            }),
    });
    const { model } = cached(inner);
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
      execute: async ({ city }) => {
        runs += 1;
        return { city, degrees: 20 };
      },
    });
    const ask = () => generateText({ model, prompt: 'weather?', tools: { weather }, stopWhen: stepCountIs(3) });
    const [first, second] = [await ask(), await ask()];
    expect([first.text, second.text]).toEqual(['it is 20 degrees', 'it is 20 degrees']);
    expect(second.steps.map(({ toolCalls }) => toolCalls.length)).toEqual([1, 0]);
    expect({ asked: inner.doGenerateCalls.length, runs }).toEqual({ asked: 2, runs: 2 });
  });

  test('works under generateObject and Output.object, told apart by their schema', async () => {
    const inner = new MockLanguageModelV3({ doGenerate: async () => answer('{"n":1}') });
    const { model } = cached(inner);
    const schema = jsonSchema<{ n: number }>({ type: 'object', properties: { n: { type: 'number' } } });
    const other = jsonSchema<{ n: number }>({ type: 'object', properties: { n: { type: 'integer' } } });
    for (let i = 0; i < 2; i += 1) {
      expect((await generateObject({ model, prompt: 'n?', schema })).object).toEqual({ n: 1 });
      expect((await generateText({ model, prompt: 'n?', output: Output.object({ schema: other }) })).output).toEqual({
        n: 1,
      });
    }
    expect(inner.doGenerateCalls.length).toBe(2);
  });
});

describe('modes', () => {
  test("'replay' answers what is held; a miss is a CacheMissError that says what differs, and asks nothing", async () => {
    const inner = echo();
    const cache = new ResponseCache({ explain: true });
    await generateText({ model: cached(inner, {}, cache).model, prompt: 'q', temperature: 0 });
    const { model } = cached(inner, { mode: 'replay' }, cache);
    expect((await generateText({ model, prompt: 'q', temperature: 0 })).text).toBe('q 1');
    const error = await generateText({ model, prompt: 'q', temperature: 1 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CacheMissError);
    expect((error as CacheMissError).explanation?.differences).toEqual([
      { path: 'modelConfig.settings.temperature', asked: '1', stored: '0' },
    ]);
    expect(inner.doGenerateCalls.length).toBe(1);
  });

  test("'record' asks anew and replaces; 'off' neither reads nor writes; both for one call too", async () => {
    const { model } = cached(echo());
    const ask = async (ours?: Record<string, string | number>) =>
      (await generateText({ model, prompt: 'q', ...(ours && { providerOptions: { 'ai-evals': ours } }) })).text;
    expect(await ask()).toBe('q 1');
    expect(await ask({ mode: 'off' })).toBe('q 2');
    expect(await ask()).toBe('q 1');
    expect(await ask({ mode: 'record' })).toBe('q 3');
    expect(await ask()).toBe('q 3');
    expect(await ask({ mode: 'replay' })).toBe('q 3');
  });

  test('`repeat` makes each sample of a prompt an entry of its own, for one call or for all', async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    const ask = async (repeat: number) =>
      (await generateText({ model, prompt: 'q', providerOptions: { 'ai-evals': { repeat } } })).text;
    expect([await ask(0), await ask(1), await ask(2)]).toEqual(['q 1', 'q 2', 'q 3']);
    expect([await ask(0), await ask(1), await ask(2)]).toEqual(['q 1', 'q 2', 'q 3']);
    expect((await generateText({ model: cached(inner, { repeat: 2 }, cache).model, prompt: 'q' })).text).toBe('q 3');
  });

  test('the model never sees our options, and sees those of others', async () => {
    const inner = echo();
    const { model } = cached(inner);
    await generateText({ model, prompt: 'a', providerOptions: OFF });
    await generateText({ model, prompt: 'b', providerOptions: { ...OFF, mock: { effort: 'low' } } });
    expect(inner.doGenerateCalls.map(({ providerOptions }) => providerOptions)).toEqual([
      undefined,
      { mock: { effort: 'low' } },
    ]);
  });

  test('options that cannot be used are refused, with their name', async () => {
    const cache = new ResponseCache();
    expect(() => cacheMiddleware({} as never)).toThrow(/^cache must be a ResponseCache/);
    expect(() => cacheMiddleware(cache, { mode: 'never' as never })).toThrow(RangeError);
    expect(() => cacheMiddleware(cache, { repeat: -1 })).toThrow(/^repeat must be/);
    expect(() => cacheMiddleware(cache, { ttl: 0 })).toThrow(/^ttl must be/);
    expect(() => cacheMiddleware(cache, { shouldCache: 5 as never })).toThrow(/^shouldCache must be a function/);
    expect(() => cacheMiddleware(cache, { key: 'k' as never })).toThrow(/^key must be a function/);
    expect(() => cacheMiddleware(cache, { replay: { chunkDelayInMs: -1 } })).toThrow(/^replay.chunkDelayInMs/);
    const inner = echo();
    const { model } = cached(inner);
    for (const ours of [{ mode: 'sometimes' }, { repeat: 0.5 }, { mod: 'off' }]) {
      const asked = generateText({ model, prompt: 'q', providerOptions: { 'ai-evals': ours } });
      await expect(asked).rejects.toThrow(/mode|repeat/);
    }
    expect(inner.doGenerateCalls.length).toBe(0);
  });
});

describe('callers at the same time', () => {
  /** A model that answers when it is told to. */
  function waiting() {
    const gate = deferred<ReturnType<typeof answer>>();
    const signals: AbortSignal[] = [];
    const inner = new MockLanguageModelV3({
      doGenerate: ({ abortSignal }) => {
        if (abortSignal) signals.push(abortSignal);
        const aborted = new Promise<never>((_, reject) => {
          abortSignal?.addEventListener('abort', () => reject(abortSignal.reason));
        });
        return Promise.race([gate.promise, aborted]);
      },
    });
    return { gate, signals, inner };
  }

  test('share one call of the model; those who did not make it are told so', async () => {
    const { gate, inner } = waiting();
    const { model } = cached(inner);
    const asked = Array.from({ length: 20 }, () => generateText({ model, prompt: 'q' }));
    await settled();
    gate.resolve(answer('one'));
    const results = await Promise.all(asked);
    expect(new Set(results.map(({ text }) => text))).toEqual(new Set(['one']));
    expect(results.filter(({ providerMetadata }) => providerMetadata === undefined).length).toBe(1);
    expect(inner.doGenerateCalls.length).toBe(1);
  });

  test('in mode off do not', async () => {
    const inner = echo();
    const { model } = cached(inner, { mode: 'off' });
    const results = await Promise.all([1, 2, 3].map(() => generateText({ model, prompt: 'q' })));
    expect(results.map(({ text }) => text).sort()).toEqual(['q 1', 'q 2', 'q 3']);
  });

  test('can be aborted alone, the one that made the call too', async () => {
    const { gate, signals, inner } = waiting();
    const { model } = cached(inner);
    const first = new AbortController();
    const given = generateText({ model, prompt: 'q', abortSignal: first.signal, maxRetries: 0 });
    const other = generateText({ model, prompt: 'q' });
    await settled();
    first.abort();
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    expect(signals[0]?.aborted).toBe(false);
    gate.resolve(answer('one'));
    expect((await other).text).toBe('one');
  });

  test('stop the model when all of them are aborted', async () => {
    const { signals, inner } = waiting();
    const { model } = cached(inner);
    const controllers = [new AbortController(), new AbortController()];
    const asked = controllers.map(({ signal }) =>
      generateText({ model, prompt: 'q', abortSignal: signal, maxRetries: 0 }).catch((error: Error) => error.name),
    );
    await settled();
    for (const controller of controllers) controller.abort();
    expect(await Promise.all(asked)).toEqual(['AbortError', 'AbortError']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('that were aborted before they asked ask nothing, even of the cache', async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    const asked = model.doGenerate({ prompt: [], abortSignal: AbortSignal.abort(new Error('not now')) });
    await expect(asked).rejects.toThrow('not now');
    expect(inner.doGenerateCalls.length).toBe(0);
    expect(cache.getStats().misses).toBe(0);
  });

  test('all get the error of a call that fails; it is not kept, and the next asks again', async () => {
    let calls = 0;
    const inner = new MockLanguageModelV3({
      doGenerate: async () => {
        calls += 1;
        if (calls === 1) throw new Error('overloaded');
        return answer('fine');
      },
    });
    const { model } = cached(inner);
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => generateText({ model, prompt: 'q', maxRetries: 0 })));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await generateText({ model, prompt: 'q' })).text).toBe('fine');
    expect(calls).toBe(2);
  });
});
