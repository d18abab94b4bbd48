import { costOfUsage, PRICES, PRICES_AS_OF, priceOf } from '@aah/ai-evals/datasets';
import { describe, expect, test } from 'vitest';

const usage = (prompt: number, completion: number, cachedPrompt?: number) => ({
  ...{ prompt, completion, total: prompt + completion },
  ...(cachedPrompt === undefined ? {} : { cachedPrompt }),
});

describe('priceOf', () => {
  test('knows a model by its name, with its maker before it and a date behind it', () => {
    for (const name of ['gpt-4o', 'openai/gpt-4o', 'gpt-4o-2024-08-06', 'openai/gpt-4o-2024-11-20']) {
      expect(priceOf(name), name).toBe(PRICES['gpt-4o']);
    }
    for (const name of ['claude-3-5-sonnet-20241022', 'anthropic/claude-3-5-sonnet-latest']) {
      expect(priceOf(name), name).toBe(PRICES['claude-3-5-sonnet']);
    }
  });

  test('gives a dated version its own price where that differs', () => {
    expect(priceOf('gpt-4o-2024-05-13')).not.toEqual(priceOf('gpt-4o'));
  });

  test('has none for an unknown model, nor for one whose name begins like a known one', () => {
    for (const name of ['gpt-99', 'gpt-4o-audio-preview', 'my/gpt-4o', '', '__proto__', 'constructor']) {
      expect(priceOf(name), name).toBeUndefined();
    }
  });

  test('takes prices that are given before those of the table', () => {
    const table = { 'gpt-4o': { input: 1, output: 1 }, mine: { input: 2, output: 3 } };
    expect([priceOf('openai/gpt-4o', table), priceOf('mine', table)]).toEqual([table['gpt-4o'], table.mine]);
  });
});

describe('costOfUsage', () => {
  test('is in dollars per million tokens, with cached input at its own price', () => {
    expect(costOfUsage('gpt-4o', usage(1e6, 1e6))).toBeCloseTo(12.5, 9);
    expect(costOfUsage('gpt-4o', usage(1e6, 0, 1e6))).toBeCloseTo(1.25, 9);
    expect(costOfUsage('gpt-4', usage(1e6, 0, 5e5))).toBeCloseTo(30, 9);
  });

  test('is undefined for an unknown model, also without tokens, and 0 only for a price of 0', () => {
    expect([costOfUsage('gpt-99', usage(5, 5)), costOfUsage('gpt-99', usage(0, 0))]).toEqual([undefined, undefined]);
    expect(costOfUsage('free', usage(5, 5), { free: { input: 0, output: 0 } })).toBe(0);
  });
});

test('the table is dated, frozen, and has a positive price for every model', () => {
  expect(Number.isNaN(Date.parse(PRICES_AS_OF))).toBe(false);
  expect(Object.isFrozen(PRICES)).toBe(true);
  for (const [model, { input, output, cachedInput = input }] of Object.entries(PRICES)) {
    expect(input > 0 && output >= input && cachedInput <= input, model).toBe(true);
  }
});
