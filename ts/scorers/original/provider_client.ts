/** Calls to the providers that the original's scorers name, by their HTTP interfaces. */
import { AiEvalsError } from '../../errors.js';

/** Characters of a provider's error that are passed on. */
const MOST_ERROR_TEXT = 300;

/** Address and credentials of a provider. */
export interface ProviderAccess {
  apiKey: string;
  /** Base of the interface's addresses. Default the provider's own. */
  baseURL?: string | undefined;
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: object,
  signal?: AbortSignal,
): Promise<unknown> {
  const request = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
  const response = await fetch(url, signal === undefined ? request : { ...request, signal });
  if (response.ok) return await response.json();
  const text = (await response.text()).slice(0, MOST_ERROR_TEXT);
  // The executor reads the status to tell what is worth another try.
  throw Object.assign(new AiEvalsError('ERR_UNSUPPORTED', `${url} answered ${response.status}: ${text}`), {
    status: response.status,
    headers: response.headers,
  });
}

function address(baseURL: string | undefined, own: string, path: string): string {
  return `${(baseURL ?? own).replace(/\/+$/, '')}/${path}`;
}

/** Embeds texts by OpenAI's interface. */
export async function openaiEmbeddings(
  { apiKey, baseURL }: ProviderAccess,
  model: string,
  input: readonly string[],
): Promise<number[][]> {
  const url = address(baseURL, 'https://api.openai.com/v1', 'embeddings');
  const reply = await post(url, { authorization: `Bearer ${apiKey}` }, { model, input });
  const { data } = reply as { data: { index?: number; embedding: number[] }[] };
  return [...data].sort((a, b) => (a.index ?? 0) - (b.index ?? 0)).map(({ embedding }) => embedding);
}

/** A request to a chat model. */
export interface ChatRequest {
  model: string;
  prompt: string;
  temperature: number;
  /** True if the provider is to enforce JSON, where it can. */
  json: boolean;
  signal: AbortSignal;
}

/** The text of OpenAI's answer to a prompt. */
export async function openaiChat({ apiKey, baseURL }: ProviderAccess, request: ChatRequest): Promise<string> {
  const url = address(baseURL, 'https://api.openai.com/v1', 'chat/completions');
  const { model, prompt, temperature, json, signal } = request;
  const format = json ? { response_format: { type: 'json_object' } } : {};
  const body = { model, temperature, messages: [{ role: 'user', content: prompt }], ...format };
  const reply = await post(url, { authorization: `Bearer ${apiKey}` }, body, signal);
  const { choices } = reply as { choices?: { message?: { content?: string | null } }[] };
  return choices?.[0]?.message?.content ?? '';
}

/** The text of Anthropic's answer to a prompt. */
export async function anthropicChat({ apiKey, baseURL }: ProviderAccess, request: ChatRequest): Promise<string> {
  const url = address(baseURL, 'https://api.anthropic.com/v1', 'messages');
  const { model, prompt, temperature, signal } = request;
  const body = { model, temperature, max_tokens: 1024, messages: [{ role: 'user', content: prompt }] };
  const reply = await post(url, { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' }, body, signal);
  const { content } = reply as { content?: { type: string; text?: string }[] };
  return content?.map(({ text }) => text ?? '').join('') ?? '';
}
