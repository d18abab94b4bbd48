/** The ways to name a model: an id, an endpoint, a model of the AI SDK, or a provider that makes models by id. */
import { outOfRange, string, wrongType } from '../../arguments.js';
import { AiEvalsError } from '../../errors.js';
import { type AiSdkModel, AskedAiSdkModel, isAiSdkModel } from './ai_sdk_model.js';
import { ChatClient, type ChatEndpoint } from './chat_client.js';
import type { LanguageModel } from './language_model.js';

/** A model behind an OpenAI-compatible HTTP interface. */
export interface EndpointModel {
  /** The address, such as `https://api.openai.com/v1`. Default: `OPENAI_BASE_URL`, else OpenAI's. */
  baseURL?: string | undefined;
  /** The name the server knows the model by. Default: `modelId` of the task's `runnerConfig`. */
  model?: string | undefined;
  /** The key. Default: `OPENAI_API_KEY`, sent only to the default address. */
  apiKey?: string | undefined;
}

/** A function that makes a model of an id, as the providers of the AI SDK are: `openai`. */
export type ModelProvider = (modelId: string) => AiSdkModel;

/**
 * A model to ask.
 *
 * - A text is the id of a model at `OPENAI_BASE_URL`, else at OpenAI, with the key in `OPENAI_API_KEY`.
 * - An {@link EndpointModel} has an address of its own.
 * - An {@link AiSdkModel} is one of the AI SDK 5 or later.
 * - A {@link ModelProvider} makes the model that the task's `runnerConfig.modelId` names.
 */
export type ModelSource = string | EndpointModel | AiSdkModel | ModelProvider;

const OPENAI = 'https://api.openai.com/v1';

/** Returns a source, checked. */
export function checkedSource(name: string, source: unknown): ModelSource | undefined {
  if (source === undefined || typeof source === 'function' || isAiSdkModel(source)) {
    if (isAiSdkModel(source)) new AskedAiSdkModel(source);
    return source as ModelSource | undefined;
  }
  if (typeof source === 'string') return source === '' ? outOfRange(name, 'a name that is not empty', source) : source;
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    return wrongType(name, 'the id of a model, { baseURL, model }, a model of the AI SDK, or a provider of it', source);
  }
  const { baseURL, model, apiKey } = source as EndpointModel;
  if (baseURL !== undefined) chatUrl(`${name}.baseURL`, string(`${name}.baseURL`, baseURL));
  if (model !== undefined) string(`${name}.model`, model);
  if (apiKey !== undefined) checkedKey(`${name}.apiKey`, string(`${name}.apiKey`, apiKey));
  return source as EndpointModel;
}

/** Returns the id that a source has by itself. */
export function idOfSource(source: ModelSource | undefined): string | undefined {
  if (typeof source === 'string') return source;
  if (typeof source !== 'object') return undefined;
  return isAiSdkModel(source) ? source.modelId : source.model;
}

/** Returns the model of a source. `modelId` is the one that the task asks for, where the source leaves it open. */
export function modelOf(source: ModelSource | undefined, modelId: string | undefined): LanguageModel {
  if (typeof source === 'function') {
    const made: unknown = source(needed(modelId));
    if (isAiSdkModel(made)) return new AskedAiSdkModel(made);
    return wrongType('model', 'a function that returns a model of the AI SDK', made);
  }
  if (isAiSdkModel(source)) return new AskedAiSdkModel(source);
  if (typeof source === 'object') return new ChatClient(endpointOf(source, source.model ?? needed(modelId)));
  return new ChatClient(endpointOf({}, source ?? needed(modelId)));
}

function needed(modelId: string | undefined): string {
  if (modelId) return modelId;
  const message = 'no model is named: pass model to the runner, or modelId in the runnerConfig of the task';
  throw new AiEvalsError('ERR_UNSUPPORTED', message);
}

function endpointOf({ baseURL, apiKey }: EndpointModel, model: string): ChatEndpoint {
  const byEnvironment = process.env.OPENAI_BASE_URL?.trim() || OPENAI;
  const url = chatUrl(baseURL === undefined ? 'OPENAI_BASE_URL' : 'model.baseURL', baseURL ?? byEnvironment);
  // A key of the environment is for the address of the environment.
  const key = apiKey ?? (baseURL === undefined ? process.env.OPENAI_API_KEY?.trim() : undefined);
  if (key) checkedKey(apiKey === undefined ? 'OPENAI_API_KEY' : 'model.apiKey', key);
  // Only OpenAI itself does not know its models by the maker's name.
  const name = url.hostname === 'api.openai.com' ? model.replace(/^openai\//, '') : model;
  return {
    url: url.href,
    shown: url.origin + url.pathname.replace(/\/chat\/completions$/, ''),
    identity: url.href,
    apiKey: key || undefined,
    model: name,
  };
}

function chatUrl(name: string, base: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    return outOfRange(name, 'a URL such as https://api.openai.com/v1, without user and password', base);
  }
  if (!url.pathname.endsWith('/chat/completions'))
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  url.hash = '';
  return url;
}

/** A key that a header cannot hold would be quoted by the error of `fetch`. */
function checkedKey(name: string, key: string): void {
  if (!/^[\x21-\x7e]+$/.test(key)) outOfRange(name, 'made of characters that a header can hold', '[hidden]');
}
