/** Models of the Vercel AI SDK 5 and later, asked without the SDK itself. */

import { reasonWord } from '../../cache/complete_answer.js';
import { AiEvalsError } from '../../errors.js';
import type { HeadersLike } from '../../executor/index.js';
import { tokensOf } from '../../executor/usage.js';
import type { TokenUsage } from '../../types.js';
import type { ChatMessage, LanguageModel, ModelReply, ModelRequest, ToolCall } from './language_model.js';

/** A language model of the AI SDK 5 or later, such as `openai('gpt-4o')`. */
export interface AiSdkModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  // biome-ignore lint/suspicious/noExplicitAny: each major version of the SDK has types of its own
  doGenerate(options: any): PromiseLike<any>;
}

/** A part of an answer. */
interface Part {
  type?: unknown;
  text?: unknown;
  toolCallId?: unknown;
  toolName?: unknown;
  input?: unknown;
}

/** Returns whether `value` is a model of the AI SDK. */
export function isAiSdkModel(value: unknown): value is AiSdkModel {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Partial<AiSdkModel>).doGenerate === 'function' && 'modelId' in value;
}

/** A model of the AI SDK as runners ask it. */
export class AskedAiSdkModel implements LanguageModel {
  readonly #model: AiSdkModel;

  /** Throws `ERR_UNSUPPORTED` for a model of the AI SDK 4, which is asked in another way. */
  constructor(model: AiSdkModel) {
    this.#model = model;
    if (model.specificationVersion !== 'v1') return;
    const message = `model ${model.modelId} is of the AI SDK 4 (specification v1); use a provider for the AI SDK 5 or later`;
    throw new AiEvalsError('ERR_UNSUPPORTED', message);
  }

  get modelId(): string {
    return this.#model.modelId;
  }

  get endpoint(): string {
    return this.#model.provider;
  }

  async generate(request: ModelRequest): Promise<ModelReply> {
    const { messages, temperature, maxTokens, seed, tools, json, more, signal } = request;
    const given: unknown = await this.#model.doGenerate({
      ...more,
      prompt: messages.map(promptMessage),
      ...(temperature === undefined ? {} : { temperature }),
      ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
      ...(seed === undefined ? {} : { seed }),
      ...(tools.length === 0
        ? {}
        : { tools: tools.map((tool) => ({ type: 'function', ...tool })), toolChoice: { type: 'auto' } }),
      ...(json === undefined
        ? {}
        : { responseFormat: { type: 'json', ...(json.schema ? { schema: json.schema } : {}) } }),
      abortSignal: signal,
    });
    return replyOf(given);
  }
}

function replyOf(given: unknown): ModelReply {
  const { content, finishReason, usage, response } = given as {
    content?: unknown;
    finishReason?: unknown;
    usage?: unknown;
    response?: { headers?: HeadersLike };
  };
  const parts = (Array.isArray(content) ? content : []) as Part[];
  const tokens = tokensOf(usage);
  const { input: prompt, output: completion, cached } = tokens ?? { input: 0, output: 0, cached: 0 };
  const told: TokenUsage = { prompt, completion, total: prompt + completion };
  if (cached > 0) told.cachedPrompt = cached;
  return {
    text: parts
      .filter(({ type }) => type === 'text')
      .map(({ text }) => String(text))
      .join(''),
    toolCalls: parts.filter(({ type }) => type === 'tool-call').map(toolCallOf),
    usage: told,
    isUsageReported: tokens !== undefined,
    finishReason: reasonWord(finishReason) ?? 'unknown',
    headers: response?.headers,
  };
}

function toolCallOf({ toolCallId, toolName, input }: Part, place: number): ToolCall {
  let parsed = input;
  if (typeof input === 'string') {
    try {
      parsed = JSON.parse(input) as unknown;
    } catch {
      // Arguments that are no JSON are handed on as they are.
    }
  }
  return { id: String(toolCallId ?? `call-${place + 1}`), name: String(toolName), input: parsed };
}

/** A message in the form of the SDK's model interface. */
function promptMessage({ role, content, toolCalls = [], toolCallId, toolName }: ChatMessage): object {
  if (role === 'system' || role === 'developer') return { role: 'system', content: textOf(content) };
  if (role === 'tool') {
    const output = { type: 'text', value: textOf(content) };
    return { role, content: [{ type: 'tool-result', toolCallId, toolName, output }] };
  }
  const parts =
    typeof content === 'string' ? (content === '' ? [] : [{ type: 'text', text: content }]) : (content ?? []);
  if (role === 'user') return { role, content: parts };
  const calls = toolCalls.map(({ id, name, input }) => {
    return { type: 'tool-call', toolCallId: id, toolName: name, input };
  });
  return { role, content: [...parts, ...calls] };
}

function textOf(content: ChatMessage['content']): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => String((part as Part | null)?.text ?? '')).join('\n');
}
