/** An `EmbeddingCache` as middleware of embedding models. */
import * as check from '../arguments.js';
import { EmbeddingCache } from '../cache/embedding_cache.js';
import { stableKey } from '../cache/key/stable_key.js';
import type { CacheMode } from '../cache/options.js';
import { checkedMode } from '../cache/options.js';
import { checkedEndpoint, type EndpointOptions } from './endpoint.js';
import { type ModelIdentity, OURS, type ProviderOptions, splitOptions } from './model_call.js';

/** Options of {@link embeddingCacheMiddleware}. */
export interface EmbeddingCacheMiddlewareOptions extends EndpointOptions {
  /** Instead of the cache's. A call can say otherwise: `providerOptions: { 'ai-evals': { mode: 'off' } }`. */
  mode?: CacheMode | undefined;
  /** Milliseconds an embedding lives, instead of the cache's `ttl`; above 0, `Infinity` for ever. */
  ttl?: number | undefined;
}

/** Parameters that the AI SDK hands to an embedding model. */
export interface EmbedParameters {
  values: string[];
  abortSignal?: AbortSignal | undefined;
  providerOptions?: ProviderOptions | undefined;
  headers?: Record<string, string | undefined> | undefined;
}

/** Middleware for `wrapEmbeddingModel`, of the AI SDK 6 and 7 (5 has none). */
export interface EmbeddingCacheMiddleware {
  /** Each major version of the AI SDK wants its own here, and reads none. */
  // biome-ignore lint/suspicious/noExplicitAny: one middleware fits the types of all of them
  readonly specificationVersion: any;
  wrapEmbed<R>(call: {
    params: EmbedParameters;
    model: ModelIdentity & { doEmbed(params: never): PromiseLike<R> };
  }): Promise<R>;
}

/** Result of `doEmbed`. */
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
  const { endpoint, mode, ttl } = check.options('options', options);
  const serverOf = checkedEndpoint(endpoint);
  if (mode !== undefined) checkedMode(mode);
  if (ttl !== undefined) check.positiveNumber('ttl', ttl);

  return {
    specificationVersion: 'v3',

    async wrapEmbed<R>({ params, model }: { params: EmbedParameters; model: ModelIdentity }): Promise<R> {
      const { doEmbed } = model as Embedding;
      const { abortSignal, ...rest } = params;
      const { others, ours } = splitOptions(params.providerOptions, ['mode']);
      const { values } = params;
      const keys = keysOf(values, model, serverOf(model), others);
      const ask = async (asked: string[], signal: AbortSignal) => {
        const { providerOptions: _, ...call } = { ...rest, values: asked, abortSignal: signal };
        const result = await doEmbed.call(model, others === undefined ? call : { ...call, providerOptions: others });
        check.iterable('what the model answers with as embeddings', result.embeddings);
        return result;
      };
      // More than one where others gave up what they had begun to compute.
      const own: EmbedResult[] = [];
      const found = await cache.batchGetOrCompute(
        keys.texts,
        async (missing, { signal }) => {
          if (!keys.areAlone) {
            const all = await ask(values, signal);
            own.push(all);
            const { embeddings } = all;
            return missing.map((key) => embeddings[Number.parseInt(key.slice(keys.prefix.length), 10)] as number[]);
          }
          const some = await ask(
            missing.map((key) => key.slice(keys.prefix.length)),
            signal,
          );
          own.push(some);
          return some.embeddings;
        },
        { mode: ours.mode ?? mode, ttl, signal: abortSignal },
      );
      const computed = together(own);
      return {
        ...computed,
        // Copies: what the caller does to its vectors must not reach the cache.
        embeddings: keys.texts.map((key) => [...(found.get(key) as number[])]),
        providerMetadata: { ...computed.providerMetadata, [OURS]: { cached: own.length === 0 } },
      } as R;
    },
  };
}

/** Adds up the results of several calls as if they had been one; of none, nothing was spent. */
function together(results: readonly EmbedResult[]): Partial<EmbedResult> {
  const all: Partial<EmbedResult> = Object.assign({}, ...results);
  const used = results.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
  if (used.length > 0 || results.length === 0) {
    all.usage = Object.assign({}, ...used, { tokens: used.reduce((sum, { tokens }) => sum + tokens, 0) });
  }
  const warnings = results.flatMap((result) => result.warnings ?? []);
  if (warnings.length > 0 || results.length === 0) all.warnings = warnings;
  const metadata = results.map(({ providerMetadata }) => providerMetadata);
  if (metadata.some(Boolean)) all.providerMetadata = Object.assign({}, ...metadata);
  return all;
}

interface Keys {
  /** The key of each value. */
  texts: string[];
  prefix: string;
  /** True if each value's embedding depends on nothing but itself, so that some can be asked for without the others. */
  areAlone: boolean;
}

/** Returns the keys of the values. Options that may have an element for each value tie a value to its place. */
function keysOf(
  values: readonly string[],
  { provider, modelId }: ModelIdentity,
  endpoint: string | undefined,
  options?: ProviderOptions,
): Keys {
  const named = endpoint === undefined ? [provider, modelId] : [provider, modelId, { endpoint }];
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
