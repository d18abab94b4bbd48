import { types } from 'node:util';
import * as check from '../arguments.js';
import { native } from '../native.js';
import { isStackOverflow, keyRead, keyText, writeKey } from './content_key.js';
import { noContent } from './no_content.js';
import type { CacheOptions, CacheStats, Savings, SetOptions } from './options.js';
import { type CachedQuery, matches, paramsText, patternOf } from './query_text.js';
import { calls, now, Slots } from './slots.js';
import { textSize } from './value_size.js';

const DEFAULTS = { maxSize: 200, ttl: 300_000 };
const QUERY = 'query';
const PARAMS = 'params';

/**
 * Results of database reads by the query's name or text and the content of its parameters. Rows come back as they were
 * set: a `Date` is a `Date`.
 *
 * Defaults: 200 entries, 5 minutes.
 */
// biome-ignore lint/suspicious/noExplicitAny: holds anything unless told otherwise, as existing callers expect
export class QueryCache<T = any> {
  readonly #slots: Slots<T, CachedQuery>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<T, CachedQuery>) {
    this.#slots = new Slots<T, CachedQuery>(
      options,
      DEFAULTS,
      ({ query, params }) => 40 + textSize(query) + textSize(params),
    );
  }

  /**
   * The result, or `undefined` when there is none or it has expired.
   *
   * @throws TypeError when `query` is no string or a part of `params` has no content, naming its path.
   */
  get<R = T>(query: string, params?: unknown): R | undefined {
    const slots = this.#slots;
    const start = slots.timed();
    const structure = writeKey(QUERY, check.string(QUERY, query), PARAMS, params);
    const answer = calls.get(slots.id, structure, now(), keyText());
    keyRead();
    const slot = slots.found(answer);
    const value = slot < 0 ? undefined : slots.values[slot];
    if (start !== 0) slots.timedSince(start);
    return value as R | undefined;
  }

  /**
   * Stores `result`, in place of what was there.
   *
   * @throws TypeError as {@link get} does; then nothing is stored.
   */
  set(query: string, params: unknown, result: T, options?: SetOptions): void {
    const slots = this.#slots;
    // Before the text: it is the key that tells what has no content.
    const structure = writeKey(QUERY, check.string(QUERY, query), PARAMS, params);
    let read = false;
    try {
      slots.set(result, { query, params: textOf(query, params) }, options, (bytes, ttl, at) => {
        const answer = calls.set(slots.id, structure, at, keyText(), bytes, ttl);
        read = true;
        keyRead();
        return answer;
      });
    } finally {
      if (!read) keyRead();
    }
  }

  /** Whether there is a live entry. No hit, no miss, and no use. */
  has(query: string, params?: unknown): boolean {
    const structure = writeKey(QUERY, check.string(QUERY, query), PARAMS, params);
    const slot = calls.peek(this.#slots.id, structure, now(), keyText());
    keyRead();
    return slot >= 0;
  }

  /** Removes an entry: was it there? */
  delete(query: string, params?: unknown): boolean {
    const structure = writeKey(QUERY, check.string(QUERY, query), PARAMS, params);
    const answer = native.cacheRemove(this.#slots.id, structure, keyText(), now());
    keyRead();
    return this.#slots.removed(answer);
  }

  /**
   * Removes every entry whose query text or parameters match: how many. `pattern` is tried on the query text, on the
   * parameters as JSON, on both in one line (`QUERY:{"name":"value"}`), and on every name and value in the parameters on
   * its own. A string is the source of a regular expression. `g` and `y` are ignored, `lastIndex` is neither read nor
   * written. O(n) in the size of all texts.
   *
   * @throws TypeError when `pattern` is neither, SyntaxError when a string is no regular expression.
   */
  invalidate(pattern: RegExp | string): number {
    if (typeof pattern !== 'string' && !types.isRegExp(pattern)) {
      check.wrongType('pattern', 'a RegExp or a string', pattern);
    }
    const slots = this.#slots;
    const tested = patternOf(pattern);
    let removed = 0;
    for (const slot of slots.liveSlots()) {
      if (!matches(slots.keys[slot] as CachedQuery, tested)) continue;
      native.cacheRemoveSlot(slots.id, slot);
      slots.forget(slot);
      removed += 1;
    }
    return removed;
  }

  /** Removes everything and zeroes the counters. */
  clear(): void {
    this.#slots.clear();
  }

  /** Removes what has expired: how many. O(that number). */
  removeExpired(): number {
    return this.#slots.removeExpired();
  }

  /** Figures since the cache was created or cleared. O(1). */
  getStats(): CacheStats {
    return this.#slots.stats();
  }

  /** What hits have avoided, given `missCost`. */
  savings(): Savings {
    return this.#slots.savings();
  }
}

/** The text of the parameters, whose key has been written. */
function textOf(query: string, params: unknown): string {
  try {
    return paramsText(params);
  } catch (error) {
    if (isStackOverflow(error)) throw noContent([QUERY, PARAMS], [query, params], true);
    throw error;
  }
}
