/** Counts what hits have avoided: calls at the cache's usual cost, and some at costs of their own. */
import * as check from '../arguments.js';
import type { MissCost, Savings } from './options.js';
import type { FullCost } from './stores/tier.js';

export class SavedCosts {
  readonly #usual: FullCost;
  /** Sums over hits of entries with a cost of their own. */
  #own = { calls: 0, tokens: 0, usd: 0 };

  constructor(usual: FullCost) {
    this.#usual = usual;
  }

  /** Counts a hit of an entry; only one with a cost of its own has to be told. */
  hit(own: FullCost | undefined): void {
    if (own === undefined) return;
    this.#own.calls += 1;
    this.#own.tokens += own.tokens;
    this.#own.usd += own.usd;
  }

  /** Returns what `hits` have avoided in all. */
  total(hits: number): Savings {
    const usual = hits - this.#own.calls;
    return {
      calls: hits,
      tokens: usual * this.#usual.tokens + this.#own.tokens,
      usd: usual * this.#usual.usd + this.#own.usd,
    };
  }

  clear(): void {
    this.#own = { calls: 0, tokens: 0, usd: 0 };
  }
}

/** Checks the option called `name`. */
export function fullCost(name: string, given: MissCost | undefined): FullCost {
  const { tokens = 0, usd = 0 } = check.options(name, given);
  return {
    tokens: check.nonNegativeNumber(`${name}.tokens`, tokens),
    usd: check.nonNegativeNumber(`${name}.usd`, usd),
  };
}
