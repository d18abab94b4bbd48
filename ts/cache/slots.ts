/**
 * What every cache is made of: values by slot here, and in the engine which key has which slot and who leaves.
 *
 * What always holds: a value is referenced from here exactly as long as the engine holds its entry; listeners are called
 * when everything is consistent, so that they may use the cache they listen to.
 */
import * as check from '../arguments.js';
import { native } from '../native.js';
import { page } from './content_key.js';
import type { CacheOptions, CacheStats, Eviction, EvictionReason, MissCost, Savings, SetOptions } from './options.js';
import { sizeOf } from './value_size.js';

/** Read through a name captured at load: a test that fakes `performance` still gets true access times. */
const realNow = performance.now.bind(performance);

/** Between two timed `get`s are 0 to 30 untimed ones: one in sixteen is timed, whatever the rhythm of the caller. */
const PAUSES = 31;

/** The engine's functions that are called most. */
export const calls = native.cacheCalls();

const REASONS: readonly EvictionReason[] = ['entries', 'bytes', 'expired'];
const dropped = new Float64Array(256);
const figures = new Float64Array(8);

/** The clock of every cache, looked up at each call: fake timers (Vitest, Jest) may have replaced it. */
export function now(): number {
  return performance.now();
}

const NO_OPTIONS = { ttl: 0, cost: undefined };

interface FullCost {
  tokens: number;
  usd: number;
}

/** Values of type `V`, each with what the cache class keeps of its key, `K`. */
export class Slots<V, K> {
  /** What the engine knows this cache by. */
  readonly id: number;
  /** Keeps the engine's side alive as long as this. */
  readonly handle: InstanceType<typeof native.CacheHandle>;
  readonly maxSize: number;
  readonly values: (V | undefined)[] = [];
  /** What is kept of the keys; empty in a cache that keeps nothing. */
  readonly keys: (K | undefined)[] = [];
  readonly #keySize: ((key: K) => number) | undefined;
  readonly #onEvict: ((eviction: Eviction<V, K>) => void) | undefined;
  readonly #missCost: FullCost;
  /** Cost of each slot's miss where it differs from the cache's. */
  #costs: Map<number, FullCost> | undefined;
  #own = { calls: 0, tokens: 0, usd: 0 };
  /** `get`s before the next that is timed. */
  #untimed = 0;
  #random = 1;
  #timed = 0;
  #time = 0;

  constructor(
    given: CacheOptions<V, K> | undefined,
    defaults: { maxSize: number; ttl: number },
    keySize?: (key: K) => number,
  ) {
    const options = check.options('options', given);
    // Defaults stand for what is absent, not for null.
    const { maxSize = defaults.maxSize, ttl = defaults.ttl, policy = 'lru', onEvict } = options;
    const { maxBytes = Number.POSITIVE_INFINITY } = options;
    this.maxSize = check.positiveInteger('maxSize', maxSize);
    check.positiveNumber('ttl', ttl);
    check.positiveNumber('maxBytes', maxBytes);
    if (typeof policy !== 'string') check.wrongType('policy', "'lru' or 'tinylfu'", policy);
    if (policy !== 'lru' && policy !== 'tinylfu') check.outOfRange('policy', "'lru' or 'tinylfu'", policy);
    this.#onEvict = onEvict === undefined ? undefined : check.callable('onEvict', onEvict);
    this.#missCost = missCost('missCost', options.missCost);
    this.#keySize = keySize;
    this.handle = new native.CacheHandle(
      page,
      this.maxSize,
      maxBytes,
      ttl,
      policy === 'tinylfu',
      this.#onEvict !== undefined,
    );
    this.id = this.handle.id;
  }

  /** The slot that `native.get` answered with, or −1: takes what it dropped, counts what it saved. */
  found(slot: number): number {
    if (slot < 0) {
      if (slot === -2) this.takeDropped();
      return -1;
    }
    if (this.#costs !== undefined) {
      const own = this.#costs.get(slot);
      if (own) {
        this.#own.calls += 1;
        this.#own.tokens += own.tokens;
        this.#own.usd += own.usd;
      }
    }
    return slot;
  }

  /** When this `get` (or the first of `gets`) starts, if it is one to be timed; else 0. */
  timed(gets = 1): number {
    this.#untimed -= gets;
    if (this.#untimed >= 0) return 0;
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) | 0;
    this.#untimed = (this.#random >>> 16) % PAUSES;
    return realNow();
  }

  /** Ends the timing of `gets` that started at `start`. */
  timedSince(start: number, gets = 1): void {
    // The clock's resolution may be coarser than a `get`: never 0.
    this.#time += Math.max(realNow() - start, 1e-6);
    this.#timed += gets;
  }

  /** Stores `value` under the key that `store` gives the engine. */
  set(
    value: V,
    key: K | undefined,
    options: SetOptions | undefined,
    store: (bytes: number, ttl: number, now: number) => number,
  ): void {
    const { ttl, cost } = setOptions(options);
    const bytes = Math.ceil(
      sizeOf(value) + (key === undefined || this.#keySize === undefined ? 0 : this.#keySize(key)),
    );
    const answer = store(bytes, ttl, now());
    if (answer < 0) {
      const evicted = answer === -2 ? this.#collectDropped() : [];
      this.#tell(evicted);
      return;
    }
    const slot = Math.floor(answer / 2);
    // What was dropped is read before its slot is written again.
    const evicted = answer % 2 === 1 ? this.#collectDropped() : [];
    this.values[slot] = value;
    if (this.#keySize !== undefined) this.keys[slot] = key;
    if (cost !== undefined) {
      this.#costs ??= new Map();
      this.#costs.set(slot, cost);
    } else if (this.#costs !== undefined) {
      this.#costs.delete(slot);
    }
    this.#tell(evicted);
  }

  /** Forgets the value of `slot`, which the engine has given up. */
  forget(slot: number): void {
    this.values[slot] = undefined;
    if (this.keys.length > 0) this.keys[slot] = undefined;
    this.#costs?.delete(slot);
  }

  /** What `native.remove` answered: forgets the value; true if it was live. */
  removed(answer: number): boolean {
    if (answer < 0) return false;
    this.forget(Math.floor(answer / 2));
    return answer % 2 === 1;
  }

  /** Forgets what the engine dropped and tells the listener. */
  takeDropped(): void {
    this.#tell(this.#collectDropped());
  }

  #collectDropped(): Eviction<V, K>[] {
    const evicted: Eviction<V, K>[] = [];
    for (;;) {
      const count = native.cacheTakeDropped(this.id, dropped);
      for (let i = 0; i < count; i += 1) {
        const code = dropped[i] as number;
        const slot = Math.floor(code / 4);
        if (this.#onEvict !== undefined) {
          evicted.push({
            key: this.keys[slot] as K,
            value: this.values[slot] as V,
            reason: REASONS[code % 4] as EvictionReason,
          });
        }
        this.forget(slot);
      }
      if (count < dropped.length) return evicted;
    }
  }

  #tell(evicted: readonly Eviction<V, K>[]): void {
    for (const eviction of evicted) {
      try {
        this.#onEvict?.(eviction);
      } catch (error) {
        const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.emitWarning(`onEvict threw; the cache goes on. ${told}`, { type: 'ListenerError' });
      }
    }
  }

  removeExpired(): number {
    const count = native.cacheRemoveExpired(this.id, now());
    if (count > 0) this.takeDropped();
    return count;
  }

  clear(): void {
    native.cacheClear(this.id);
    this.values.length = 0;
    this.keys.length = 0;
    this.#costs = undefined;
    this.#own = { calls: 0, tokens: 0, usd: 0 };
    this.#untimed = 0;
    this.#timed = 0;
    this.#time = 0;
  }

  /** Slots of the live entries, the least recently used first. */
  liveSlots(): Uint32Array {
    const at = now();
    const slots = new Uint32Array(native.cacheLive(this.id, at));
    return slots.subarray(0, native.cacheLiveSlots(this.id, slots, at));
  }

  stats(): CacheStats {
    native.cacheStats(this.id, figures, now());
    const [hits, misses, evictions, live, bytes, allocated] = figures as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const asked = hits + misses;
    return {
      hits,
      misses,
      hitRate: asked === 0 ? 0 : hits / asked,
      size: live,
      entries: live,
      maxSize: this.maxSize,
      evictions,
      memoryUsage: bytes + allocated + 8 * (this.values.length + this.keys.length),
      avgAccessTime: this.#timed === 0 ? 0 : this.#time / this.#timed,
    };
  }

  savings(): Savings {
    native.cacheStats(this.id, figures, now());
    const calls = figures[0] as number;
    const usual = calls - this.#own.calls;
    return {
      calls,
      tokens: usual * this.#missCost.tokens + this.#own.tokens,
      usd: usual * this.#missCost.usd + this.#own.usd,
    };
  }
}

/** The checked options of one `set`; a `ttl` of 0 stands for the cache's own. */
export function setOptions(options: SetOptions | undefined): { ttl: number; cost: FullCost | undefined } {
  if (options === undefined) return NO_OPTIONS;
  const given = check.options('options', options);
  return {
    ttl: given.ttl === undefined ? 0 : check.positiveNumber('ttl', given.ttl),
    cost: given.missCost === undefined ? undefined : missCost('missCost', given.missCost),
  };
}

function missCost(name: string, given: MissCost | undefined): FullCost {
  const { tokens = 0, usd = 0 } = check.options(name, given);
  return {
    tokens: check.nonNegativeNumber(`${name}.tokens`, tokens),
    usd: check.nonNegativeNumber(`${name}.usd`, usd),
  };
}
