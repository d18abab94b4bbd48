import { CacheMissError, ResponseCache } from '@aah/ai-evals';
import { type CacheMiddlewareOptions, cacheMiddleware } from '@aah/ai-evals/ai-sdk';
import { generateText, streamText, wrapLanguageModel } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  all,
  type CallOptions,
  controlled,
  deferred,
  echo,
  parts,
  type StreamPart,
  settled,
  streamOf,
} from './models.js';

function cached(model: MockLanguageModelV3, options?: CacheMiddlewareOptions, cache = new ResponseCache()) {
  return { cache, model: wrapLanguageModel({ model, middleware: cacheMiddleware(cache, options) }) };
}

const params: CallOptions = { prompt: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }] };
const opened = async (model: { doStream: MockLanguageModelV3['doStream'] }, more: Partial<CallOptions> = {}) =>
  (await model.doStream({ ...params, ...more })).stream;
const metadata = (given: readonly StreamPart[]) => given.find((part) => part.type === 'finish')?.providerMetadata;
const delta = (text: string): StreamPart => ({ type: 'text-delta', id: 't', delta: text });

/** A model whose streams the test gives part by part. */
function slow() {
  const streams: ReturnType<typeof controlled>[] = [];
  const inner = new MockLanguageModelV3({
    doStream: async () => {
      const made = controlled();
      streams.push(made);
      return { stream: made.stream, request: { body: 'asked' } };
    },
  });
  return { inner, streams };
}

describe('streamText through cacheMiddleware', () => {
  test('asks the model once; the second stream has the same parts, and says at its end that it was cached', async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    const first = streamText({ model, prompt: 'a b c' });
    expect(await first.text).toBe('a b c 1');
    const second = streamText({ model, prompt: 'a b c' });
    const chunks: string[] = [];
    for await (const chunk of second.textStream) chunks.push(chunk);
    expect(chunks).toEqual(['a', ' b', ' c', ' 1']);
    expect(inner.doStreamCalls.length).toBe(1);
    expect(await first.providerMetadata).toEqual({ mock: { seen: true } });
    expect(await second.providerMetadata).toEqual({ mock: { seen: true }, 'ai-evals': { cached: true } });
    expect((await second.response).timestamp).toEqual(new Date(1_700_000_000_000));
    expect(await second.usage).toEqual(await first.usage);
    expect(cache.getStats()).toMatchObject({ hits: 1, misses: 1 });
  });

  test('gives every part as it was, in order, but for the mark', async () => {
    const given = parts(['x', 'y']);
    const { model } = cached(new MockLanguageModelV3({ doStream: async () => streamOf(given) }));
    expect(await all(await opened(model))).toEqual(given);
    const hit = await all(await opened(model));
    expect(hit.slice(0, -1)).toEqual(given.slice(0, -1));
    expect(metadata(hit)).toEqual({ mock: { seen: true }, 'ai-evals': { cached: true } });
  });

  test('gives each reader copies', async () => {
    const { model } = cached(new MockLanguageModelV3({ doStream: async () => streamOf(parts(['x'])) }));
    for (let i = 0; i < 3; i += 1) {
      const found = await all(await opened(model));
      expect(found[3]).toEqual(delta('x'));
      (found[3] as { delta: string }).delta = 'changed';
      (metadata(found)?.mock as { seen: unknown }).seen ??= 'changed';
    }
  });

  test('has entries of its own: a stream has parts that an answer at once has not', async () => {
    const inner = echo();
    const { model } = cached(inner);
    expect((await generateText({ model, prompt: 'q' })).text).toBe('q 1');
    expect(await streamText({ model, prompt: 'q' }).text).toBe('q 2');
    expect((await generateText({ model, prompt: 'q' })).text).toBe('q 1');
    expect(await streamText({ model, prompt: 'q' }).text).toBe('q 2');
  });

  test('tells streams with raw chunks from those without', async () => {
    const inner = echo();
    const { model } = cached(inner);
    for (const includeRawChunks of [true, false, undefined as never, true]) {
      await all(await opened(model, { includeRawChunks }));
    }
    expect(inner.doStreamCalls.length).toBe(2);
  });

  test('passes parts on as they come, and asks the model for no more than was asked for', async () => {
    const { inner, streams } = slow();
    const { model } = cached(inner);
    const result = await model.doStream(params);
    expect(result.request).toEqual({ body: 'asked' });
    const { seen, controller } = streams[0]!;
    const reader = result.stream.getReader();
    await settled();
    expect(seen.pulls).toBe(0);
    for (const text of ['first', 'second']) {
      const read = reader.read();
      await settled();
      controller().enqueue(delta(text));
      expect(await read).toEqual({ done: false, value: delta(text) });
    }
    await settled();
    expect(seen.pulls).toBe(2);
  });

  test('gives a stored stream as fast as it is read, or at the pace it is told', async () => {
    const inner = echo();
    const cache = new ResponseCache();
    await all(await opened(cached(inner, {}, cache).model));
    const { model } = cached(inner, { replay: { initialDelayInMs: 60, chunkDelayInMs: 15 } }, cache);
    const reader = (await opened(model)).getReader();
    const start = performance.now();
    await reader.read();
    const first = performance.now() - start;
    await reader.read();
    await reader.read();
    expect(first).toBeGreaterThanOrEqual(55);
    expect(performance.now() - start - first).toBeGreaterThanOrEqual(25);
    // Leaving ends the delay.
    const pending = reader.read();
    await reader.cancel();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(inner.doStreamCalls.length).toBe(1);
  });

  test('ends a stored stream with the reason of its abort', async () => {
    const cache = new ResponseCache();
    await all(await opened(cached(echo(), {}, cache).model));
    const { model } = cached(echo(), { replay: { chunkDelayInMs: 10_000 } }, cache);
    const controller = new AbortController();
    const reader = (await opened(model, { abortSignal: controller.signal })).getReader();
    await reader.read();
    const pending = reader.read();
    controller.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
  });
});

describe('what is kept of streams', () => {
  const whole = parts(['x']);

  /** A reader that has all parts, of a stream that has not ended. */
  async function readToLastPart() {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const reader = (await opened(model)).getReader();
    const source = streams[0]!.controller();
    for (const part of whole) {
      source.enqueue(part);
      await reader.read();
    }
    return { reader, source, cache };
  }
  const broken: [string, StreamPart[], CacheMiddlewareOptions?][] = [
    ['was cut off', parts(['x'], 'length')],
    ['was filtered', parts(['x'], 'content-filter')],
    [
      'has an error in it',
      [...whole.slice(0, 4), { type: 'error', error: new Error('overloaded') }, ...whole.slice(4)],
    ],
    ['has no finish', whole.slice(0, -1)],
    ['shouldCache refuses', whole, { shouldCache: () => false }],
    ['has an error, whatever shouldCache says', [{ type: 'error', error: 1 }, ...whole], { shouldCache: () => true }],
  ];
  for (const [what, given, options] of broken) {
    test(`not one that ${what}; its reader gets all of it`, async () => {
      const inner = new MockLanguageModelV3({ doStream: async () => streamOf(given) });
      const { model, cache } = cached(inner, options);
      for (let i = 0; i < 2; i += 1) expect(await all(await opened(model))).toEqual(given);
      expect(inner.doStreamCalls.length).toBe(2);
      expect(cache.getStats().size).toBe(0);
    });
  }

  test('not one that the model breaks off: the reader gets what came, then the error', async () => {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const reader = (await opened(model)).getReader();
    streams[0]!.controller().enqueue(delta('x'));
    expect((await reader.read()).value).toEqual(delta('x'));
    streams[0]!.controller().error(new Error('connection lost'));
    await expect(reader.read()).rejects.toThrow('connection lost');
    await settled();
    expect(cache.getStats().size).toBe(0);
    await opened(model);
    expect(inner.doStreamCalls.length).toBe(2);
  });

  test('not one that breaks off after its last part, before its end', async () => {
    const { reader, source, cache } = await readToLastPart();
    source.error(new Error('connection lost'));
    await expect(reader.read()).rejects.toThrow('connection lost');
    await settled();
    expect(cache.getStats().size).toBe(0);
  });

  test('not one that the model refuses to begin', async () => {
    let calls = 0;
    const inner = new MockLanguageModelV3({
      doStream: async () => {
        calls += 1;
        if (calls === 1) throw new Error('no');
        return streamOf(whole);
      },
    });
    const { model } = cached(inner);
    await expect(opened(model)).rejects.toThrow('no');
    expect(await all(await opened(model))).toEqual(whole);
  });

  test('not one that was cancelled before its end; the model is told, with the reason', async () => {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const reader = (await opened(model)).getReader();
    streams[0]!.controller().enqueue(delta('x'));
    await reader.read();
    await reader.cancel('seen enough');
    expect(streams[0]!.seen).toMatchObject({ isCancelled: true, cancelled: 'seen enough' });
    expect(inner.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
    await settled();
    expect(cache.getStats().size).toBe(0);
  });

  test('one that was cancelled after its last part', async () => {
    const { reader, cache } = await readToLastPart();
    await reader.cancel();
    await settled();
    expect(cache.getStats().size).toBe(1);
  });

  test('a value that cannot be stored is a warning, and the stream goes on', async () => {
    const warned = deferred<Error & { code?: string }>();
    process.once('warning', warned.resolve);
    const { model } = cached(echo(), {
      shouldCache: () => {
        throw new Error('my own mistake');
      },
    });
    expect((await all(await opened(model))).length).toBe(7);
    const warning = await warned.promise;
    expect(warning.code).toBe('AI_EVALS_CACHE_NOT_STORED');
    expect(warning.message).toContain('my own mistake');
  });

  test('nothing that was cleared or deleted while it ran', async () => {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const stream = await opened(model);
    cache.clear();
    for (const part of whole) streams[0]!.controller().enqueue(part);
    streams[0]!.controller().close();
    expect(await all(stream)).toEqual(whole);
    await settled();
    expect(cache.getStats().size).toBe(0);
  });
});

describe('readers at the same time', () => {
  test('share one stream: who comes later gets all of it, and is told that it was not for him', async () => {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const first = (await opened(model)).getReader();
    const { controller } = streams[0]!;
    const whole = parts(['x', 'y']);
    for (const part of whole.slice(0, 4)) {
      controller().enqueue(part);
      await first.read();
    }
    // Through another middleware on the same cache, too.
    const second = await opened(cached(inner, {}, cache).model);
    const found = all(second);
    await settled();
    for (const part of whole.slice(4)) controller().enqueue(part);
    controller().close();
    expect((await found).slice(0, -1)).toEqual(whole.slice(0, -1));
    expect(metadata(await found)).toEqual({ mock: { seen: true }, 'ai-evals': { cached: true } });
    expect((await first.read()).value).toEqual(whole[4]);
    expect(inner.doStreamCalls.length).toBe(1);
    await settled();
    expect(cache.getStats().size).toBe(1);
  });

  test('in their hundreds share one call', async () => {
    const inner = echo();
    const { model } = cached(inner);
    const texts = await Promise.all(Array.from({ length: 200 }, () => streamText({ model, prompt: 'a b' }).text));
    expect(new Set(texts)).toEqual(new Set(['a b 1']));
    expect(inner.doStreamCalls.length).toBe(1);
  });

  test('in mode off do not', async () => {
    const { model } = cached(echo(), { mode: 'off' });
    const texts = await Promise.all([1, 2, 3].map(() => streamText({ model, prompt: 'q' }).text));
    expect(texts.sort()).toEqual(['q 1', 'q 2', 'q 3']);
  });

  test('leave alone: the first may abort or cancel, and the others read on', async () => {
    for (const how of ['abort', 'cancel']) {
      const { inner, streams } = slow();
      const { model, cache } = cached(inner);
      const controller = new AbortController();
      const first = (await opened(model, { abortSignal: controller.signal })).getReader();
      const second = all(await opened(model));
      const pending = first.read().then(
        ({ done }) => done,
        (error: Error) => error.message,
      );
      await settled();
      if (how === 'abort') controller.abort(new Error('enough'));
      else await first.cancel();
      expect(await pending).toBe(how === 'abort' ? 'enough' : true);
      expect(streams[0]!.seen.isCancelled).toBe(false);
      for (const part of parts(['x'])) streams[0]!.controller().enqueue(part);
      streams[0]!.controller().close();
      expect((await second).length).toBe(6);
      await settled();
      expect(cache.getStats().size).toBe(1);
    }
  });

  test('stop the model when the last has left; who comes then has a stream of his own', async () => {
    const { inner, streams } = slow();
    const { model, cache } = cached(inner);
    const [first, second] = [await opened(model), await opened(model)];
    await first.cancel('one');
    expect(streams[0]!.seen.isCancelled).toBe(false);
    const cancelled = second.cancel('two');
    const third = await opened(model);
    await cancelled;
    expect(streams[0]!.seen).toMatchObject({ isCancelled: true, cancelled: 'two' });
    expect(inner.doStreamCalls.length).toBe(2);
    await settled();
    const fourth = await opened(model);
    expect(inner.doStreamCalls.length).toBe(2);
    streams[1]!.controller().enqueue(delta('new'));
    for (const part of parts([])) streams[1]!.controller().enqueue(part);
    streams[1]!.controller().close();
    for (const stream of [third, fourth]) expect((await all(stream))[0]).toEqual(delta('new'));
    await settled();
    expect(cache.getStats().size).toBe(1);
  });

  test('that abort before the model has begun are let go at once; it is told when nobody waits', async () => {
    const gate = deferred();
    const made = controlled();
    const inner = new MockLanguageModelV3({ doStream: () => gate.promise.then(() => ({ stream: made.stream })) });
    const { model } = cached(inner);
    const controllers = [new AbortController(), new AbortController()];
    const asked = controllers.map(({ signal }) =>
      opened(model, { abortSignal: signal }).catch((e: Error) => e.message),
    );
    await settled();
    controllers[0]!.abort(new Error('first'));
    expect(await asked[0]).toBe('first');
    expect(inner.doStreamCalls[0]?.abortSignal?.aborted).toBe(false);
    controllers[1]!.abort(new Error('second'));
    expect(await asked[1]).toBe('second');
    expect(inner.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
    gate.resolve();
    await settled();
    expect(made.seen.isCancelled).toBe(true);
    expect(inner.doStreamCalls.length).toBe(1);
  });

  test('that are aborted while the model is being asked are let go', async () => {
    const controller = new AbortController();
    const made = controlled();
    const inner = new MockLanguageModelV3({
      doStream: async () => {
        controller.abort(new Error('too late'));
        return { stream: made.stream };
      },
    });
    const { model } = cached(inner);
    await expect(opened(model, { abortSignal: controller.signal })).rejects.toThrow('too late');
    await settled();
    expect(made.seen.isCancelled).toBe(true);
  });

  test('that were aborted before they asked ask nothing', async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    const abortSignal = AbortSignal.abort(new Error('not now'));
    await expect(opened(model, { abortSignal })).rejects.toThrow('not now');
    expect({ asked: inner.doStreamCalls.length, misses: cache.getStats().misses }).toEqual({ asked: 0, misses: 0 });
  });

  test('streamText says that it was aborted in the middle, and the model is told', async () => {
    const made = controlled();
    const inner = new MockLanguageModelV3({
      doStream: async () => {
        for (const part of parts(['x']).slice(0, 4)) made.controller().enqueue(part);
        return { stream: made.stream };
      },
    });
    const { model } = cached(inner);
    const controller = new AbortController();
    const result = streamText({ model, prompt: 'q', abortSignal: controller.signal });
    const seen: string[] = [];
    for await (const part of result.fullStream) {
      seen.push(part.type);
      if (part.type === 'text-delta') controller.abort();
    }
    expect(seen).toEqual(['start', 'start-step', 'text-start', 'text-delta', 'abort']);
    expect(made.seen.isCancelled).toBe(true);
  });
});

describe('modes of streams', () => {
  test("'replay' gives what is held and asks nothing; a miss is a CacheMissError", async () => {
    const inner = echo();
    const { model, cache } = cached(inner);
    await all(await opened(model));
    const replay = cached(inner, { mode: 'replay' }, cache).model;
    expect((await all(await opened(replay))).length).toBeGreaterThan(5);
    await expect(opened(replay, { seed: 1 })).rejects.toBeInstanceOf(CacheMissError);
    const errors: unknown[] = [];
    await streamText({
      model: replay,
      prompt: 'other',
      onError: ({ error }) => void errors.push(error),
    }).consumeStream();
    expect(errors).toEqual([expect.any(CacheMissError)]);
    expect(inner.doStreamCalls.length).toBe(1);
  });

  test("'record' asks anew and replaces; 'off' neither reads nor writes; `repeat` is another sample", async () => {
    const inner = echo();
    const { model } = cached(inner);
    const ask = (ours: Record<string, string | number> = {}) =>
      streamText({ model, prompt: 'q', providerOptions: { 'ai-evals': ours } }).text;
    expect(await ask()).toBe('q 1');
    expect(await ask({ mode: 'off' })).toBe('q 2');
    expect(await ask()).toBe('q 1');
    expect(await ask({ mode: 'record' })).toBe('q 3');
    expect(await ask()).toBe('q 3');
    expect(await ask({ repeat: 1 })).toBe('q 4');
    expect([await ask({ repeat: 1 }), await ask()]).toEqual(['q 4', 'q 3']);
    expect(inner.doStreamCalls.every(({ providerOptions }) => providerOptions === undefined)).toBe(true);
  });

  afterEach(() => void vi.useRealTimers());

  test('a stale stream is given at once, and refreshed once, in the background', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const inner = echo();
    const { model } = cached(inner, { ttl: 20 }, new ResponseCache({ staleWhileRevalidate: 60_000 }));
    const ask = () => streamText({ model, prompt: 'q' }).text;
    expect(await ask()).toBe('q 1');
    vi.advanceTimersByTime(40);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['q 1', 'q 1', 'q 1']);
    await settled();
    expect(await ask()).toBe('q 2');
    expect(inner.doStreamCalls.length).toBe(2);
  });

  test('a refresh that fails leaves the stale stream as it is', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let calls = 0;
    const inner = new MockLanguageModelV3({
      doStream: async () => {
        calls += 1;
        if (calls > 1) throw new Error('overloaded');
        return streamOf(parts(['x']));
      },
    });
    const { model } = cached(inner, { ttl: 20 }, new ResponseCache({ staleWhileRevalidate: 60_000 }));
    await all(await opened(model));
    vi.advanceTimersByTime(40);
    for (let i = 0; i < 2; i += 1) {
      expect((await all(await opened(model))).length).toBe(6);
      await settled();
    }
    expect(calls).toBe(3);
  });
});
