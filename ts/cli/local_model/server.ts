/**
 * The local model behind HTTP: a small OpenAI-compatible server on 127.0.0.1, for runs that need no account, cost nothing
 * and repeat exactly. It enforces real limits, sends `x-ratelimit-*` headers and 429s with `retry-after`, and takes the
 * time a hosted model would.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ChatRequest, RequestError, readChatRequest } from './chat_request.js';
import { Quota, type QuotaLimits } from './quota.js';
import { answer, LOCAL_MODELS, tokens, UNKNOWN_KIND } from './rules_model.js';

/** The limits of the local server unless others are given: those of a small paid account. */
export const LOCAL_LIMITS: QuotaLimits = { requestsPerMinute: 1800, tokensPerMinute: 400_000, requestsPerSecond: 32 };

export interface LocalServerOptions {
  /** TCP port. Default 0: any free one. */
  port?: number | undefined;
  /** Factor on the time answers take. Default 1; 0 answers at once. */
  latencyScale?: number | undefined;
  /** Default {@link LOCAL_LIMITS}. */
  limits?: QuotaLimits | undefined;
  /** Turns some first attempts away with a 429. Default true. */
  busy?: boolean | undefined;
}

/** A running server. */
export interface LocalServer {
  /** The base URL a client is configured with, for instance `http://127.0.0.1:40123/v1`. */
  readonly url: string;
  /** Numbers of requests so far. */
  readonly counts: { requests: number; answered: number; turnedAway: number };
  /** Drops every connection and frees the port. */
  close(): Promise<void>;
}

const LARGEST_BODY = 10 * 1024 * 1024;
/** The most problems that are remembered as turned away once; far beyond any dataset it is meant for. */
const MOST_REMEMBERED = 100_000;

/** Starts the server; resolves once it listens. */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  const { port = 0, latencyScale = 1, limits = LOCAL_LIMITS, busy = true } = options;
  const service = new ChatService(new Quota(limits), latencyScale, busy);
  const server = createServer((request, response) => {
    service.handle(request, response).catch((error: unknown) => sendError(response, error));
  });
  // Longer than any pause of a client between two requests, so that it never writes to a connection just closed.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    counts: service.counts,
    close: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class ChatService {
  readonly counts = { requests: 0, answered: 0, turnedAway: 0 };
  readonly #quota: Quota;
  readonly #latencyScale: number;
  readonly #busy: boolean;
  readonly #turnedAwayOnce = new Set<string>();

  constructor(quota: Quota, latencyScale: number, busy: boolean) {
    this.#quota = quota;
    this.#latencyScale = latencyScale;
    this.#busy = busy;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
    const route = `${request.method} ${path}`;
    if (route === 'GET /v1/models') {
      const data = LOCAL_MODELS.map((id) => ({ id, object: 'model', created: 1_735_689_600, owned_by: 'ai-evals' }));
      return send(response, 200, { object: 'list', data });
    }
    if (path !== '/v1/chat/completions') throw new RequestError(404, `There is no ${route}.`);
    if (request.method !== 'POST') throw new RequestError(405, `Use POST, not ${request.method}, for ${path}.`);
    this.counts.requests += 1;
    await this.#complete(readChatRequest(await bodyOf(request), LOCAL_MODELS), response);
  }

  async #complete(chat: ChatRequest, response: ServerResponse): Promise<void> {
    const { model, problem, seed } = chat;
    const said = answer(problem, model, seed);
    if (!said) throw new RequestError(422, `${UNKNOWN_KIND}.`, 'messages', 'unknown_kind');
    const question = JSON.stringify([model, seed, problem]);
    if (this.#busy && said.busyAtFirst && !this.#turnedAwayOnce.has(question)) {
      if (this.#turnedAwayOnce.size >= MOST_REMEMBERED) this.#turnedAwayOnce.clear();
      this.#turnedAwayOnce.add(question);
      return this.#turnAway(response, 400, 'The service is busy. Please try again.');
    }
    const length = Math.min(tokens(said.text), chat.maxTokens);
    const usage = { prompt_tokens: chat.promptTokens, completion_tokens: length };
    const total = usage.prompt_tokens + usage.completion_tokens;
    const admission = this.#quota.admit(performance.now(), total);
    if (!admission.admitted) {
      return this.#turnAway(response, admission.retryAfter, `Rate limit reached for ${admission.reason} per minute.`);
    }
    await waitFor(said.time * this.#latencyScale, response);
    if (response.destroyed) return;
    this.counts.answered += 1;
    const cut = length < tokens(said.text);
    const message = { role: 'assistant', content: cut ? said.text.slice(0, length * 4) : said.text, refusal: null };
    const completion = {
      id: `chatcmpl-${this.counts.answered}`,
      object: 'chat.completion',
      created: Math.floor(Date.now() / 1000),
      model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: cut ? 'length' : 'stop' }],
      usage: { ...usage, total_tokens: total },
    };
    send(response, 200, completion, this.#quota.headers(performance.now()));
  }

  #turnAway(response: ServerResponse, retryAfter: number, message: string): void {
    this.counts.turnedAway += 1;
    const ms = Math.ceil(retryAfter);
    send(response, 429, errorBody(message, 'requests', 'rate_limit_exceeded'), {
      ...this.#quota.headers(performance.now()),
      'retry-after': String(Math.ceil(ms / 1000)),
      'retry-after-ms': String(ms),
    });
  }
}

/** Waits `ms`, or less when the client goes away. */
function waitFor(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw new RequestError(413, `A request may have at most ${LARGEST_BODY} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorBody(message: string, type: string, code: string | null, param: string | null = null): object {
  return { error: { message, type, param, code } };
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return;
  if (error instanceof RequestError) {
    send(response, error.status, errorBody(error.message, 'invalid_request_error', error.code, error.param));
  } else {
    send(response, 500, errorBody('The server had an error.', 'server_error', null));
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
