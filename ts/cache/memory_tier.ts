/**
 * Entries in this thread's heap: values by slot here, and in the engine which key has which slot and who leaves.
 *
 * What always holds: a value is referenced from here exactly as long as the engine holds its entry; listeners are called
 * when everything is consistent, so that they may use the cache they listen to.
 */
import { native } from '../native.js';
import { sizeOf, textSize } from '../value/size.js';
import { page } from './content_key.js';
import type { Eviction, EvictionReason, MissCost, Savings } from './options.js';
import { fullCost, SavedCosts } from './saved_costs.js';
import { type Extras, type Found, type FullCost, MISS, type Tier, type TierFigures } from './tier.js';

/** The engine's functions that are called most. */
const calls = native.cacheCalls();

const REASONS: readonly EvictionReason[] = ['entries', 'bytes', 'expired'];
const dropped = new Float64Array(256);
const numbers = new Float64Array(8);

/** The clock of these tiers, looked up at each call: fake timers (Vitest, Jest) may have replaced it. */
export function now(): number {
  return performance.now();
}

/** Checked options of a {@link MemoryTier}. */
export interface MemoryTierOptions<V, K> {
  maxSize: number;
  maxBytes: number;
  ttl: number;
  /** Milliseconds an expired entry is kept for `getStale`. */
  stale: number;
  policy: 'lru' | 'tinylfu';
  onEvict: ((eviction: Eviction<V, K>) => void) | undefined;
  missCost: MissCost | undefined;
  /** Bytes of what is kept of a key; `undefined` when nothing is. */
  keySize: ((key: K) => number) | undefined;
}

export class MemoryTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = false;
  readonly maxSize: number;
  /** What the engine knows this tier by. */
  readonly id: number;
  /** Keeps the engine's side alive as long as this. */
  readonly handle: InstanceType<typeof native.CacheHandle>;
  readonly values: (V | undefined)[] = [];
  /** What is kept of the keys; empty in a tier that keeps nothing. */
  readonly keys: (K | undefined)[] = [];
  readonly #notes: (string | undefined)[] = [];
  readonly #keySize: ((key: K) => number) | undefined;
  readonly #onEvict: ((eviction: Eviction<V, K>) => void) | undefined;
  readonly #saved: SavedCosts;
  /** Cost of each slot's miss where it differs from the cache's. */
  #costs: Map<number, FullCost> | undefined;

  constructor({ maxSize, maxBytes, ttl, stale, policy, onEvict, missCost, keySize }: MemoryTierOptions<V, K>) {
    this.maxSize = maxSize;
    this.#keySize = keySize;
    this.#onEvict = onEvict;
    this.#saved = new SavedCosts(fullCost('missCost', missCost));
    this.handle = new native.CacheHandle(
      page,
      maxSize,
      maxBytes,
      ttl,
      stale,
      policy === 'tinylfu',
      onEvict !== undefined,
    );
    this.id = this.handle.id;
  }

  get(structure: number, text: string): V | typeof MISS {
    const slot = calls.get(this.id, structure, now(), text);
    if (slot < 0) {
      if (slot === -2) this.takeDropped();
      return MISS;
    }
    if (this.#costs !== undefined) this.#saved.hit(this.#costs.get(slot));
    return this.values[slot] as V;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const answer = calls.getStale(this.id, structure, now(), text, window);
    if (answer < 0) {
      if (answer === -2) this.takeDropped();
      return undefined;
    }
    const slot = Math.floor(answer / 2);
    this.#saved.hit(this.#costs?.get(slot));
    return { value: this.values[slot] as V, stale: answer % 2 === 1 };
  }

  has(structure: number, text: string): boolean {
    return calls.peek(this.id, structure, now(), text) >= 0;
  }

  peek(structure: number, text: string): V | typeof MISS {
    const slot = calls.peek(this.id, structure, now(), text);
    return slot < 0 ? MISS : (this.values[slot] as V);
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    const slots = new Int32Array(lengths.length);
    const isDropped = native.cacheGetMany(this.id, texts, lengths, slots, now());
    const found = Array.from(slots, (slot) => {
      if (slot < 0) return MISS;
      this.#saved.hit(this.#costs?.get(slot));
      return this.values[slot] as V;
    });
    if (isDropped) this.takeDropped();
    return found;
  }

  set(structure: number, text: string, value: V, { key, note, ttl, cost }: Extras<K>): void {
    const keySize = key === undefined || this.#keySize === undefined ? 0 : this.#keySize(key);
    const bytes = Math.ceil(sizeOf(value) + keySize + (note === '' ? 0 : 8 + textSize(note)));
    const answer = calls.set(this.id, structure, now(), text, bytes, ttl);
    if (answer < 0) {
      if (answer === -2) this.takeDropped();
      return;
    }
    const slot = Math.floor(answer / 2);
    // What was dropped is read before its slot is written again.
    const evicted = answer % 2 === 1 ? this.#collectDropped() : [];
    this.values[slot] = value;
    if (this.#keySize !== undefined) this.keys[slot] = key;
    if (note !== '') this.#notes[slot] = note;
    if (cost !== undefined) {
      this.#costs ??= new Map();
      this.#costs.set(slot, cost);
    } else if (this.#costs !== undefined) {
      this.#costs.delete(slot);
    }
    this.#tell(evicted);
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    for (const [text, value] of pairs) this.set(0, text, value, { ...extras, key: text as K });
  }

  delete(structure: number, text: string): boolean {
    const answer = native.cacheRemove(this.id, structure, text, now());
    if (answer < 0) return false;
    this.#forget(Math.floor(answer / 2));
    return answer % 2 === 1;
  }

  /** Deletes the entry in an occupied slot. */
  deleteSlot(slot: number): void {
    native.cacheRemoveSlot(this.id, slot);
    this.#forget(slot);
  }

  #forget(slot: number): void {
    this.values[slot] = undefined;
    if (this.keys.length > 0) this.keys[slot] = undefined;
    if (this.#notes.length > 0) this.#notes[slot] = undefined;
    this.#costs?.delete(slot);
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
        this.#forget(slot);
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
    this.#notes.length = 0;
    this.#costs = undefined;
    this.#saved.clear();
  }

  /** Slots of the live entries, the least recently used first. */
  liveSlots(): Uint32Array {
    const at = now();
    const slots = new Uint32Array(native.cacheLive(this.id, at));
    return slots.subarray(0, native.cacheLiveSlots(this.id, slots, at));
  }

  *notes(): Iterable<string> {
    for (const note of this.#notes) if (note !== undefined) yield note;
  }

  figures(): TierFigures {
    native.cacheStats(this.id, numbers, now());
    const [hits, misses, evictions, live, bytes, allocated] = numbers as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const pointers = 8 * (this.values.length + this.keys.length + this.#notes.length);
    return { hits, misses, evictions, live, memoryUsage: bytes + allocated + pointers };
  }

  savings(): Savings {
    return this.#saved.total(this.figures().hits);
  }

  close(): void {}
}
