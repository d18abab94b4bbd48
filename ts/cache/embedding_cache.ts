import { types } from 'node:util';
import * as check from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { native } from '../native.js';
import { BaseCache } from './base_cache.js';
import { now } from './clock.js';
import { textForm } from './key/key_form.js';
import type { KeyedStore } from './keyed_store.js';
import type {
  ComputeContext,
  ComputeOptions,
  DumpedEntry,
  LookupOptions,
  SetOptions,
  TieredCacheOptions,
} from './options.js';
import { MemoryTier } from './stores/memory_tier.js';
import { MISS } from './stores/tier.js';
import { tieredStore } from './stores/tiered_store.js';

const DEFAULTS = { maxSize: 1000, ttl: 86_400_000 };
const TEXT = textForm('text');
const NO_NEAREST =
  'nearest searches embeddings in this thread’s heap; with shared or persist, copy those to search into an EmbeddingCache without';

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
 * numbers. With `shared` or `persist`, a copy of it.
 *
 * Defaults: 1000 entries, 24 hours.
 */
export class EmbeddingCache<E extends Embedding = number[]> extends BaseCache {
  readonly #store: KeyedStore<E, string>;

  /** @throws RangeError or TypeError for an option that cannot be used. */
  constructor(options?: TieredCacheOptions<E, string>) {
    const store = tieredStore<E, string>('EmbeddingCache', options, DEFAULTS, TEXT);
    super(store);
    this.#store = store;
  }

  /** Returns the embedding, or `undefined` when there is none or it has expired. */
  get(text: string, options?: LookupOptions): E | undefined {
    return this.#store.getText(text, options);
  }

  /**
   * Stores `embedding`, in place of what was there.
   *
   * @throws TypeError when it is no array of numbers, RangeError when one of them is not finite.
   */
  set(text: string, embedding: E, options?: SetOptions): void {
    this.#store.setText(text, checkedVector('embedding', embedding), options);
  }

  /**
   * The embedding of `text`; where there is none, what `fn` computes, which is then stored. Callers that ask at the same
   * time share one computation; when it fails, all of them get its error and nothing is stored.
   */
  getOrCompute(
    text: string,
    fn: (context: ComputeContext) => E | PromiseLike<E>,
    options?: ComputeOptions<E>,
  ): Promise<E> {
    const checked = async (context: ComputeContext) => checkedVector('the computed embedding', await fn(context));
    return this.#store.getOrCompute(text, undefined, typeof fn === 'function' ? checked : fn, options);
  }

  /** Returns true if there is a live entry: no hit, no miss, and no use. */
  has(text: string, options?: LookupOptions): boolean {
    return this.#store.has(text, undefined, options);
  }

  /** Returns the value of a live entry, or `undefined`: no hit, no miss, and no use. */
  peek(text: string): E | undefined {
    return this.#store.peek(text, undefined, undefined);
  }

  /**
   * Returns the milliseconds that an entry has left; 0 without one, `Infinity` for one that never expires.
   *
   * @throws AiEvalsError `ERR_UNSUPPORTED` with `shared` or `persist`.
   */
  getRemainingTTL(text: string): number {
    return this.#store.remainingTtl(text, undefined, undefined);
  }

  /** Iterates over keys and values of the live entries, the least recently used first. O(n). */
  *entries(): IterableIterator<[string, E]> {
    yield* this.#store.entries();
  }

  /** Returns the live entries for {@link load}, the least recently used first. O(n). */
  dump(): [string, DumpedEntry<E>][] {
    return this.#store.dump();
  }

  /** Stores the entries of a {@link dump}, be it of another process. An entry that has expired since is left out. O(n). */
  load(entries: Iterable<readonly [string, DumpedEntry<E>]>): void {
    this.#store.load(entries);
  }

  /** Removes an entry. Returns whether it was there. */
  delete(text: string): boolean {
    return this.#store.delete(text, undefined, undefined);
  }

  /**
   * Returns what is cached of `texts`: one entry per distinct text, in order, `undefined` where there is none. Each distinct text
   * counts as one hit or miss. One call into the engine for all of them.
   */
  batchGet(texts: Iterable<string>, options?: LookupOptions): Map<string, E | undefined> {
    const distinct = distinctTexts(texts);
    const mode = this.#store.modeOf(options);
    const found = this.#store.getMany(distinct, mode);
    const missed = mode === 'replay' ? distinct.find((_, i) => found[i] === MISS) : undefined;
    if (missed !== undefined) throw this.#store.missOf(missed, undefined, undefined);
    return new Map(distinct.map((text, i) => [text, found[i] === MISS ? undefined : (found[i] as E)]));
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
    this.#store.setMany(pairs, options);
  }

  /**
   * The embeddings of `texts`: one entry per distinct text, in order. Those that are not cached are asked of `fn` in one
   * call, `fn(missing)`, which answers with a vector for each in the same order; they are then stored. A text that another
   * caller is having computed at this moment (with `shared` or `persist`, in another thread or process too) is not asked
   * for again, unless that comes to nothing: then what is left is asked of `fn` in another call. An `Error` in the place of a
   * vector is the failure of that text alone: the others are stored, and the call rejects with it.
   *
   * @throws what `fn` threw, to all who waited for a text of that call; RangeError when it answers with another number of
   * vectors.
   */
  batchGetOrCompute(
    texts: Iterable<string>,
    fn: (missing: string[], context: ComputeContext) => readonly (E | Error)[] | PromiseLike<readonly (E | Error)[]>,
    options?: ComputeOptions<E>,
  ): Promise<Map<string, E>> {
    try {
      check.callable('fn', fn);
      const checked = async (missing: string[], context: ComputeContext) =>
        vectors(missing, await fn(missing, context));
      return this.#store.computeMany(distinctTexts(texts), checked, options);
    } catch (error) {
      return Promise.reject(error);
    }
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
    const { tier } = this.#store;
    if (!(tier instanceof MemoryTier)) {
      throw new AiEvalsError('ERR_UNSUPPORTED', NO_NEAREST);
    }
    const query = Float64Array.from(checkedVector('vector', vector));
    const count = Math.min(check.positiveInteger('k', k), tier.maxSize);
    const { id, keys, values } = tier;
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

  /** With `shared` or `persist`: lets go of the memory or file. The cache must not be used afterwards. */
  close(): void {
    this.#store.tier.close();
  }

  #vectorOf(name: string, given: string | Embedding): Float64Array | undefined {
    if (typeof given !== 'string') return Float64Array.from(checkedVector(name, given));
    const value = this.#store.tier.peek(0, given);
    return value === MISS ? undefined : Float64Array.from(value);
  }
}

function distinctTexts(texts: Iterable<string>): string[] {
  const distinct = [...new Set(check.iterable('texts', texts))];
  for (const text of distinct) check.string('each of texts', text);
  return distinct;
}

/** Checks what was computed for `texts`. */
function vectors<E extends Embedding>(
  texts: readonly string[],
  computed: readonly (E | Error)[],
): readonly (E | Error)[] {
  if (!Array.isArray(computed)) check.wrongType('what fn computes', 'an array of embeddings', computed);
  if (computed.length !== texts.length) {
    check.outOfRange('what fn computes', `as many embeddings as texts (${texts.length})`, computed.length);
  }
  return computed.map((vector, i) =>
    types.isNativeError(vector) ? vector : checkedVector(`the computed embedding [${i}]`, vector as E),
  );
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
