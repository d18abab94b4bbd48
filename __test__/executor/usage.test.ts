import { ParallelExecutor, RateLimit } from '@aah/ai-evals/orchestrator';
import { afterEach, describe, expect, test } from 'vitest';
import { sleep, tasks } from './tasks.js';

const LIMITED = { requestsPerMinute: 1000, tokensPerMinute: 1_000_000 };

async function spent(result: unknown, config = {}): Promise<number> {
  const executor = new ParallelExecutor({ rateLimit: LIMITED, ...config });
  await executor.executeTasks(tasks(1), () => result);
  return executor.getRateLimiterState().currentTokens;
}

const shapes: [client: string, usage: object, tokens: number][] = [
  ['this package', { tokenUsage: { prompt: 10, completion: 5, total: 15 } }, 15],
  ['the AI SDK 5 to 7', { usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 } }, 15],
  [
    'the AI SDK with reasoning',
    { usage: { inputTokens: 10, outputTokens: 5, totalTokens: 25, reasoningTokens: 10 } },
    25,
  ],
  [
    'the AI SDK, all steps',
    { usage: { totalTokens: 5 }, totalUsage: { inputTokens: 90, outputTokens: 10, totalTokens: 100 } },
    100,
  ],
  ['an AI SDK model', { usage: { inputTokens: { total: 10, cacheRead: 4 }, outputTokens: { total: 5 } } }, 15],
  ['the AI SDK 4', { usage: { promptTokens: 10, completionTokens: 5, totalTokens: 15 } }, 15],
  [
    'OpenAI chat',
    {
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, prompt_tokens_details: { cached_tokens: 3 } },
    },
    15,
  ],
  [
    'OpenAI Responses',
    { usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15, input_tokens_details: {} } },
    15,
  ],
  [
    'Anthropic',
    { usage: { input_tokens: 10, output_tokens: 5, cache_creation_input_tokens: 2, cache_read_input_tokens: 3 } },
    20,
  ],
  [
    'Gemini',
    { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, thoughtsTokenCount: 7, totalTokenCount: 22 } },
    22,
  ],
  ['Bedrock', { usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 } }, 15],
  ['Cohere', { meta: { tokens: { input_tokens: 10, output_tokens: 5 } } }, 15],
  ['Ollama', { response: 'text', prompt_eval_count: 10, eval_count: 5 }, 15],
  ['LangChain', { usage_metadata: { input_tokens: 10, output_tokens: 5, total_tokens: 15 } }, 15],
  ['a total of 0 beside parts', { usage: { inputTokens: 10, outputTokens: 5, totalTokens: 0 } }, 15],
  ['a total alone', { usage: { total_tokens: 15 } }, 15],
];

describe('usage of a result', () => {
  test.each(shapes)('is read in the shape of %s, wherever it is', async (_client, usage, tokens) => {
    for (const result of [
      usage,
      { metadata: usage },
      { response: usage },
      { data: usage },
      { response: { body: usage } },
    ]) {
      expect(await spent(result), JSON.stringify(result)).toBe(tokens);
    }
  });

  test('that is a mere word, empty or not finite is none', async () => {
    for (const usage of [
      {},
      { totalTokens: Number.NaN },
      { inputTokens: undefined },
      { total: '5' },
      null,
      'many',
      -3,
    ]) {
      expect(await spent({ usage })).toBe(0);
    }
    const hostile = new Proxy({}, { get: () => { throw new Error('hands off'); } }); // biome-ignore format: one line
    expect(await spent(hostile)).toBe(0);
  });

  test('read from a cache does not count under the settlement of Anthropic', async () => {
    const result = { usage: { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 100 } };
    expect(await spent(result, { rateLimit: { ...LIMITED, settlement: 'anthropic' } })).toBe(15);
  });
});

describe('estimateTokens', () => {
  test("keeps the caller's estimate where a result reports nothing", async () => {
    expect(await spent('plain', { estimateTokens: 700 })).toBe(700);
    expect(await spent('plain', { estimateTokens: () => 300 })).toBe(300);
    expect(await spent('plain', { estimateTokens: () => ({ input: 100, output: 50 }) })).toBe(150);
    expect(await spent('plain', { estimateTokens: () => undefined })).toBe(0);
    expect(await spent({ usage: { totalTokens: 20 } }, { estimateTokens: 700 })).toBe(20);
    expect(await spent('plain')).toBe(0);
  });
});

describe('a limit on tokens', () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  afterEach(() => {
    process.off('warning', listen);
    warnings.length = 0;
  });

  test('warns once where results report nothing, and says where was looked', async () => {
    process.on('warning', listen);
    const executor = new ParallelExecutor({ rateLimit: LIMITED });
    await executor.executeTasks(tasks(5), () => 'plain');
    await executor.executeTasks(tasks(5), () => 'plain');
    await sleep(5);
    expect(warnings.map(({ name }) => name)).toEqual(['UsageWarning']);
    expect(warnings[0]?.message).toContain('usageMetadata');
  });

  test('that nobody asked for warns of nothing and does not bind', async () => {
    process.on('warning', listen);
    const byRequests = new ParallelExecutor({ concurrency: 50, rateLimit: { requestsPerMinute: 5000 } });
    await new ParallelExecutor().executeTasks(tasks(3), () => 'plain');
    const results = await byRequests.executeTasks(tasks(400), () => ({ usage: { totalTokens: 1000 } }));
    expect(results).toHaveLength(400);
    expect(byRequests.getRateLimiterState()).toMatchObject({
      requestsPerMinute: 5000,
      tokensPerMinute: Number.POSITIVE_INFINITY,
      currentTokens: 400_000,
    });
    await sleep(5);
    expect(warnings).toEqual([]);
  });

  test('is replaced with its group by updateConfig', () => {
    const executor = new ParallelExecutor();
    expect(executor.getRateLimiterState()).toMatchObject({ requestsPerMinute: 60, tokensPerMinute: 150_000 });
    executor.updateConfig({ concurrency: 3 });
    expect(executor.getRateLimiterState()).toMatchObject({ requestsPerMinute: 60, tokensPerMinute: 150_000 });
    executor.updateConfig({ rateLimit: { tokensPerMinute: 500 } });
    expect(executor.getRateLimiterState()).toMatchObject({
      requestsPerMinute: Number.POSITIVE_INFINITY,
      tokensPerMinute: 500,
    });
  });
});

describe('settle', () => {
  test('of a permit takes every shape, and refuses what is none', async () => {
    for (const [client, usage, tokens] of shapes) {
      const limit = new RateLimit({ tokensPerMinute: 1000 });
      const permit = await limit.acquire({ tokens: 900 });
      permit.settle(usage as never);
      await sleep(2);
      expect(limit.getState().currentTokens, client).toBe(tokens);
    }
    const permit = await new RateLimit({ tokensPerMinute: 1000 }).acquire();
    for (const unknown of [{}, { spent: 5 }, [], 'many', { usage: {} }]) {
      expect(() => permit.settle(unknown as never), JSON.stringify(unknown)).toThrow(TypeError);
    }
    permit.settle(5);
  });
});
