/** What was computed, and so paid for, goes to its callers whether it can be stored or not. */
import { AiEvalsError } from '../errors.js';

export class PaidValues {
  readonly #cache: string;
  #hasWarned = false;

  /** `cache` is its name in a warning. */
  constructor(cache: string) {
    this.#cache = cache;
  }

  /** Runs `store`. That it fails is a process warning, once; nothing where the cache was closed meanwhile. */
  storeIfPossible(store: () => void): void {
    try {
      store();
    } catch (error) {
      const isClosed = error instanceof AiEvalsError && error.code === 'ERR_CLOSED';
      if (isClosed || this.#hasWarned) return;
      this.#hasWarned = true;
      const reason = error instanceof Error ? error.message : String(error);
      const message = `${this.#cache} cannot store what was computed: ${reason}. Callers get it, and it will be computed again.`;
      process.emitWarning(message, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_NOT_STORED' });
    }
  }
}
