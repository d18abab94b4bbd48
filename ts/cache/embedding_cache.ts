import { types } from 'node:util';
import * as check from '../arguments.js';
import { native } from '../native.js';
import type { CacheOptions, CacheStats, Savings, SetOptions } from './options.js';
import { calls, now, Slots, setOptions } from './slots.js';
import { textSize } from './value_size.js';

const DEFAULTS = { maxSize: 1000, ttl: 86_400_000 };

/** A vector as providers return it, quantised ones included. */
export type Embedding =
  | number[]
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** A cached embedding that {@link EmbeddingCache.nearest} found. */
export interface Neighbour<E extends Embedding = number[]> {
  text: string;
  embedding: E;
  /** The cosine, −1 to 1. */
  similarity: number;
}

/**
 * Embeddings by text. A vector comes back as it went in: the same array, a `number[]` or a typed array of
 * numbers.
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
    this.#store(key, checkedVector('embedding', embedding), options);
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
    const distinct = [...new Set(check.iterable('texts', texts))];
    for (const text of distinct) check.string('each of texts', text);
    const found = new Map<string, E | undefined>();
    const answers = new Int32Array(distinct.length);
    const lengths = new Uint32Array(distinct.length);
    for (let i = 0; i < distinct.length; i += 1) lengths[i] = (distinct[i] as string).length;
    const slots = this.#slots;
    const start = slots.timed(lengths.length);
    const dropped = native.cacheGetMany(slots.id, distinct.join(''), lengths, answers, now());
    for (let i = 0; i < distinct.length; i += 1) {
      const slot = slots.found(answers[i] as number);
      found.set(distinct[i] as string, slot < 0 ? undefined : slots.values[slot]);
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
      return [text, checkedVector(`the embedding of ${JSON.stringify(text.slice(0, 60))}`, pair[1] as E)];
    });
    setOptions(options);
    for (const [text, embedding] of pairs) this.#store(text, embedding, options);
  }

  /**
   * The cosine of the angle between two embeddings, −1 to 1; 0 when one of them is all zeros. Each is given as a cached text
   * or as a vector; `undefined` when a text is not cached. In double precision. O(dimensions). No hit, no miss, no use.
   *
   * @throws RangeError when the two differ in length, TypeError for what is neither text nor vector.
   */
  similarity(a: string | Embedding, b: string | Embedding): number | undefined {
    const [left, right] = [this.#vectorOf('a', a), this.#vectorOf('b', b)];
    if (left === undefined || right === undefined) return undefined;
    if (left.length !== right.length) check.outOfRange('b', `of the length of a (${left.length})`, right.length);
    return native.vectorCosine(left, right);
  }

  /**
   * The `k` cached embeddings most similar to `vector`, most similar first. Those of another length are left out. The
   * similarity is the cosine, within 10⁻⁶. Exhaustive: O(entries × dimensions), about 1 ms per 1000 embeddings of 1536; the first
   * search after a `set` also copies what is new, 4 bytes per component. No hit, no miss, no use.
   *
   * @throws RangeError when embeddings are cached but none has the length of `vector`.
   */
  nearest(vector: Embedding, k = 10): Neighbour<E>[] {
    const query = Float64Array.from(checkedVector('vector', vector));
    const count = Math.min(check.positiveInteger('k', k), this.#slots.maxSize);
    const { id, keys, values } = this.#slots;
    const at = now();
    const live = native.cacheLive(id, at);
    const missing = new Uint32Array(live);
    const missed = native.cacheWithoutVector(id, missing, at);
    for (const slot of missing.subarray(0, missed)) {
      native.cacheAddVector(id, slot, Float64Array.from(values[slot] as E));
    }
    const slots = new Uint32Array(Math.min(count, live));
    const similarities = new Float64Array(slots.length);
    const found = native.cacheNearest(id, query, slots, similarities, at);
    if (found < 0 && live > 0) {
      check.outOfRange('vector', 'of the length of at least one cached embedding', query.length);
    }
    return Array.from(slots.subarray(0, Math.max(found, 0)), (slot, i) => ({
      text: keys[slot] as string,
      embedding: values[slot] as E,
      similarity: similarities[i] as number,
    }));
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

  #vectorOf(name: string, given: string | Embedding): Float64Array | undefined {
    if (typeof given !== 'string') return Float64Array.from(checkedVector(name, given));
    const slot = calls.peek(this.#slots.id, 0, now(), given);
    return slot < 0 ? undefined : Float64Array.from(this.#slots.values[slot] as E);
  }

  #store(text: string, embedding: E, options: SetOptions | undefined): void {
    const slots = this.#slots;
    slots.set(embedding, text, options, (bytes, ttl, at) => calls.set(slots.id, 0, at, text, bytes, ttl));
  }
}

/** A vector of finite numbers. O(dimensions). */
function checkedVector<E extends Embedding>(name: string, value: E): E {
  const isBig = types.isBigInt64Array(value) || types.isBigUint64Array(value);
  if (isBig || !(Array.isArray(value) || types.isTypedArray(value))) {
    check.wrongType(name, 'a number[], Float32Array, Float64Array or integer typed array of finite numbers', value);
  }
  for (let i = 0; i < value.length; i += 1) {
    const element: unknown = value[i];
    if (typeof element !== 'number') check.wrongType(`${name}[${i}]`, 'a finite number', element);
    if (!Number.isFinite(element)) check.outOfRange(`${name}[${i}]`, 'a finite number', element);
  }
  return value;
}
