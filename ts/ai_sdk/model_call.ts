/** A call of a model as middleware sees it: what names its entry, what the caller said of the cache, what the model gets. */
import * as check from '../arguments.js';
import type { CacheMode } from '../cache/options.js';
import { checkedMode } from '../cache/options.js';

/** The name under which callers give options for one call, and find what a cached result says of itself. */
export const OURS = 'ai-evals';

/** Options that providers get, by provider. */
export type ProviderOptions = Record<string, Record<string, unknown> | undefined>;

/** Parameters that the AI SDK hands to a language model: its prompt and its settings. */
export interface ModelCallParameters {
  prompt: unknown;
  headers?: Record<string, string | undefined> | undefined;
  abortSignal?: AbortSignal | undefined;
  providerOptions?: ProviderOptions | undefined;
  /** Everything else. */
  [setting: string]: unknown;
}

/** The model that is asked. */
export interface ModelIdentity {
  readonly provider: string;
  readonly modelId: string;
}

/** Options of one call, as `providerOptions['ai-evals']` has them. */
export interface OneCall {
  mode?: CacheMode;
  repeat?: number;
}

/** `providerOptions` without ours (`undefined` when nothing is left), and ours. */
export function splitOptions(
  providerOptions: ProviderOptions | undefined,
  known: readonly (keyof OneCall)[],
): { others: ProviderOptions | undefined; ours: OneCall } {
  if (providerOptions === undefined) return { others: undefined, ours: {} };
  const { [OURS]: given, ...rest } = providerOptions;
  const others = Object.keys(rest).length === 0 ? undefined : rest;
  const name = `providerOptions['${OURS}']`;
  const ours: OneCall = {};
  for (const [option, value] of Object.entries(check.options(name, given))) {
    if (value === undefined) continue;
    if (!(known as readonly string[]).includes(option)) {
      check.outOfRange(name, `options named ${known.join(' or ')}`, option);
    }
    if (option === 'mode') ours.mode = checkedMode(value);
    else ours.repeat = check.nonNegativeInteger(`${name}.repeat`, value);
  }
  return { others, ours };
}

/** A call of a language model, taken apart. */
export interface ModelCall {
  prompt: unknown;
  /** All that changes the answer besides the prompt; the second part of the key. */
  config: object;
  /** Parameters for the model: without our options, and without the caller's signal. */
  params: Omit<ModelCallParameters, 'abortSignal'>;
  signal: AbortSignal | undefined;
  ours: OneCall;
}

/** Takes a call apart. `endpoint` is the model's server, `extra` what the user adds to the key. */
export function modelCall(
  kind: 'generate' | 'stream',
  given: ModelCallParameters,
  { provider, modelId }: ModelIdentity,
  endpoint: string | undefined,
  extra: unknown,
): ModelCall {
  const { abortSignal, ...whole } = given;
  const { others, ours } = splitOptions(given.providerOptions, ['mode', 'repeat']);
  const { providerOptions: _, ...withoutOptions } = whole;
  const params = (others === undefined ? withoutOptions : { ...whole, providerOptions: others }) as typeof whole;
  // Headers carry credentials and traces. That no raw chunks are wanted is said in two ways.
  const { prompt, headers: __, includeRawChunks, ...settings } = params;
  if (includeRawChunks === true) settings.includeRawChunks = true;
  const config = { call: kind, provider, modelId, endpoint, settings, key: extra };
  return { prompt, config, params, signal: abortSignal, ours };
}
