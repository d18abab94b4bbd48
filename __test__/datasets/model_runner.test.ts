import { once } from 'node:events';
import { ParallelExecutor } from '@aah/ai-evals';
import { ChatError, type ModelRunnerOptions, modelRunner } from '@aah/ai-evals/datasets';
import { MockLanguageModelV3 } from 'ai/test';
import { MockLanguageModelV2 } from 'ai-v5/test';
import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import { z } from 'zod';
import { chatServer, completion } from './chat_server.js';

const testCase = { id: 'a', input: { question: 'why?' }, expected: 'so', metadata: { category: 'c' } };
const task = { id: 't', testCase, runnerConfig: { modelId: 'm' } };

afterEach(() => void vi.unstubAllEnvs());

const usage3 = {
  inputTokens: { total: 1000, noCache: 800, cacheRead: 200, cacheWrite: undefined },
  outputTokens: { total: 100, text: 100, reasoning: undefined },
};
const usage2 = { inputTokens: 1000, outputTokens: 100, totalTokens: 1100, cachedInputTokens: 200 };

const sdkModels = {
  'AI SDK 6': (modelId: string, text = 'said') =>
    new MockLanguageModelV3({
      modelId,
      doGenerate: async () => ({
        ...{ content: [{ type: 'text' as const, text }], usage: usage3, warnings: [] },
        finishReason: { unified: 'stop' as const, raw: 'stop' },
      }),
    }),
  'AI SDK 5': (modelId: string, text = 'said') =>
    new MockLanguageModelV2({
      modelId,
      doGenerate: async () => ({
        ...{ content: [{ type: 'text' as const, text }], usage: usage2, warnings: [] },
        finishReason: 'stop' as const,
      }),
    }),
};

describe.each(Object.entries(sdkModels))('modelRunner over a model of the %s', (_, made) => {
  test('reports the tokens that were used, and what they cost', async () => {
    const model = made('gpt-4o');
    const { actual, metadata } = await modelRunner({ model, prompt: '{{input.question}}' })(task);
    expect(actual).toBe('said');
    expect(metadata.tokenUsage).toEqual({ prompt: 1000, completion: 100, total: 1100, cachedPrompt: 200 });
    // 800 tokens at 2.50, 200 at 1.25 and 100 at 10 dollars a million.
    expect(metadata.cost).toBeCloseTo(0.002 + 0.00025 + 0.001, 12);
    expect(metadata).toMatchObject({ modelId: 'm', finishReason: 'stop', usageReported: true });
  });

  test('sends maxTokens, temperature and seed, from the task before the options before the defaults', async () => {
    const model = made('x');
    await modelRunner({ model })(task);
    await modelRunner({ model, temperature: 0, maxTokens: 9, seed: 5 })({ ...task, repeat: 2 });
    const runnerConfig = { modelId: 'x', temperature: 1, maxTokens: 3, additionalParams: { topP: 0.5 } };
    await modelRunner({ model, temperature: 0 })({ ...task, runnerConfig });
    await modelRunner({ model, temperature: null, maxTokens: null })(task);
    const sent = model.doGenerateCalls.map(({ maxOutputTokens, temperature, seed, topP }) => {
      return [maxOutputTokens, temperature, seed, topP];
    });
    expect(sent).toEqual([
      [2000, 0.7, undefined, undefined],
      [9, 0, 7, undefined],
      [3, 1, undefined, 0.5],
      [undefined, undefined, undefined, undefined],
    ]);
  });

  test('leaves the cost of an unknown model out, and takes prices that are given', async () => {
    const model = made('brand-new');
    const unknown = await modelRunner({ model })(task);
    expect(unknown.metadata).not.toHaveProperty('cost');
    const priced = await modelRunner({ model, prices: { 'brand-new': { input: 1, output: 10 } } })(task);
    expect(priced.metadata.cost).toBeCloseTo(0.001 + 0.001, 12);
  });

  test('aborts the call when the task is aborted, and does not wait for a model that goes on', async () => {
    const stop = new AbortController();
    const model = made('x');
    let told: AbortSignal | undefined;
    model.doGenerate = ((options: { abortSignal: AbortSignal }) => {
      told = options.abortSignal;
      return new Promise(() => {});
    }) as never;
    const run = modelRunner({ model })(task, { signal: stop.signal });
    await vi.waitFor(() => expect(told).toBeDefined());
    stop.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    expect(told?.aborted).toBe(true);
  });

  test('aborts the call at its timeout', async () => {
    const model = made('x');
    let told: AbortSignal | undefined;
    model.doGenerate = ((options: { abortSignal: AbortSignal }) => {
      told = options.abortSignal;
      return new Promise(() => {});
    }) as never;
    await expect(modelRunner({ model, timeout: 5 })(task)).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(told?.aborted).toBe(true);
  });
});

test('modelRunner runs the tools that a model calls, sends their results back, and sums up the tokens', async () => {
  const model = new MockLanguageModelV3({
    modelId: 'gpt-4o',
    doGenerate: async ({ prompt }) => {
      const last = prompt.at(-1)!;
      const isAnswered = last.role === 'tool';
      return {
        content: isAnswered
          ? [{ type: 'text', text: `it is ${JSON.stringify(last.content[0])}` }]
          : [{ type: 'tool-call', toolCallId: 'c1', toolName: 'weather', input: '{"city":"Oslo"}' }],
        usage: usage3,
        finishReason: { unified: isAnswered ? 'stop' : 'tool-calls', raw: undefined },
        warnings: [],
      };
    },
  });
  const weather = {
    description: 'Tells the weather',
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }: { city: string }) => ({ city, degrees: 7 }),
  };
  const { actual, metadata } = await modelRunner({ model, tools: { weather } })(task);
  expect(actual).toContain('degrees');
  expect(metadata.tokenUsage).toMatchObject({ prompt: 2000, completion: 200, total: 2200 });
  expect(metadata.toolRuns).toEqual([
    { name: 'weather', input: { city: 'Oslo' }, output: { city: 'Oslo', degrees: 7 } },
  ]);
  expect(model.doGenerateCalls[0]?.tools).toMatchObject([
    { type: 'function', name: 'weather', inputSchema: { type: 'object', required: ['city'] } },
  ]);
});

describe('modelRunner over an OpenAI-compatible endpoint', () => {
  test('sends prompt, system message, settings and key, and reads text and tokens', async () => {
    const server = await chatServer(() => completion('hi', { usage: { prompt_tokens: 100, completion_tokens: 10 } }));
    const run = modelRunner({
      model: { baseURL: server.url, model: 'gpt-4o-mini', apiKey: 'secret' },
      system: 'Be brief.',
      prompt: ({ question }: { question: string }) => `Q: ${question}`,
      maxTokens: 77,
    });
    const { actual, metadata } = await run(task);
    const [{ headers, body }] = server.asked as [(typeof server.asked)[number]];
    expect(headers.authorization).toBe('Bearer secret');
    expect(body).toEqual({
      ...{ model: 'gpt-4o-mini', temperature: 0.7, max_tokens: 77 },
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Q: why?' },
      ],
    });
    expect([actual, metadata.tokenUsage]).toEqual(['hi', { prompt: 100, completion: 10, total: 110 }]);
    expect(metadata.cost).toBeCloseTo((100 * 0.15 + 10 * 0.6) / 1e6, 15);
  });

  test('says that no tokens were reported, and gives no cost then', async () => {
    const server = await chatServer(() => completion('hi', { usage: null }));
    const { metadata } = await modelRunner({ model: { baseURL: server.url, model: 'gpt-4o' } })(task);
    expect(metadata.usageReported).toBe(false);
    expect(metadata).not.toHaveProperty('cost');
  });

  test('does not send the key of the environment to another address', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'mine');
    const server = await chatServer(() => completion('hi'));
    await modelRunner({ model: { baseURL: server.url, model: 'x' } })(task);
    vi.stubEnv('OPENAI_BASE_URL', server.url);
    await modelRunner({ model: 'x' })(task);
    await modelRunner()(task);
    expect(server.asked.map(({ headers, body }) => [headers.authorization, body.model])).toEqual([
      [undefined, 'x'],
      ['Bearer mine', 'x'],
      ['Bearer mine', 'm'],
    ]);
  });

  test('closes the connection of a call that is aborted', async () => {
    const server = await chatServer(() => undefined);
    const stop = new AbortController();
    const run = modelRunner({ model: { baseURL: server.url, model: 'x' } })(task, { signal: stop.signal });
    await server.came(1);
    const closed = once(server.asked[0]!.response, 'close');
    stop.abort();
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    await closed;
  });

  test('calls tools', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } };
    const server = await chatServer((_, place) =>
      place === 0 ? completion('', { message: { tool_calls: [call] }, finish: 'tool_calls' }) : completion('3'),
    );
    const add = { parameters: { type: 'object' }, execute: ({ a, b }: { a: number; b: number }) => a + b };
    const run = modelRunner({ model: { baseURL: server.url, model: 'x' }, tools: { add } });
    expect((await run(task)).actual).toBe('3');
    expect(server.asked[1]!.body.messages.slice(1)).toEqual([
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', content: '3', tool_call_id: 'c' },
    ]);
  });

  test('rejects so that an executor tries again, and hands it the headers', async () => {
    const server = await chatServer((_, place) =>
      place === 0 ? [503, { error: { message: 'busy' } }] : completion('x'),
    );
    const executor = new ParallelExecutor({ retries: { maxAttempts: 2, baseDelay: 0 } });
    const [result] = await executor.executeTasks([task], modelRunner({ model: { baseURL: server.url, model: 'x' } }));
    expect(result?.result?.actual).toBe('x');
    const bad = await chatServer(() => [400, { error: { message: 'no such thing' } }]);
    const failed = modelRunner({ model: { baseURL: bad.url, model: 'x' } })(task);
    await expect(failed).rejects.toBeInstanceOf(ChatError);
    await expect(failed).rejects.toThrow('HTTP 400: no such thing');
  });
});

describe('schema and parse', () => {
  const endpoint = async (text: string, finish = 'stop') => {
    const server = await chatServer(() => completion(text, { finish }));
    return { server, model: { baseURL: server.url, model: 'x' } };
  };
  const person = { type: 'object', properties: { age: { type: 'integer' } }, required: ['age'] };

  test('a JSON Schema is sent, and the value is the output, also out of a code fence', async () => {
    const { server, model } = await endpoint('Sure:\n```json\n{"age": 7}\n```');
    const { actual, metadata } = await modelRunner({ model, schema: person })(task);
    expect(actual).toEqual({ age: 7 });
    expect(metadata.text).toContain('Sure');
    expect(server.asked[0]!.body.response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema: person },
    });
  });

  test('a schema of Zod is sent as JSON Schema, and types the output', async () => {
    const { server, model } = await endpoint('{"age": 7}');
    const run = modelRunner({ model, schema: z.object({ age: z.number() }) });
    const { actual } = await run(task);
    expectTypeOf(actual).toEqualTypeOf<{ age: number }>();
    expect(actual.age).toBe(7);
    expect(server.asked[0]!.body.response_format).toMatchObject({ json_schema: { schema: { required: ['age'] } } });
  });

  test.each([
    ['{"age": "x"}', 'stop', /does not fit the schema.*age/],
    ['I am seven', 'stop', /the answer is not JSON: "I am seven"/],
    ['{"age": ', 'length', /not JSON.*cut off at maxTokens/],
    ['', 'stop', /the answer is empty/],
  ])('an answer without that form is an error that keeps text and cost: %s', async (text, finish, reason) => {
    const { model } = await endpoint(text, finish);
    for (const schema of [person, z.object({ age: z.number() })]) {
      const { actual, metadata } = await modelRunner({ model, schema, prices: { x: { input: 1, output: 1 } } })(task);
      expect(actual).toEqual({});
      expect(metadata.error).toMatch(reason);
      expect([metadata.text, metadata.cost]).toEqual([text, 15e-6]);
    }
  });

  test('without structured output the schema is in the system message', async () => {
    const { server, model } = await endpoint('{"age": 7}');
    await modelRunner({ model, schema: person, useStructuredOutput: false, system: 'S' })(task);
    expect(server.asked[0]!.body).not.toHaveProperty('response_format');
    expect(server.asked[0]!.body.messages[0]!.content).toBe(
      `S\n\nAnswer with JSON only, of this JSON Schema:\n${JSON.stringify(person)}`,
    );
  });

  test('parse makes the output; what it throws is the error of the case', async () => {
    const { model } = await endpoint('7 apples');
    const run = modelRunner({ model, parse: (text) => Number.parseInt(text, 10) });
    const { actual } = await run(task);
    expectTypeOf(actual).toEqualTypeOf<number>();
    expect(actual).toBe(7);
    const bad = modelRunner({
      model,
      parse: () => {
        throw new Error('no number');
      },
    });
    expect((await bad(task)).metadata.error).toBe('the answer cannot be parsed: no number');
  });
});

describe('prompt', () => {
  test('a template that names a member which the case lacks rejects with its name', async () => {
    const run = modelRunner({ model: sdkModels['AI SDK 6']('x'), prompt: '{{input.answer}}' });
    await expect(run(task)).rejects.toThrow('case a has no input.answer, which the prompt names');
  });

  test('without one the input is sent: a text, messages, or its JSON', async () => {
    const model = sdkModels['AI SDK 6']('x');
    const run = modelRunner({ model });
    for (const input of ['text', [{ role: 'user', content: 'chat' }], { n: 1n }]) {
      await run({ testCase: { ...testCase, input } });
    }
    expect(model.doGenerateCalls.map(({ prompt }) => prompt)).toEqual(
      ['text', 'chat', '{"n":1}'].map((text) => [{ role: 'user', content: [{ type: 'text', text }] }]),
    );
  });
});

test.each([
  [{ model: 7 }, /model must be/],
  [{ model: { baseURL: 'ftp://x' } }, /model.baseURL must be a URL/],
  [{ model: { baseURL: 'http://a:b@x' } }, /without user and password/],
  [{ model: { specificationVersion: 'v1', modelId: 'old', doGenerate: () => {} } }, /of the AI SDK 4/],
  [{ temperature: -1 }, /temperature must be/],
  [{ maxTokens: 0.5 }, /maxTokens must be/],
  [{ timeout: 0 }, /timeout must be/],
  [{ tools: { a: 7 } }, /tools.a must be a tool/],
  [{ prompt: 7 }, /prompt must be/],
  [{ schema: 'x' }, /schema must be/],
  [{ prices: { x: { input: -1, output: 0 } } }, /prices\["x"\].input must be/],
])('modelRunner refuses %j', (options, reason) => {
  expect(() => modelRunner(options as ModelRunnerOptions<unknown, string> as never)).toThrow(reason);
});
