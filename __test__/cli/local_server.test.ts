import { createRequire } from 'node:module';
import { afterEach, describe, expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { startLocalServer } =
  require('../../.facade/cli/local_model/server.js') as typeof import('../../ts/cli/local_model/server.js');
const { Quota } =
  require('../../.facade/cli/local_model/quota.js') as typeof import('../../ts/cli/local_model/quota.js');
const { answer, LOCAL_MODEL, LOCAL_MODELS } =
  require('../../.facade/cli/local_model/rules_model.js') as typeof import('../../ts/cli/local_model/rules_model.js');

/** A completion or an error, whichever came. */
interface Reply {
  object: string;
  choices: [{ message: { role: string; content: string }; finish_reason: string }];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
  error: { message: string; type: string; param: string | null; code: string | null };
}

type Server = Awaited<ReturnType<typeof startLocalServer>>;
let server: Server | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const problem = 'On which day of the week does 2024-02-29 fall? Reply with the name of the day only.';
const user = (content: unknown) => [{ role: 'user', content }];

async function post(body: unknown, path = '/chat/completions') {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', authorization: 'Bearer anything' };
  const response = await fetch(server!.url + path, { method: 'POST', headers, body: text });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Reply };
}

describe('POST /v1/chat/completions', () => {
  test('answers a chat as OpenAI does, with usage and rate-limit headers', async () => {
    server = await startLocalServer({ latencyScale: 0, busy: false });
    const { status, headers, body } = await post({ model: LOCAL_MODEL, messages: user(problem), temperature: 0 });
    expect(status).toBe(200);
    expect(body.object).toBe('chat.completion');
    expect(body.choices).toHaveLength(1);
    expect(body.choices[0].message).toMatchObject({ role: 'assistant', content: answer(problem)!.text });
    expect(body.choices[0].finish_reason).toBe('stop');
    expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens);
    expect(body.usage.prompt_tokens).toBeGreaterThan(problem.length / 5);
    expect(headers.get('x-ratelimit-limit-requests')).toBe('1800');
    expect(headers.get('x-ratelimit-remaining-requests')).toBe('1799');
    expect(Number(headers.get('x-ratelimit-remaining-tokens'))).toBe(400_000 - body.usage.total_tokens);
  });

  test('reads the last message of the user, in parts too, and honours max_tokens', async () => {
    server = await startLocalServer({ latencyScale: 0, busy: false });
    const parts = [{ type: 'text', text: problem }];
    const messages = [{ role: 'system', content: 'Be brief.' }, ...user('ignored'), ...user(parts)];
    const { body } = await post({ model: LOCAL_MODEL, messages });
    expect(body.choices[0].message.content).toBe(answer(problem)!.text);
    const cut = await post({ model: LOCAL_MODEL, messages: user(problem), max_tokens: 1 });
    expect(cut.body.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: answer(problem)!.text.slice(0, 4) },
    });
    expect(cut.body.usage.completion_tokens).toBe(1);
  });

  test('says what is wrong with a bad request in the shape of an OpenAI error', async () => {
    server = await startLocalServer({ latencyScale: 0 });
    const model = LOCAL_MODEL;
    for (const [body, status, param] of [
      ['{"model":', 400, null],
      ['[]', 400, null],
      [{ messages: user('x') }, 400, 'model'],
      [{ model: 'gpt-9', messages: user('x') }, 404, 'model'],
      [{ model }, 400, 'messages'],
      [{ model, messages: [] }, 400, 'messages'],
      [{ model, messages: [null] }, 400, 'messages[0]'],
      [{ model, messages: [{ role: 'user' }] }, 400, 'messages[0].content'],
      [{ model, messages: [{ role: 'system', content: 'x' }] }, 400, 'messages'],
      [{ model, messages: user('x'), stream: true }, 400, 'stream'],
      [{ model, messages: user('x'), max_tokens: 0 }, 400, 'max_tokens'],
    ] as const) {
      const { status: got, body: reply } = await post(body);
      expect(got, JSON.stringify(body)).toBe(status);
      expect(reply.error).toMatchObject({ type: 'invalid_request_error', param, message: expect.any(String) });
    }
    expect((await post({}, '/completions')).status).toBe(404);
    expect((await fetch(`${server.url}/chat/completions`)).status).toBe(405);
  });

  test('turns some problems away once with a 429 and says when to come again', async () => {
    server = await startLocalServer({ latencyScale: 0 });
    const days = Array.from({ length: 28 * 12 }, (_, i) =>
      new Date(Date.UTC(2024, 0, i + 1)).toISOString().slice(0, 10),
    );
    const problems = days.map((day) => `On which day of the week does ${day} fall?`);
    const busy = problems.find((text) => answer(text)!.busyAtFirst)!;
    const first = await post({ model: LOCAL_MODEL, messages: user(busy) });
    expect(first.status).toBe(429);
    expect(first.body.error).toMatchObject({ code: 'rate_limit_exceeded' });
    expect(Number(first.headers.get('retry-after-ms'))).toBeGreaterThan(0);
    expect(Number(first.headers.get('retry-after'))).toBe(1);
    expect((await post({ model: LOCAL_MODEL, messages: user(busy) })).status).toBe(200);
  });

  test('takes the time it says, and enforces the limits it has', async () => {
    const limits = { requestsPerMinute: 3, tokensPerMinute: 1e6, requestsPerSecond: 3 };
    server = await startLocalServer({ busy: false, limits });
    const start = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => post({ model: LOCAL_MODEL, messages: user(problem) })),
    );
    expect(performance.now() - start).toBeGreaterThanOrEqual(answer(problem)!.time - 2);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429, 429]);
    expect(server.counts).toEqual({ requests: 5, answered: 3, turnedAway: 2 });
  });
});

test('GET /v1/models lists the local models', async () => {
  server = await startLocalServer();
  const body = await (await fetch(`${server.url}/models`)).json();
  expect(body).toMatchObject({ object: 'list', data: LOCAL_MODELS.map((id) => ({ id, object: 'model' })) });
});

describe('the quota of the local server, on virtual time', () => {
  const admitted = { admitted: true };
  test('admits no more than its limits in any window and says when the next fits', () => {
    const quota = new Quota({ requestsPerMinute: 4, tokensPerMinute: 100, requestsPerSecond: 2 });
    expect(quota.admit(0, 10)).toEqual(admitted);
    expect(quota.admit(100, 10)).toEqual(admitted);
    expect(quota.admit(200, 10)).toEqual({ admitted: false, retryAfter: 800, reason: 'requests' });
    expect(quota.admit(1000, 80)).toEqual(admitted);
    expect(quota.admit(1100, 1)).toEqual({ admitted: false, retryAfter: 58_900, reason: 'tokens' });
    expect(quota.admit(60_000, 1)).toEqual(admitted);
    expect(quota.headers(60_000)).toMatchObject({
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-remaining-tokens': '9',
      'x-ratelimit-reset-requests': '60000ms',
    });
  });

  test('a request above the whole token limit runs alone', () => {
    const quota = new Quota({ requestsPerMinute: 100, tokensPerMinute: 100, requestsPerSecond: 100 });
    expect(quota.admit(0, 500)).toEqual(admitted);
    expect(quota.admit(1, 1)).toEqual({ admitted: false, retryAfter: 59_999, reason: 'tokens' });
    expect(quota.admit(60_000, 500)).toEqual(admitted);
  });
});
