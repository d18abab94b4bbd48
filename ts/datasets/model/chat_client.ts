/** An OpenAI-compatible chat endpoint over HTTP. */
import { isCompleteAnswer } from '../../cache/index.js';
import { tokensOf } from '../../executor/usage.js';
import { packageVersion } from '../../package_root.js';
import type { TokenUsage } from '../../types.js';
import { toJsonText } from '../../value/form.js';
import type { ChatMessage, LanguageModel, ModelReply, ModelRequest, ToolCall } from './language_model.js';

/** The address of a model. */
export interface ChatEndpoint {
  /** The URL of `POST …/chat/completions`. */
  url: string;
  /** The URL as it may be shown. */
  shown: string;
  /** The part of the key of kept answers that tells endpoints apart; the same in every run. */
  identity: string;
  apiKey: string | undefined;
  model: string;
}

/** The answer of a model. */
export interface Reply {
  text: string;
  usage: TokenUsage;
  headers: Headers;
  /** Not cut off at a limit, filtered or refused. */
  isComplete: boolean;
}

/** The vectors of some texts. */
export interface Embeddings {
  vectors: number[][];
  usage: TokenUsage;
}

/** A call that gave no answer. `status`, `code` and `headers` tell the executor whether and when to try again. */
export class ChatError extends Error {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly headers: Headers | undefined;

  constructor(
    message: string,
    facts: { status?: number; code?: string | undefined; headers?: Headers },
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = facts.status;
    this.code = facts.code;
    this.headers = facts.headers;
  }
}

/** Tells whether a call was turned away because of a limit. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ChatError && (error.status === 429 || error.status === 529);
}

/** The settings every prompt of a run is asked with; an answer is cached by them and the prompt. */
export interface ModelConfig {
  endpoint: string;
  model: string;
  system: string | undefined;
  temperature: number | undefined;
  maxTokens: number | undefined;
}

/** The settings of a client that are the same for every prompt. */
export type ChatSettings = Partial<Omit<ModelConfig, 'endpoint' | 'model'>>;

interface ToolCallForm {
  id?: unknown;
  function?: { name?: unknown; arguments?: unknown };
}

interface Completion {
  choices?: {
    message?: { content?: unknown; refusal?: unknown; tool_calls?: unknown };
    finish_reason?: unknown;
  }[];
  data?: { index?: number; embedding?: number[] }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number; total_tokens?: number };
  error?: { message?: unknown } | string;
  message?: unknown;
}

/** Asks one endpoint. Connections are kept alive between calls. */
export class ChatClient implements LanguageModel {
  readonly config: ModelConfig;
  readonly #endpoint: ChatEndpoint;
  readonly #headers: Record<string, string>;

  constructor(endpoint: ChatEndpoint, { system, temperature, maxTokens }: ChatSettings = {}) {
    this.#endpoint = endpoint;
    this.config = { endpoint: endpoint.identity, model: endpoint.model, system, temperature, maxTokens };
    this.#headers = { 'content-type': 'application/json', 'user-agent': `ai-evals/${packageVersion()}` };
    if (endpoint.apiKey !== undefined) this.#headers.authorization = `Bearer ${endpoint.apiKey}`;
  }

  get modelId(): string {
    return this.#endpoint.model;
  }

  /** The address without its query, which may hold a key. */
  get endpoint(): string {
    return this.#endpoint.identity.replace(/\?.*$/s, '');
  }

  /**
   * Asks `input`: a prompt, a list of chat messages, or any other value as its JSON text. Rejects with a {@link ChatError}, or
   * with a `TypeError` when the value has no such text.
   */
  async ask(input: unknown, signal: AbortSignal): Promise<Reply> {
    const { body, headers } = await this.#completion(this.#bodyOf(input), signal);
    const { text, usage } = replyOf(body, headers);
    return { text, usage, headers, isComplete: isCompleteAnswer(body) };
  }

  /** Asks with messages, tools and a form of the answer. Rejects as {@link ask} does. */
  async generate(request: ModelRequest): Promise<ModelReply> {
    const { messages, temperature, maxTokens, seed, tools, json, more, signal } = request;
    const { body, headers } = await this.#completion(
      {
        ...{ ...more, model: this.config.model, messages: messages.map(wireMessage), temperature, seed },
        [this.#bound]: maxTokens,
        ...(tools.length === 0 ? {} : { tools: tools.map(wireTool) }),
        ...(json === undefined ? {} : { response_format: responseFormat(json.schema) }),
      },
      signal,
    );
    return replyOf(body, headers);
  }

  /** Embeds texts by `POST …/embeddings` of the same endpoint, a vector for each, in order. Rejects as {@link ask} does. */
  async embed(texts: string[], model: string, signal: AbortSignal): Promise<Embeddings> {
    const url = this.#endpoint.url.replace(/\/chat\/completions(?=\?|$)/, '/embeddings');
    const response = await this.#send(toJsonText({ model, input: texts })!, signal, url);
    const text = await response.text().catch((error: unknown) => {
      throw this.#unreachable(error, signal);
    });
    const body = parsed(text);
    if (!response.ok) throw this.#refused(response, body, text);
    const vectors = texts.map((_, i) => body?.data?.find(({ index }) => index === i)?.embedding);
    if (!vectors.every((vector) => Array.isArray(vector))) {
      throw new ChatError('the reply holds no data[].embedding for every text', { headers: response.headers });
    }
    const total = body?.usage?.total_tokens ?? body?.usage?.prompt_tokens ?? 0;
    return { vectors, usage: { prompt: total, completion: 0, total } };
  }

  /** OpenAI's newer models know the bound of an answer by its new name only, most compatible servers by the old one. */
  get #bound(): 'max_completion_tokens' | 'max_tokens' {
    return new URL(this.#endpoint.url).hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens';
  }

  #bodyOf(input: unknown): Record<string, unknown> {
    const { model, system, temperature, maxTokens } = this.config;
    const messages = isMessages(input)
      ? input
      : [{ role: 'user', content: typeof input === 'string' ? input : toJsonText(input) }];
    return {
      model,
      messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages],
      temperature,
      [this.#bound]: maxTokens,
    };
  }

  async #completion(
    request: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<{ body: Answered; headers: Headers }> {
    const response = await this.#send(toJsonText(request)!, signal);
    const text = await response.text().catch((error: unknown) => {
      throw this.#unreachable(error, signal);
    });
    const body = parsed(text);
    if (!response.ok) throw this.#refused(response, body, text);
    const { headers } = response;
    if (!body?.choices?.[0]?.message) throw new ChatError('the reply holds no choices[0].message', { headers });
    return { body: body as Answered, headers };
  }

  async #send(body: string, signal: AbortSignal, url = this.#endpoint.url): Promise<Response> {
    try {
      return await fetch(url, { method: 'POST', headers: this.#headers, body, signal });
    } catch (error) {
      throw this.#unreachable(error, signal);
    }
  }

  #unreachable(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    // Several addresses tried: an AggregateError without a message of its own.
    const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
    const message = first instanceof Error ? first.message : String(first);
    const code = (first as NodeJS.ErrnoException).code;
    return new ChatError(this.#clean(`no answer from ${this.#endpoint.shown}: ${message}`), { code }, error);
  }

  #refused(response: Response, body: Completion | undefined, text: string): ChatError {
    const error = typeof body?.error === 'object' ? body.error.message : (body?.error ?? body?.message);
    const said = typeof error === 'string' ? error : text.trim().slice(0, 200);
    const message = this.#clean(`HTTP ${response.status}${said ? `: ${said.replaceAll(/\s+/g, ' ')}` : ''}`);
    return new ChatError(message, { status: response.status, headers: response.headers });
  }

  /** `message` without the key, should a server have repeated it. */
  #clean(message: string): string {
    const { apiKey } = this.#endpoint;
    return apiKey === undefined ? message : message.replaceAll(apiKey, '[OPENAI_API_KEY]');
  }
}

function parsed(text: string): Completion | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

type Choice = NonNullable<Completion['choices']>[number];
type Answered = Completion & { choices: [Choice & { message: NonNullable<Choice['message']> }] };

function replyOf(body: Answered, headers: Headers): ModelReply & { headers: Headers } {
  const [{ message, finish_reason: reason }] = body.choices;
  const { content, refusal, tool_calls: calls } = message;
  const tokens = tokensOf(body.usage);
  const { input: prompt, output: completion, cached } = tokens ?? { input: 0, output: 0, cached: 0 };
  const usage: TokenUsage = { prompt, completion, total: prompt + completion };
  if (cached > 0) usage.cachedPrompt = cached;
  return {
    text: typeof content === 'string' ? content : typeof refusal === 'string' ? refusal : '',
    toolCalls: Array.isArray(calls) ? calls.map(toolCallOf) : [],
    usage,
    isUsageReported: tokens !== undefined,
    finishReason: typeof reason === 'string' ? reason.replaceAll('_', '-') : 'unknown',
    headers,
  };
}

function toolCallOf(call: ToolCallForm | null, place: number): ToolCall {
  const { name, arguments: text } = call?.function ?? {};
  return {
    id: typeof call?.id === 'string' ? call.id : `call-${place + 1}`,
    name: String(name ?? ''),
    input: typeof text === 'string' ? jsonOr(text) : (text ?? {}),
  };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function wireMessage({ toolCalls, toolCallId, toolName: _, ...message }: ChatMessage): object {
  if (toolCallId !== undefined) return { ...message, tool_call_id: toolCallId };
  if (toolCalls === undefined || toolCalls.length === 0) return message;
  const calls = toolCalls.map(({ id, name, input }) => {
    const text = typeof input === 'string' ? input : toJsonText(input);
    return { id, type: 'function', function: { name, arguments: text } };
  });
  return { ...message, tool_calls: calls };
}

function wireTool({ name, description, inputSchema }: ModelRequest['tools'][number]): object {
  return { type: 'function', function: { name, description, parameters: inputSchema } };
}

function responseFormat(schema: object | undefined): object {
  return schema === undefined
    ? { type: 'json_object' }
    : { type: 'json_schema', json_schema: { name: 'answer', schema } };
}

/** Returns whether `input` is a list of chat messages. */
export function isMessages(input: unknown): input is ChatMessage[] {
  return (
    Array.isArray(input) &&
    input.length > 0 &&
    input.every((message: { role?: unknown } | null) => typeof message?.role === 'string')
  );
}
