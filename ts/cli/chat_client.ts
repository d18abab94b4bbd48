/** One call of an OpenAI-compatible chat endpoint over HTTP. */
import { isCompleteAnswer } from '../cache/index.js';
import { packageVersion } from '../package_root.js';
import type { TokenUsage } from '../types.js';
import { toJsonText } from '../value/form.js';
import type { Endpoint } from './endpoint.js';

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

interface Completion {
  choices?: { message?: { content?: unknown; refusal?: unknown } }[];
  data?: { index?: number; embedding?: number[] }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number; total_tokens?: number };
  error?: { message?: unknown } | string;
  message?: unknown;
}

/** Asks one endpoint. Connections are kept alive between calls. */
export class ChatClient {
  readonly config: ModelConfig;
  readonly #endpoint: Endpoint;
  readonly #headers: Record<string, string>;

  constructor(endpoint: Endpoint, config: Omit<ModelConfig, 'endpoint' | 'model'>) {
    this.#endpoint = endpoint;
    this.config = { endpoint: endpoint.identity, model: endpoint.model, ...config };
    this.#headers = { 'content-type': 'application/json', 'user-agent': `ai-evals/${packageVersion()}` };
    if (endpoint.apiKey !== undefined) this.#headers.authorization = `Bearer ${endpoint.apiKey}`;
  }

  /**
   * Asks `input`: a prompt, a list of chat messages, or any other value as its JSON text. Rejects with a {@link ChatError}, or
   * with a `TypeError` when the value has no such text.
   */
  async ask(input: unknown, signal: AbortSignal): Promise<Reply> {
    const response = await this.#send(toJsonText(this.#body(input))!, signal);
    const text = await response.text().catch((error: unknown) => {
      throw this.#unreachable(error, signal);
    });
    const body = parsed(text);
    if (!response.ok) throw this.#refused(response, body, text);
    const said = body?.choices?.[0]?.message;
    if (!said) throw new ChatError('the reply holds no choices[0].message', { headers: response.headers });
    const { prompt_tokens: prompt = 0, completion_tokens: completion = 0, total_tokens } = body.usage ?? {};
    return {
      text: typeof said.content === 'string' ? said.content : typeof said.refusal === 'string' ? said.refusal : '',
      usage: { prompt, completion, total: total_tokens ?? prompt + completion },
      headers: response.headers,
      isComplete: isCompleteAnswer(body),
    };
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

  #body(input: unknown): Record<string, unknown> {
    const { model, system, temperature, maxTokens } = this.config;
    const messages = isMessages(input)
      ? input
      : [{ role: 'user', content: typeof input === 'string' ? input : toJsonText(input) }];
    // OpenAI's newer models know the bound by its new name only, most compatible servers by the old one.
    const bound = new URL(this.#endpoint.url).hostname === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens';
    return {
      model,
      messages: system === undefined ? messages : [{ role: 'system', content: system }, ...messages],
      temperature,
      [bound]: maxTokens,
    };
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

function isMessages(input: unknown): input is { role: string }[] {
  return (
    Array.isArray(input) &&
    input.length > 0 &&
    input.every((message: { role?: unknown } | null) => typeof message?.role === 'string')
  );
}
