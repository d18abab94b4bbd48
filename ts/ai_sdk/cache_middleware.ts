/** A `ResponseCache` as middleware of language models. */
import * as check from '../arguments.js';
import { stableKey } from '../cache/key/stable_key.js';
import type { CacheMode, LookupOptions, RepeatOptions } from '../cache/options.js';
import { checkedMode } from '../cache/options.js';
import { ResponseCache } from '../cache/response_cache.js';
import { noteCachedAnswer } from '../cached_answer.js';
import { checkedEndpoint, type EndpointOptions } from './endpoint.js';
import { LiveStream, type StreamResult } from './live_stream.js';
import {
  answerOf,
  type GenerateResult,
  isWhole,
  type ModelAnswer,
  marked,
  type StreamAnswer,
  storedResult,
} from './model_answer.js';
import { type ModelCall, type ModelCallParameters, type ModelIdentity, modelCall } from './model_call.js';
import { plainCopy } from './plain_copy.js';
import { type ReplayPace, replayedStream } from './replayed_stream.js';

/** Options of {@link cacheMiddleware}. */
export interface CacheMiddlewareOptions extends EndpointOptions {
  /** Instead of the cache's. A call can say otherwise: `providerOptions: { 'ai-evals': { mode: 'off' } }`. */
  mode?: CacheMode | undefined;
  /**
   * Number of the sample among several of one prompt, from 0 (default): each is an entry of its own. A call can say
   * otherwise: `providerOptions: { 'ai-evals': { repeat: 1 } }`.
   */
  repeat?: number | undefined;
  /** Milliseconds an answer lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
  /**
   * Decides whether an answer is worth keeping, instead of the cache's `shouldCache`. A promise is waited for. Default: an
   * answer that ended with `'tool-calls'`, or with `'stop'` and is not empty, and is JSON where `responseFormat` asks for
   * it. A stream that broke off, or had an error in it, is never kept.
   */
  shouldCache?: ((answer: ModelAnswer, params: ModelCallParameters) => boolean | PromiseLike<boolean>) | undefined;
  /** More that an answer depends on, such as a header: what it returns is part of the key. */
  key?: ((params: ModelCallParameters, model: ModelIdentity) => unknown) | undefined;
  /** Pace at which a stored stream is given again. Default: as fast as it is read. */
  replay?: ReplayPace | undefined;
}

/** Middleware for `wrapLanguageModel` of the AI SDK 5, 6 and 7. */
export interface CacheMiddleware {
  /** Each major version of the AI SDK wants its own here, and reads none. */
  // biome-ignore lint/suspicious/noExplicitAny: one middleware fits the types of all of them
  readonly specificationVersion: any;
  wrapGenerate<R>(call: {
    params: ModelCallParameters;
    model: ModelIdentity & { doGenerate(params: never): PromiseLike<R> };
  }): Promise<R>;
  wrapStream<R>(call: {
    params: ModelCallParameters;
    model: ModelIdentity & { doStream(params: never): PromiseLike<R> };
  }): Promise<R>;
}

/** Streams under way, by cache and by key: whoever asks for the same joins. */
const running = new WeakMap<object, Map<string, LiveStream>>();

/**
 * Answers the calls of a language model from `cache`, for `wrapLanguageModel({ model, middleware })`. An answer is the same
 * if provider, model, server, prompt and all settings are (not headers, not the signal); `generateText` and `streamText` have
 * entries of their own. Calls that ask for the same at the same time share one, and each can be aborted alone. What
 * came from the cache has `providerMetadata['ai-evals'].cached`.
 *
 * @throws RangeError or TypeError for an option that cannot be used.
 */
export function cacheMiddleware(cache: ResponseCache, options?: CacheMiddlewareOptions): CacheMiddleware {
  if (!(cache instanceof ResponseCache)) check.wrongType('cache', 'a ResponseCache', cache);
  const { endpoint, key, pace, shouldCache, ttl, lookup } = checked(options);
  const streams = running.get(cache) ?? new Map<string, LiveStream>();
  running.set(cache, streams);

  const taken = (kind: 'generate' | 'stream', params: ModelCallParameters, model: ModelIdentity): TakenCall => {
    const call = modelCall(kind, params, model, endpoint(model), key?.(params, model));
    return { ...call, given: params, lookup: { ...lookup, ...call.ours } };
  };

  return {
    specificationVersion: 'v3',

    async wrapGenerate<R>({ params, model }: { params: ModelCallParameters; model: ModelIdentity }): Promise<R> {
      const { doGenerate } = model as Generating;
      const call = taken('generate', params, model);
      let own: { stored: GenerateResult; result: GenerateResult } | undefined;
      const stored = await cache.getOrCompute(
        call.prompt,
        call.config,
        async ({ signal }): Promise<GenerateResult> => {
          const result = await doGenerate.call(model, { ...call.params, abortSignal: signal });
          own = { stored: storedResult(result), result };
          return own.stored;
        },
        { ...call.lookup, ttl, signal: call.signal, shouldCache: (value) => shouldCache(answerOf(value), params) },
      );
      const found = own as typeof own | undefined;
      if (stored === found?.stored) return found.result as R;
      const copy = plainCopy(stored);
      return { ...copy, providerMetadata: marked(copy.providerMetadata) } as R;
    },

    async wrapStream<R>({ params, model }: { params: ModelCallParameters; model: ModelIdentity }): Promise<R> {
      const { doStream } = model as Streaming;
      const call = taken('stream', params, model);
      const { prompt, config, signal } = call;
      const open = (stop: AbortSignal | undefined) => doStream.call(model, { ...call.params, abortSignal: stop });
      signal?.throwIfAborted();
      const mode = cache.modeOf(call.lookup);
      if (mode === 'off') return open(signal) as Promise<R>;
      const found = cache.find(prompt, config, call.lookup);
      const replayed = (stored: StreamAnswer) => {
        noteCachedAnswer();
        return { stream: replayedStream(stored.parts, pace, signal) } as R;
      };
      // In replay nothing is asked of the model, in the background neither.
      if (found !== undefined && !(found.stale && mode === 'on')) return replayed(found.value);
      const id = stableKey([prompt, call.lookup.repeat ?? 0], config);
      const underWay = streams.get(id);
      const isShared = underWay?.canBeJoined === true;
      const live = isShared ? underWay : new LiveStream(open);
      if (!isShared) keep(id, live, call);
      if (found === undefined) return live.join(signal, isShared) as Promise<R>;
      if (!isShared) live.drain();
      return replayed(found.value);
    },
  };

  /** Lets others join `live`, and stores it when it is over. */
  async function keep(id: string, live: LiveStream, { prompt, config, lookup, given }: TakenCall): Promise<void> {
    streams.set(id, live);
    const isKept = (answer: StreamAnswer | undefined) => answer !== undefined && shouldCache(answerOf(answer), given);
    let isTaken = false;
    const take = () => {
      isTaken = true;
      return live.answer;
    };
    // Not for other threads and processes to wait for, as a `generateText` is: its pace is that of who reads it.
    const options = { ...lookup, mode: 'record', ttl, shouldCache: isKept } as const;
    try {
      // One that was given up may be about to end: this one comes after it.
      while (!isTaken) await cache.getOrCompute(prompt, config, take, options);
    } catch {
      // The cache was closed meanwhile.
    }
    if (streams.get(id) === live) streams.delete(id);
  }
}

type TakenCall = ModelCall & { given: ModelCallParameters; lookup: LookupOptions & RepeatOptions };

interface Generating extends ModelIdentity {
  doGenerate(params: object): PromiseLike<GenerateResult>;
}

interface Streaming extends ModelIdentity {
  doStream(params: object): PromiseLike<StreamResult>;
}

function checked(given: CacheMiddlewareOptions | undefined) {
  const { endpoint, mode, repeat, ttl, shouldCache = isWhole, key, replay } = check.options('options', given);
  const pace = check.options('replay', replay);
  for (const name of ['initialDelayInMs', 'chunkDelayInMs'] as const) {
    if (pace[name] !== undefined) check.nonNegativeNumber(`replay.${name}`, pace[name]);
  }
  const lookup: LookupOptions & RepeatOptions = {};
  if (mode !== undefined) lookup.mode = checkedMode(mode);
  if (repeat !== undefined) lookup.repeat = check.nonNegativeInteger('repeat', repeat);
  return {
    pace,
    lookup,
    endpoint: checkedEndpoint(endpoint),
    ttl: ttl === undefined ? undefined : check.positiveNumber('ttl', ttl),
    shouldCache: check.callable('shouldCache', shouldCache),
    key: key === undefined ? undefined : check.callable('key', key),
  };
}
