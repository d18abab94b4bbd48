/** The one table of prices of models. */
import { options as checkOptions, nonNegativeNumber } from '../arguments.js';
import type { TokenUsage } from '../types.js';

/** The price of a model, in US dollars per million tokens. */
export interface Price {
  input: number;
  output: number;
  /** Price of input that the provider read from its prompt cache. Default: as `input`. */
  cachedInput?: number | undefined;
}

/** Prices by model, over those of {@link PRICES}. */
export type PriceTable = Readonly<Record<string, Price>>;

/** The day on which the list prices of {@link PRICES} were taken. */
export const PRICES_AS_OF = '2025-11-15';

/**
 * List prices of models in US dollars per million tokens, as of {@link PRICES_AS_OF}, without discounts for batches and
 * without surcharges for long prompts. The price of the local model is nominal.
 */
export const PRICES: PriceTable = Object.freeze({
  'local-rules-1': { input: 0.15, output: 0.6 },
  'local-rules-1-small': { input: 0.05, output: 0.2 },
  'local-rules-1-large': { input: 0.6, output: 2.4 },
  'gpt-5': { input: 1.25, output: 10, cachedInput: 0.125 },
  'gpt-5-mini': { input: 0.25, output: 2, cachedInput: 0.025 },
  'gpt-5-nano': { input: 0.05, output: 0.4, cachedInput: 0.005 },
  'gpt-4.1': { input: 2, output: 8, cachedInput: 0.5 },
  'gpt-4.1-mini': { input: 0.4, output: 1.6, cachedInput: 0.1 },
  'gpt-4.1-nano': { input: 0.1, output: 0.4, cachedInput: 0.025 },
  'gpt-4o': { input: 2.5, output: 10, cachedInput: 1.25 },
  'gpt-4o-2024-05-13': { input: 5, output: 15 },
  'gpt-4o-mini': { input: 0.15, output: 0.6, cachedInput: 0.075 },
  'gpt-4-turbo': { input: 10, output: 30 },
  'gpt-4': { input: 30, output: 60 },
  'gpt-3.5-turbo': { input: 0.5, output: 1.5 },
  o1: { input: 15, output: 60, cachedInput: 7.5 },
  o3: { input: 2, output: 8, cachedInput: 0.5 },
  'o3-mini': { input: 1.1, output: 4.4, cachedInput: 0.55 },
  'o4-mini': { input: 1.1, output: 4.4, cachedInput: 0.275 },
  'claude-opus-4-1': { input: 15, output: 75, cachedInput: 1.5 },
  'claude-opus-4': { input: 15, output: 75, cachedInput: 1.5 },
  'claude-sonnet-4-5': { input: 3, output: 15, cachedInput: 0.3 },
  'claude-sonnet-4': { input: 3, output: 15, cachedInput: 0.3 },
  'claude-haiku-4-5': { input: 1, output: 5, cachedInput: 0.1 },
  'claude-3-7-sonnet': { input: 3, output: 15, cachedInput: 0.3 },
  'claude-3-5-sonnet': { input: 3, output: 15, cachedInput: 0.3 },
  'claude-3-5-haiku': { input: 0.8, output: 4, cachedInput: 0.08 },
  'claude-3-opus': { input: 15, output: 75, cachedInput: 1.5 },
  'claude-3-haiku': { input: 0.25, output: 1.25, cachedInput: 0.03 },
  'gemini-2.5-pro': { input: 1.25, output: 10 },
  'gemini-2.5-flash': { input: 0.3, output: 2.5 },
  'gemini-2.5-flash-lite': { input: 0.1, output: 0.4 },
  'gemini-2.0-flash': { input: 0.1, output: 0.4 },
});

/** Names of makers before a model's own name, as gateways and the AI SDK write them. */
const MAKER = /^(openai|anthropic|google|vertex|azure)[/:.]/;
/** The date or the alias behind a model's name: `-2024-08-06`, `-20241022`, `@20241022`, `-latest`. */
const DATED = /(-\d{4}-\d{2}-\d{2}|[-@]\d{8}|-latest)$/;

/**
 * Returns the price of `model`, `undefined` when it is unknown. `table` goes before {@link PRICES}. The name may have its
 * maker before it (`openai/gpt-4o`) and a date behind it (`gpt-4o-2024-08-06`).
 */
export function priceOf(model: string, table: PriceTable = {}): Price | undefined {
  const own = model.replace(MAKER, '');
  for (const name of [model, own, own.replace(DATED, '')]) {
    for (const prices of [table, PRICES]) if (Object.hasOwn(prices, name)) return prices[name];
  }
  return undefined;
}

/** Returns the cost of so many tokens, in US dollars. */
export function costOf(price: Price, promptTokens: number, completionTokens: number, cachedPromptTokens = 0): number {
  const { input, output, cachedInput = input } = price;
  const cached = Math.min(cachedPromptTokens, promptTokens);
  return ((promptTokens - cached) * input + cached * cachedInput + completionTokens * output) / 1e6;
}

/** Returns the cost of a call of `model`, in US dollars; `undefined` when its price is unknown. */
export function costOfUsage(model: string, usage: TokenUsage, table?: PriceTable): number | undefined {
  const price = priceOf(model, table);
  return price && costOf(price, usage.prompt, usage.completion, usage.cachedPrompt);
}

/** Returns a table of prices, checked. */
export function checkedPrices(table: PriceTable | undefined): PriceTable {
  const given = checkOptions('prices', table) as PriceTable;
  for (const [model, price] of Object.entries(given)) {
    const { input, output, cachedInput } = checkOptions(`prices[${JSON.stringify(model)}]`, price) as Partial<Price>;
    nonNegativeNumber(`prices[${JSON.stringify(model)}].input`, input);
    nonNegativeNumber(`prices[${JSON.stringify(model)}].output`, output);
    if (cachedInput !== undefined) nonNegativeNumber(`prices[${JSON.stringify(model)}].cachedInput`, cachedInput);
  }
  return given;
}
