/** The local models: three of them, and what they say of problems that they do not know. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { loadDataset, modelRunner, PRICES } from '@aah/ai-evals/datasets';
import { describe, expect, onTestFinished, test } from 'vitest';
import { command, directory, jsonl, root } from '../cli/command.js';

const require = createRequire(import.meta.url);
const { startLocalServer } =
  require('../../.facade/cli/local_model/server.js') as typeof import('../../ts/cli/local_model/server.js');
const { answer, LOCAL_MODELS } =
  require('../../.facade/cli/local_model/rules_model.js') as typeof import('../../ts/cli/local_model/rules_model.js');

const problem = 'On which day of the week does 2024-02-29 fall? Reply with the name of the day only.';

describe('a problem that the local models do not know', () => {
  test('is refused with the kinds that they know, and not answered', async () => {
    const server = await startLocalServer({ latencyScale: 0 });
    onTestFinished(() => server.close());
    for (const model of LOCAL_MODELS) {
      const run = modelRunner({ model: { baseURL: server.url, model } });
      const testCase = { id: 'a', input: 'What is the capital of France?', expected: 'Paris' };
      await expect(run({ testCase })).rejects.toThrow(
        /HTTP 422: .*answer by rules only for the bundled kinds of problems/,
      );
    }
  });

  test('is an error row of the command with that text, never a wrong answer', async () => {
    const cases = [
      { id: 'known', input: problem, expected: answer(problem)?.text },
      { id: 'unknown', input: 'What is the capital of France?', expected: 'Paris' },
    ];
    const cwd = directory({ 'cases.jsonl': jsonl(cases) });
    const { code } = await command(['run', 'cases.jsonl', '--json', 'out.json'], {}, cwd);
    expect(code).toBe(3);
    const { results, passed, errors } = require(join(cwd, 'out.json')) as {
      results: { id: string; error: string | null }[];
      passed: number;
      errors: number;
    };
    expect([passed, errors]).toEqual([1, 1]);
    expect(results.find(({ id }) => id === 'unknown')?.error).toMatch(/by rules only for the bundled kinds/);
  });

  test('ends a run early in which there is nothing else, and says to name another model', async () => {
    const cases = Array.from({ length: 200 }, (_, i) => ({ input: `Translate word ${i}.`, expected: 'x' }));
    const cwd = directory({ 'cases.jsonl': jsonl(cases) });
    const { code, stdout, stderr } = await command(['run', 'cases.jsonl'], {}, cwd);
    expect(code).toBe(3);
    expect(`${stdout}${stderr}`.replaceAll(/\s+/g, ' ')).toMatch(
      /by rules only .*name another model by OPENAI_BASE_URL/,
    );
  });
});

describe('the local models', () => {
  test('answer every bundled case, each with mistakes of its own, and have prices', async () => {
    const { testCases } = await loadDataset(join(root, 'datasets/everyday.jsonl'));
    const slips = LOCAL_MODELS.map((model) => {
      const answers = testCases.map(({ input }) => [answer(input, model)?.text, answer(input)?.text]);
      expect(answers.flat().every((text) => text !== undefined)).toBe(true);
      return answers.filter(([text, first]) => text !== first).length;
    });
    expect(slips[0]).toBe(0);
    expect(slips[1]).toBeGreaterThan(slips[2]!);
    expect(slips[2]).toBeGreaterThan(0);
    for (const model of LOCAL_MODELS) expect(Object.hasOwn(PRICES, model)).toBe(true);
  });

  test('give another answer now and then to another seed, and the same one to the same', async () => {
    const texts = Array.from({ length: 60 }, (_, seed) => answer(problem, 'local-rules-1-small', seed)?.text);
    expect(new Set(texts).size).toBeGreaterThan(1);
    expect(texts).toEqual(texts.map((_, seed) => answer(problem, 'local-rules-1-small', seed)?.text));
  });
});
