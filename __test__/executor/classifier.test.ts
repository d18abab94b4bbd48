import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { APICallError, RetryError } from 'ai';
import { describe, expect, test } from 'vitest';
import { tasks, UNLIMITED } from './tasks.js';

type Judgement = 'again' | 'rate' | 'overload' | 'never';

/** What the executor makes of an error: retried or not, and as a refusal (which uses up no attempt) or a failure. */
async function judged(thrown: unknown): Promise<Judgement> {
  const executor = new ParallelExecutor({
    concurrency: 8,
    adaptive: true,
    rateLimit: UNLIMITED,
    retries: { maxAttempts: 2, baseDelay: 0 },
  });
  let calls = 0;
  const [result] = await executor.executeTasks(tasks(1), async () => {
    calls += 1;
    // A failure is tried twice; a refusal as often as it takes.
    if (calls <= 3) throw thrown;
    return 'answered';
  });
  if (result?.result === 'answered') return 'rate';
  return calls === 2 ? 'again' : 'never';
}

const apiCallError = (statusCode: number, body: object = {}, isRetryable?: boolean) =>
  new APICallError({
    message: `failed ${statusCode}`,
    url: 'https://api.example.com',
    requestBodyValues: {},
    statusCode,
    responseBody: JSON.stringify(body),
    ...(isRetryable === undefined ? {} : { isRetryable }),
  });
const retryError = (last: unknown) =>
  new RetryError({ message: 'Failed after 3 attempts.', reason: 'maxRetriesExceeded', errors: [new Error('x'), last] });
const named = (name: string, fields: object, message = '') => Object.assign(new Error(message), { name }, fields);

const errors: [client: string, thrown: unknown, judgement: Judgement][] = [
  ['AI SDK 429', apiCallError(429), 'rate'],
  ['AI SDK 500', apiCallError(500), 'again'],
  ['AI SDK 400', apiCallError(400), 'never'],
  ['AI SDK 400 that is retryable', apiCallError(400, {}, true), 'again'],
  ['AI SDK 503 that is not', apiCallError(503, {}, false), 'never'],
  ['AI SDK insufficient_quota', apiCallError(429, { error: { code: 'insufficient_quota' } }), 'never'],
  ['AI SDK overloaded', apiCallError(529, { error: { type: 'overloaded_error' } }), 'rate'],
  ['AI_RetryError of a 429', retryError(apiCallError(429)), 'rate'],
  ['AI_RetryError of a 503', retryError(apiCallError(503)), 'again'],
  ['AI_RetryError of a 401', retryError(apiCallError(401)), 'never'],
  ['AI_RetryError of a broken connection', retryError(new TypeError('fetch failed')), 'again'],
  ['AI_RetryError within an error', new Error('eval failed', { cause: retryError(apiCallError(429)) }), 'rate'],
  ['OpenAI 429', named('RateLimitError', { status: 429, code: 'rate_limit_exceeded', type: 'requests' }), 'rate'],
  ['OpenAI quota', named('RateLimitError', { status: 429, code: 'insufficient_quota' }), 'never'],
  ['OpenAI connection', named('APIConnectionError', {}, 'Connection error.'), 'again'],
  ['OpenAI timeout', named('APIConnectionTimeoutError', {}, 'Request timed out.'), 'again'],
  ['OpenAI bad request', named('BadRequestError', { status: 400 }, "timeout: 'x' is not of type number"), 'never'],
  [
    'Anthropic overloaded',
    named('APIError', { error: { type: 'error', error: { type: 'overloaded_error' } } }),
    'rate',
  ],
  ['Anthropic rate limit', named('APIError', { error: { error: { type: 'rate_limit_error' } } }), 'rate'],
  ['x-should-retry: false', named('APIError', { status: 500, headers: { 'x-should-retry': 'false' } }), 'never'],
  [
    'x-should-retry: true',
    named('APIError', { status: 400, headers: new Headers({ 'X-Should-Retry': 'true' }) }),
    'again',
  ],
  ['AWS throttling', named('ThrottlingException', { $metadata: { httpStatusCode: 429 } }), 'rate'],
  ['AWS throttling as 400', named('ThrottlingException', { $metadata: { httpStatusCode: 400 } }), 'rate'],
  ['AWS service down', named('ServiceUnavailableException', { $metadata: { httpStatusCode: 503 } }), 'again'],
  ['AWS validation', named('ValidationException', { $metadata: { httpStatusCode: 400 } }, 'timeout'), 'never'],
  [
    'AWS throttling marked',
    named('X', { $retryable: { throttling: true }, $metadata: { httpStatusCode: 429 } }),
    'rate',
  ],
  [
    'gRPC 8',
    Object.assign(new Error('8 RESOURCE_EXHAUSTED: quota'), { code: 8, details: 'quota', metadata: {} }),
    'rate',
  ],
  ['gRPC 14', Object.assign(new Error('14 UNAVAILABLE: gone'), { code: 14, details: 'gone' }), 'again'],
  ['gRPC 3', Object.assign(new Error('3 INVALID_ARGUMENT: timeout'), { code: 3, details: 'timeout' }), 'never'],
  ['a process that ended with 8', Object.assign(new Error('Command failed'), { code: 8 }), 'never'],
  ['Connect', named('ConnectError', { code: 14, rawMessage: 'down', metadata: new Headers() }), 'again'],
  ['Google REST', named('ApiError', {}, '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}'), 'rate'],
  [
    'axios 429',
    named('AxiosError', { isAxiosError: true, code: 'ERR_BAD_REQUEST', response: { status: 429, data: {} } }),
    'rate',
  ],
  ['axios 500', named('AxiosError', { code: 'ERR_BAD_RESPONSE', response: { status: 500 } }), 'again'],
  ['axios 404', named('AxiosError', { code: 'ERR_BAD_REQUEST', response: { status: 404 } }, 'timeout'), 'never'],
  ['axios ERR_NETWORK', named('AxiosError', { code: 'ERR_NETWORK' }, 'Network Error'), 'again'],
  ['axios timeout', named('AxiosError', { code: 'ECONNABORTED' }, 'timeout of 5000ms exceeded'), 'again'],
  [
    'axios cut off',
    named('AxiosError', { code: 'ERR_BAD_RESPONSE', response: { status: 200 } }, 'stream has been aborted'),
    'again',
  ],
  [
    'node-fetch',
    named('FetchError', { type: 'system', code: 'ECONNRESET' }, 'request failed, reason: read ECONNRESET'),
    'again',
  ],
  ['undici', new TypeError('fetch failed', { cause: named('SocketError', { code: 'UND_ERR_SOCKET' }) }), 'again'],
  ['undici in mid-body', new TypeError('terminated', { cause: new Error('other side closed') }), 'again'],
  ['happy eyeballs', new AggregateError([named('Error', { code: 'ECONNREFUSED' })], ''), 'again'],
  ['got', named('TimeoutError', { code: 'ETIMEDOUT' }, "Timeout awaiting 'request' for 1ms"), 'again'],
  ['ky', named('HTTPError', { response: { status: 429, headers: new Headers() } }), 'rate'],
  ['a cause of a cause', new Error('a', { cause: new Error('b', { cause: { statusCode: 429 } }) }), 'rate'],
  ['a text', new Error('HTTP 429'), 'rate'],
  ['a text with a status behind', new Error('Anthropic API error: 429 {}'), 'rate'],
  ['a plain text', 'API error: 503 Service Unavailable', 'again'],
  ['rate limit exceeded', new Error('rate limit exceeded'), 'rate'],
  ['a 400 with timeout in it', new Error('HTTP 400: invalid timeout'), 'never'],
  ['a mistake', new ReferenceError('timeout is not defined'), 'never'],
  ['a count', new Error('500 words expected'), 'never'],
  ['a circle', (() => { const e: { cause?: unknown } & Error = new Error('x'); e.cause = e; return e; })(), 'never'], // biome-ignore format: one line
  ['an aborted call', new DOMException('This operation was aborted', 'AbortError'), 'never'],
  ['a call out of time', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'again'],
];

describe('errors of the clients people have', () => {
  test.each(errors)('%s', async (_client, thrown, judgement) => {
    expect(await judged(thrown)).toBe(judgement);
  });
});
