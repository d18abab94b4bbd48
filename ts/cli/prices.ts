/** Prices of models. */
import { LOCAL_MODEL } from './local_model/rules_model.js';

/** US dollars per million tokens. */
export interface Price {
  input: number;
  output: number;
}

/** List prices of 2025, without discounts; `--price-in` and `--price-out` override them. The local model's is nominal. */
const PRICES: Record<string, Price> = {
  [LOCAL_MODEL]: { input: 0.15, output: 0.6 },
  'gpt-4o': { input: 2.5, output: 10 },
  'gpt-4o-mini': { input: 0.15, output: 0.6 },
  'gpt-4.1': { input: 2, output: 8 },
  'gpt-4.1-mini': { input: 0.4, output: 1.6 },
  'gpt-4.1-nano': { input: 0.1, output: 0.4 },
  'o4-mini': { input: 1.1, output: 4.4 },
};

/** The price of `model`, also under a dated name such as `gpt-4o-2024-08-06`; `undefined` when unknown. */
export function priceOf(model: string): Price | undefined {
  return PRICES[model] ?? PRICES[model.replace(/-\d{4}-\d{2}-\d{2}$/, '')];
}

/** US dollars for so many tokens. */
export function costOf(price: Price, promptTokens: number, completionTokens: number): number {
  return (promptTokens * price.input + completionTokens * price.output) / 1e6;
}
