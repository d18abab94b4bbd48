/** Requests to the local server, checked as an OpenAI-compatible service checks them. */
import { tokens } from './rules_model.js';

/** A request the server will not answer: an HTTP status and the fields of an OpenAI error. */
export class RequestError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;

  constructor(status: number, message: string, param: string | null = null, code: string | null = null) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }
}

/** The parts of a request that the server needs. */
export interface ChatRequest {
  model: string;
  /** Tells answers to the same problem apart; `undefined` for the usual one. */
  seed: number | undefined;
  /** The text of the last message of the user. */
  problem: string;
  promptTokens: number;
  /** Upper bound of the answer. */
  maxTokens: number;
}

/** Reads the body of `POST /v1/chat/completions`; throws a {@link RequestError} that says what is wrong with it. */
export function readChatRequest(body: string, models: readonly string[]): ChatRequest {
  const request = parsed(body);
  const { model, seed } = request;
  if (typeof model !== 'string') throw new RequestError(400, 'You must provide a model.', 'model');
  if (!models.includes(model)) {
    const message = `The model '${model}' does not exist; this server has '${models.join("', '")}'.`;
    throw new RequestError(404, message, 'model', 'model_not_found');
  }
  if (request.stream) throw new RequestError(400, 'Streaming is not supported by this server.', 'stream');
  const { messages } = request;
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError(400, "'messages' must be an array of at least one message.", 'messages');
  }
  const texts = messages.map(messageText);
  const last = messages.findLastIndex((message: { role?: unknown }) => message.role === 'user');
  if (last === -1) throw new RequestError(400, "'messages' must hold a message of the user.", 'messages');
  if (seed !== undefined && seed !== null && !Number.isSafeInteger(seed)) {
    throw new RequestError(400, "'seed' must be a whole number.", 'seed');
  }
  return {
    model,
    seed: typeof seed === 'number' ? seed : undefined,
    problem: texts[last]!,
    // Four tokens around each message, as OpenAI counts them.
    promptTokens: texts.reduce((sum, text) => sum + tokens(text) + 4, 3),
    maxTokens: limit(request.max_completion_tokens ?? request.max_tokens),
  };
}

function parsed(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new RequestError(400, 'The body of the request is not valid JSON.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RequestError(400, 'The body of the request must be a JSON object.');
}

function messageText(message: unknown, index: number): string {
  const param = `messages[${index}]`;
  if (typeof message !== 'object' || message === null)
    throw new RequestError(400, `'${param}' must be an object.`, param);
  const { role, content } = message as { role?: unknown; content?: unknown };
  if (typeof role !== 'string') throw new RequestError(400, `'${param}.role' must be a string.`, `${param}.role`);
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) {
    return content
      .map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : ''))
      .join('\n');
  }
  throw new RequestError(400, `'${param}.content' must be a string or an array of parts.`, `${param}.content`);
}

function limit(maxTokens: unknown): number {
  if (maxTokens === undefined || maxTokens === null) return Number.POSITIVE_INFINITY;
  if (typeof maxTokens === 'number' && Number.isInteger(maxTokens) && maxTokens >= 1) return maxTokens;
  throw new RequestError(400, "'max_tokens' must be a whole number of at least 1.", 'max_tokens');
}
