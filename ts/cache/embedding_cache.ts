import * as check from '../arguments.js';
import { native } from '../native.js';
import type { CacheOptions, CacheStats, Savings, SetOptions } from './options.js';
import { calls, now, Slots, setOptions } from './slots.js';
import { textSize } from './value_size.js';

const DEFAULTS = { maxSize: 1000, ttl: 86_400_000 };

/** A vector as providers return it. */
export type Embedding = number[] | Float32Array | Float64Array;

/**
 * Embeddings by text. A vector comes back as it went in: the same array, `number[]`, `Float32Array` or `Float64Array`.
 *
 * Defaults: 1000 entries, 24 hours.
 */
export class EmbeddingCache<E extends Embedding = number[]> {
  readonly #slots: Slots<E, string>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: CacheOptions<E, string>) {
    this.#slots = new Slots<E, string>(options, DEFAULTS, textSize);
  }

  /** The embedding, or `undefined` when there is none or it has expired. */
  get(text: string): E | undefined {
    const slots = this.#slots;
    const start = slots.timed();
    const slot = slots.found(calls.get(slots.id, 0, now(), check.string('text', text)));
    const value = slot < 0 ? undefined : slots.values[slot];
    if (start !== 0) slots.timedSince(start);
    return value;
  }

  /**
   * Stores `embedding`, in place of what was there.
   *
   * @throws TypeError when it is no array of numbers, RangeError when one of them is not finite.
   */
  set(text: string, embedding: E, options?: SetOptions): void {
    const key = check.string('text', text);
    this.#store(key, vector('embedding', embedding), options);
  }

  /** Whether there is a live entry. No hit, no miss, and no use. */
  has(text: string): boolean {
    return calls.peek(this.#slots.id, 0, now(), check.string('text', text)) >= 0;
  }

  /** Removes an entry: was it there? */
  delete(text: string): boolean {
    return this.#slots.removed(native.cacheRemove(this.#slots.id, 0, check.string('text', text), now()));
  }

  /**
   * What is cached of `texts`: one entry per distinct text, in order, `undefined` where there is none. Each distinct text
   * counts as one hit or miss. One call into the engine for all of them.
   */
  batchGet(texts: Iterable<string>): Map<string, E | undefined> {
    const found = new Map<string, E | undefined>();
    let joined = '';
    for (const text of check.iterable('texts', texts)) {
      if (found.has(check.string('each of texts', text))) continue;
      found.set(text, undefined);
      joined += text;
    }
    const lengths = Uint32Array.from(found.keys(), (text) => text.length);
    const answers = new Int32Array(lengths.length);
    const slots = this.#slots;
    const start = slots.timed(lengths.length);
    const dropped = native.cacheGetMany(slots.id, joined, lengths, answers, now());
    let i = 0;
    for (const text of found.keys()) {
      const slot = slots.found(answers[i++] as number);
      if (slot >= 0) found.set(text, slots.values[slot]);
    }
    if (start !== 0) slots.timedSince(start, lengths.length);
    if (dropped) slots.takeDropped();
    return found;
  }

  /**
   * Stores every pair. All are checked before the first is stored.
   *
   * @throws TypeError or RangeError as {@link set} does; then nothing is stored.
   */
  batchSet(embeddings: Iterable<readonly [string, E]>, options?: SetOptions): void {
    const pairs = Array.from(check.iterable('embeddings', embeddings), (pair): [string, E] => {
      if (!Array.isArray(pair)) check.wrongType('each of embeddings', 'a pair of text and embedding', pair);
      const text = check.string('each text of embeddings', pair[0]);
      return [text, vector(`the embedding of ${JSON.stringify(text.slice(0, 60))}`, pair[1] as E)];
    });
    setOptions(options);
    for (const [text, embedding] of pairs) this.#store(text, embedding, options);
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

  #store(text: string, embedding: E, options: SetOptions | undefined): void {
    const slots = this.#slots;
    slots.set(embedding, text, options, (bytes, ttl, at) => calls.set(slots.id, 0, at, text, bytes, ttl));
  }
}

/** A vector of finite numbers. O(dimensions). */
function vector<E extends Embedding>(name: string, value: E): E {
  const expected = 'a number[], Float32Array or Float64Array of finite numbers';
  const kind = Object.prototype.toString.call(value);
  if (!Array.isArray(value) && kind !== '[object Float32Array]' && kind !== '[object Float64Array]') {
    check.wrongType(name, expected, value);
  }
  for (let i = 0; i < value.length; i += 1) {
    const element: unknown = value[i];
    if (typeof element !== 'number') check.wrongType(`${name}[${i}]`, 'a finite number', element);
    if (!Number.isFinite(element)) check.outOfRange(`${name}[${i}]`, 'a finite number', element);
  }
  return value;
}
