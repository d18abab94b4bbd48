/** An `EmbeddingCache` as middleware of embedding models. */
import * as check from '../arguments.js';
import { EmbeddingCache } from '../cache/embedding_cache.js';
import { checkedMode } from '../cache/keyed_store.js';
import type { CacheMode } from '../cache/options.js';
import { stableKey } from '../cache/stable_key.js';
import { type ModelIdentity, OURS, type ProviderOptions, splitOptions } from './model_call.js';

/** Options of {@link embeddingCacheMiddleware}. */
export interface EmbeddingCacheMiddlewareOptions {
  /** Instead of the cache's. A call can say otherwise: `providerOptions: { 'ai-evals': { mode: 'off' } }`. */
  mode?: CacheMode | undefined;
  /** Milliseconds an embedding lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
}

/** What the AI SDK hands to an embedding model. */
export interface EmbedParameters {
  values: string[];
  abortSignal?: AbortSignal | undefined;
  providerOptions?: ProviderOptions | undefined;
  headers?: Record<string, string | undefined> | undefined;
}

/** What `wrapEmbeddingModel` takes, of the AI SDK 6 and 7 (5 has none). */
export interface EmbeddingCacheMiddleware {
  /** Each major version of the AI SDK wants its own here, and reads none. */
  // biome-ignore lint/suspicious/noExplicitAny: one middleware fits the types of all of them
  readonly specificationVersion: any;
  wrapEmbed<R>(call: {
    params: EmbedParameters;
    model: ModelIdentity & { doEmbed(params: never): PromiseLike<R> };
  }): Promise<R>;
}

/** What `doEmbed` answers with. */
interface EmbedResult {
  embeddings: number[][];
  usage?: { tokens: number };
  warnings?: unknown[];
  providerMetadata?: Record<string, unknown>;
}

interface Embedding extends ModelIdentity {
  doEmbed(params: object): PromiseLike<EmbedResult>;
}

/**
 * Answers the calls of an embedding model from `cache`, text by text, for `wrapEmbeddingModel({ model, middleware })`. The
 * model is asked, in one call, for the texts that are missing; `usage` counts those alone. Models, and options for the
 * provider, never share a text. `providerMetadata['ai-evals']` has `cached`: whether all of them came from the cache.
 *
 * @throws RangeError or TypeError for an option that cannot be used.
 */
export function embeddingCacheMiddleware(
  cache: EmbeddingCache,
  options?: EmbeddingCacheMiddlewareOptions,
): EmbeddingCacheMiddleware {
  if (!(cache instanceof EmbeddingCache)) check.wrongType('cache', 'an EmbeddingCache', cache);
  const { mode, ttl } = check.options('options', options);
  if (mode !== undefined) checkedMode(mode);
  if (ttl !== undefined) check.positiveNumber('ttl', ttl);

  return {
    specificationVersion: 'v3',

    async wrapEmbed<R>({ params, model }: { params: EmbedParameters; model: ModelIdentity }): Promise<R> {
      const { doEmbed } = model as Embedding;
      const { abortSignal, ...rest } = params;
      const { others, ours } = splitOptions(params.providerOptions, ['mode']);
      const { values } = params;
      const keys = keysOf(values, model, others);
      const ask = async (asked: string[], signal: AbortSignal) => {
        const { providerOptions: _, ...call } = { ...rest, values: asked, abortSignal: signal };
        const result = await doEmbed.call(model, others === undefined ? call : { ...call, providerOptions: others });
        check.iterable('what the model answers with as embeddings', result.embeddings);
        return result;
      };
      let own: EmbedResult | undefined;
      const found = await cache.batchGetOrCompute(
        keys.texts,
        async (missing, { signal }) => {
          if (!keys.areAlone) {
            own = await ask(values, signal);
            const { embeddings } = own;
            return missing.map((key) => embeddings[Number.parseInt(key.slice(keys.prefix.length), 10)] as number[]);
          }
          own = await ask(
            missing.map((key) => key.slice(keys.prefix.length)),
            signal,
          );
          return own.embeddings;
        },
        { mode: ours.mode ?? mode, ttl, signal: abortSignal },
      );
      const computed = own as EmbedResult | undefined;
      return {
        ...(computed ?? { usage: { tokens: 0 }, warnings: [] }),
        // Copies: what the caller does to its vectors must not reach the cache.
        embeddings: keys.texts.map((key) => [...(found.get(key) as number[])]),
        providerMetadata: { ...computed?.providerMetadata, [OURS]: { cached: computed === undefined } },
      } as R;
    },
  };
}

interface Keys {
  /** The key of each value. */
  texts: string[];
  prefix: string;
  /** Whether each value's embedding depends on nothing but itself, so that some can be asked for without the others. */
  areAlone: boolean;
}

/** What the values are cached as. Options that may have an element for each value tie a value to its place. */
function keysOf(values: readonly string[], { provider, modelId }: ModelIdentity, options?: ProviderOptions): Keys {
  const named = [provider, modelId];
  if (options === undefined) {
    const prefix = JSON.stringify(named);
    return { texts: values.map((value) => prefix + value), prefix, areAlone: true };
  }
  const perValue = Object.values(options)
    .flatMap((members) => Object.values(members ?? {}))
    .some((member) => Array.isArray(member) && member.length === values.length);
  const prefix = JSON.stringify([...named, perValue ? stableKey(options, values) : stableKey(options)]);
  const texts = values.map((value, place) => `${prefix}${perValue ? `${place} ` : ''}${value}`);
  return { texts, prefix, areAlone: !perValue };
}
