import {
  AdvisingRunner,
  BaseRunner,
  ComplianceRunner,
  ConversationalRunner,
  RAGRunner,
  RiskPredictionRunner,
  runModelComparison,
} from '@aah/ai-evals/datasets';
import { MockLanguageModelV3 } from 'ai/test';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import { chatServer } from './chat_server.js';

class Capital extends BaseRunner<{ country: string }, string> {
  override preparePrompt({ country }: { country: string }) {
    return `Capital of ${country}?`;
  }
}

const cases = ['Norway', 'Peru', 'Chad'].map((country) => ({ id: country, input: { country }, expected: 'x' }));
const config = { modelId: 'gpt-4o' };

function model(text: (prompt: string, call: number) => string | Error | Promise<string>) {
  return new MockLanguageModelV3({
    modelId: 'gpt-4o',
    doGenerate: async ({ prompt }) => {
      const last = prompt.at(-1)!.content[0] as { text: string };
      const said = await text(last.text, asked.doGenerateCalls.length);
      if (said instanceof Error) throw said;
      return {
        content: [{ type: 'text', text: said }],
        finishReason: { unified: 'stop', raw: 'stop' },
        usage: {
          inputTokens: { total: 100, noCache: 100, cacheRead: 0, cacheWrite: 0 },
          outputTokens: { total: 10, text: 10, reasoning: 0 },
        },
        warnings: [],
      };
    },
  });
}
let asked: MockLanguageModelV3;
const using = (text: Parameters<typeof model>[0]) => {
  asked = model(text);
  return asked;
};

describe('runTestCase', () => {
  test('reports tokens, cost and latency, and sends maxTokens and temperature', async () => {
    const runner = new Capital({ model: using(() => 'Oslo') });
    const { actual, metadata } = await runner.runTestCase(cases[0]!, { ...config, maxTokens: 50 });
    expectTypeOf(actual).toEqualTypeOf<string>();
    expect(actual).toBe('Oslo');
    expect(metadata.tokenUsage).toEqual({ prompt: 100, completion: 10, total: 110 });
    expect(metadata.cost).toBeCloseTo((100 * 2.5 + 10 * 10) / 1e6, 12);
    expect(asked.doGenerateCalls[0]).toMatchObject({ maxOutputTokens: 50, temperature: 0.7 });
  });

  test('never rejects: a case without an answer has the text of its error', async () => {
    const refused = Object.assign(new Error('no such key'), { statusCode: 401 });
    const { actual, metadata } = await new Capital({ model: using(() => refused) }).runTestCase(cases[0]!, config);
    expect([actual, metadata.error, asked.doGenerateCalls.length]).toEqual([{}, 'no such key', 1]);
    expect(metadata).not.toHaveProperty('cost');
    const withoutModel = await new Capital().runTestCase(cases[0]!);
    expect(withoutModel.metadata.error).toMatch(/no model is named/);
    for (const bad of [undefined, null, {}, { id: 'a' }]) {
      const result = await new Capital({ model: using(() => 'x') }).runTestCase(bad as never, config);
      expect(result.metadata.error, JSON.stringify(bad)).toEqual(expect.any(String));
    }
  });

  test('tries again what can pass, as often as retries say', async () => {
    const busy = Object.assign(new Error('internal'), { statusCode: 500 });
    const flaky = new Capital({ model: using((_, call) => (call < 3 ? busy : 'Oslo')) });
    expect((await flaky.runTestCase(cases[0]!, config)).actual).toBe('Oslo');
    const down = new Capital({ model: using(() => busy) });
    expect((await down.runTestCase(cases[0]!, { ...config, retries: 1 })).metadata.error).toBe('internal');
    expect(asked.doGenerateCalls).toHaveLength(2);
  });

  test('stops the call at its timeout, and when it is aborted', async () => {
    const server = await chatServer(() => undefined);
    const closed = () => vi.waitFor(() => expect(server.asked.every(({ response }) => response.destroyed)).toBe(true));
    const runner = new Capital({ model: { baseURL: server.url, model: 'x' } });
    const late = await runner.runTestCase(cases[0]!, { modelId: 'x', timeout: 20, retries: 0 });
    expect(late.metadata.error).toMatch(/timed out after \d+ ms/);
    const stop = new AbortController();
    const before = server.asked.length;
    const run = runner.runTestCase(cases[0]!, { modelId: 'x' }, { signal: stop.signal });
    await server.came(before + 1);
    stop.abort(new Error('enough'));
    expect((await run).metadata.error).toMatch(/aborted/);
    await closed();
  });
});

describe('runDataset', () => {
  test('gives a result for every case in order, one call at a time unless it is parallel', async () => {
    let [inFlight, most] = [0, 0];
    const slow = async (prompt: string) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      inFlight -= 1;
      return prompt;
    };
    const runner = new Capital({ model: using(slow) });
    const many = Array.from({ length: 12 }, (_, i) => ({ id: `${i}`, input: { country: `c${i}` }, expected: '' }));
    const progress: number[][] = [];
    const onProgress = (...told: number[]) => void progress.push(told);
    const results = await runner.runDataset(many, config, { onProgress });
    expect(results.map(({ actual }) => actual)).toEqual(many.map(({ input }) => `Capital of ${input.country}?`));
    expect(most).toBe(1);
    expect(progress).toEqual(many.map((_, i) => [i + 1, 12]));
    await runner.runDataset(many, config, { parallel: true });
    expect(most).toBe(5);
    await runner.runDataset(many, config, { parallel: true, concurrency: 3 });
    expect(most).toBe(5);
  });

  test('a case that fails does not stop the others', async () => {
    const refused = Object.assign(new Error('no'), { statusCode: 400 });
    const runner = new Capital({ model: using((prompt) => (prompt.includes('Peru') ? refused : 'x')) });
    const results = await runner.runDataset(cases, config);
    expect(results.map(({ actual, metadata }) => [actual, metadata.error])).toEqual([
      ['x', undefined],
      [{}, 'no'],
      ['x', undefined],
    ]);
  });

  test('starts nothing after an abort', async () => {
    const stop = new AbortController();
    const runner = new Capital({
      model: using(() => {
        stop.abort();
        return 'x';
      }),
    });
    const results = await runner.runDataset(cases, config, { signal: stop.signal });
    expect(asked.doGenerateCalls).toHaveLength(1);
    expect(results).toHaveLength(3);
    expect(results.slice(1).every(({ metadata }) => /aborted/.test(metadata.error!))).toBe(true);
  });
});

describe('the runners of the original', () => {
  const schemaOf = async (runner: BaseRunner, input: unknown, reply: object | string) => {
    const text = typeof reply === 'string' ? reply : JSON.stringify(reply);
    const result = await runner.runTestCase({ id: 'a', input, expected: null }, config);
    const [call] = asked.doGenerateCalls;
    const prompt = call!.prompt.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
    return { result, schema: call!.responseFormat, prompt: prompt.join('\n'), text };
  };

  test.each([
    [
      (of: MockLanguageModelV3) => new ComplianceRunner({ model: of }),
      { rules: ['at least 18'], facts: { age: 17 } },
      { compliant: false, violations: ['at least 18'], explanation: 'too young', confidence: 0.9 },
      ['1. at least 18', 'age'],
    ],
    [
      (of: MockLanguageModelV3) => new AdvisingRunner({ model: of }),
      { question: 'Which course?', profile: { major: 'CS' }, options: ['A', 'B'] },
      { recommendation: 'A', reasons: ['fits'], alternatives: ['B'], confidence: 0.5 },
      ['Which course?', 'major', '- B'],
    ],
    [
      (of: MockLanguageModelV3) => new RiskPredictionRunner({ model: of }),
      { outcome: 'drop-out', features: { gpa: 1.9 } },
      { riskLevel: 'high', riskScore: 0.8, factors: ['gpa'], recommendations: [] },
      ['drop-out', 'gpa'],
    ],
    [
      (of: MockLanguageModelV3) => new RAGRunner({ model: of }),
      { query: 'When?', documents: [{ id: 'd7', text: 'In May.' }, 'Never.'] },
      { answer: 'In May', citations: ['d7'] },
      ['[d7]', 'In May.', '[2]', 'Question: When?'],
    ],
  ])('ask with their input, and give typed output of their schema: %#', async (made, input, output, told) => {
    const runner = made(using(() => JSON.stringify(output)));
    const { result, schema, prompt } = await schemaOf(runner as BaseRunner, input, output);
    expect(result.actual).toEqual(output);
    expect(schema).toMatchObject({ type: 'json', schema: { required: Object.keys(output) } });
    for (const text of told) expect(prompt).toContain(text);
    const wrong = made(using(() => '{"answer": 7}'));
    const failed = await schemaOf(wrong as BaseRunner, input, {});
    expect(failed.result.metadata.error).toMatch(/does not fit the schema/);
  });

  test('ConversationalRunner goes on with the history, and an empty answer is an error', async () => {
    const history = [
      { role: 'user' as const, content: 'Hi' },
      { role: 'assistant' as const, content: 'Hello' },
    ];
    const runner = new ConversationalRunner({ model: using(() => ' Fine. ') });
    const testCase = { id: 'a', input: { message: 'How are you?', history, context: 'Be kind' }, expected: null };
    expect((await runner.runTestCase(testCase, config)).actual).toEqual({ response: 'Fine.' });
    expect(asked.doGenerateCalls[0]!.prompt.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
    const silent = new ConversationalRunner({ model: using(() => ' ') });
    expect((await silent.runTestCase(testCase, config)).metadata.error).toMatch(/it is empty/);
  });

  test('are models of a comparison', async () => {
    const { models } = await runModelComparison({
      dataset: cases,
      models: [
        { name: 'right', runner: new Capital({ model: using(() => 'x') }) },
        { name: 'wrong', runner: new Capital({ model: model(() => 'y') }) },
      ],
      scorer: ({ actual, expected }) => actual === expected,
    });
    expect(models.map(({ name, passed }) => [name, passed])).toEqual([
      ['right', 3],
      ['wrong', 0],
    ]);
  });
});
