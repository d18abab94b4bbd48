/** A chat endpoint that answers as a test says, and what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Asked {
  headers: IncomingHttpHeaders;
  body: { model: string; messages: { role: string; content: unknown }[]; [key: string]: unknown };
  response: ServerResponse;
}

export interface ChatServer {
  url: string;
  asked: Asked[];
  /** Resolves when so many requests have come. */
  came(count: number): Promise<void>;
}

/** A completion of `text`, or with the members given. */
export function completion(
  text: string,
  more: { message?: object; usage?: object | null; finish?: string } = {},
): object {
  return {
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, ...more.message },
        finish_reason: more.finish ?? 'stop',
      },
    ],
    ...(more.usage === null
      ? {}
      : { usage: more.usage ?? { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }),
  };
}

/** Starts a server. `answer` returns a completion, an `[status, body]`, or nothing to leave the request open. */
export async function chatServer(answer: (asked: Asked, place: number) => unknown): Promise<ChatServer> {
  const asked: Asked[] = [];
  let waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const one = {
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()) as Asked['body'],
      response,
    };
    asked.push(one);
    waiting = waiting.filter(({ count, resolve }) => asked.length < count || resolve() !== undefined);
    const said = await answer(one, asked.length - 1);
    if (said === undefined || response.destroyed) return;
    const [status, body] = Array.isArray(said) ? (said as [number, object]) : [200, said as object];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    came: (count) =>
      asked.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}
