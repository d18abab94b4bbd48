/**
 * Entries in this thread's heap. The values are here, by slot; the engine knows which key has which slot, and which entry is
 * evicted.
 *
 * Invariants: a value is referenced from here exactly as long as the engine holds its entry. Listeners are called when
 * everything is consistent, so that they may use the cache they listen to.
 */
import { native } from '../../native.js';
import { sizeOf, textSize } from '../../value/size.js';
import { now, roughly } from '../clock.js';
import { page } from '../key/content_key.js';
import type { Eviction, EvictionReason, MissCost, Savings } from '../options.js';
import { fullCost, SavedCosts } from '../savings.js';
import { type Extras, type Found, type FullCost, MISS, type Tier, type TierFigures } from './tier.js';

/** The engine's functions that are called most. */
export const calls = native.cacheCalls();

/** Reasons for which the engine drops an entry, by number. */
const REASONS: readonly EvictionReason[] = ['entries', 'bytes', 'expired'];
/** Lifetime from which on a deadline may be early by what a synchronous run takes, in ms. */
const LONG = 60_000;

const NO_DEADLINES = new Float64Array(0);
const NONE_LEFT: readonly never[] = [];
const dropped = new Float64Array(256);
const numbers = new Float64Array(8);

/** Checked options of a {@link MemoryTier}. */
export interface MemoryTierOptions<V, K> {
  maxSize: number;
  maxBytes: number;
  ttl: number;
  /** Milliseconds that an expired entry is kept for `getStale`. */
  stale: number;
  policy: 'lru' | 'tinylfu';
  onEvict: ((eviction: Eviction<V, K>) => void) | undefined;
  missCost: MissCost | undefined;
  /** Returns the bytes of what is kept of a key; `undefined` when nothing is kept. */
  keySize: ((key: K) => number) | undefined;
}

/** Returns the time from which an entry that is stored now lives for `lifetime` ms. */
export function startOf(lifetime: number): number {
  return lifetime < LONG ? now() : roughly();
}

export class MemoryTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = false;
  readonly maxSize: number;
  /** Number by which the engine knows this tier. */
  readonly id: number;
  /** Keeps the engine's side alive as long as this. */
  readonly handle: InstanceType<typeof native.CacheHandle>;
  readonly values: (V | undefined)[] = [];
  /** Parts of the keys that are kept, by slot; empty in a tier that keeps nothing. */
  readonly keys: (K | undefined)[] = [];
  /** Times at which the entries expire, by slot. */
  protected deadlines: Float64Array = NO_DEADLINES;
  protected readonly ttl: number;
  readonly #notes: (string | undefined)[] = [];
  readonly #keySize: ((key: K) => number) | undefined;
  readonly #onEvict: ((eviction: Eviction<V, K>) => void) | undefined;
  readonly #saved: SavedCosts;
  /** Costs of a miss, by slot, that differ from the cache's. */
  protected costs: Map<number, FullCost> | undefined;

  /** The engine reads from `uses` and `replacements` what was done without it; see `TextTier`. */
  constructor(options: MemoryTierOptions<V, K>, uses = new Uint32Array(1), replacements = new Float64Array(2)) {
    const { maxSize, maxBytes, ttl, stale, policy, onEvict, missCost, keySize } = options;
    this.maxSize = maxSize;
    this.ttl = ttl;
    this.#keySize = keySize;
    this.#onEvict = onEvict;
    this.#saved = new SavedCosts(fullCost('missCost', missCost));
    this.handle = new native.CacheHandle(
      page,
      uses,
      replacements,
      Math.min(maxSize, Number.MAX_SAFE_INTEGER),
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
    return this.valueOf(slot);
  }

  /** Returns the value of a hit. */
  protected valueOf(slot: number): V {
    if (this.costs !== undefined) this.#saved.hit(this.costs.get(slot));
    return this.values[slot] as V;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const answer = calls.getStale(this.id, structure, now(), text, window);
    if (answer < 0) {
      if (answer === -2) this.takeDropped();
      return undefined;
    }
    const slot = Math.floor(answer / 2);
    return { value: this.valueOf(slot), stale: answer % 2 === 1 };
  }

  /** Returns the slot of a live entry, or -1; no use. */
  protected liveSlot(structure: number, text: string): number {
    return calls.peek(this.id, structure, now(), text);
  }

  has(structure: number, text: string): boolean {
    return this.liveSlot(structure, text) >= 0;
  }

  peek(structure: number, text: string): V | typeof MISS {
    const slot = this.liveSlot(structure, text);
    return slot < 0 ? MISS : (this.values[slot] as V);
  }

  remaining(structure: number, text: string): number {
    const slot = this.liveSlot(structure, text);
    return slot < 0 ? 0 : this.remainingOf(slot);
  }

  /** Returns the milliseconds that a live entry has left. */
  remainingOf(slot: number): number {
    return (this.deadlines[slot] as number) - now();
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    const slots = new Int32Array(lengths.length);
    const isDropped = native.cacheGetMany(this.id, texts, lengths, slots, now());
    const found = Array.from(slots, (slot) => {
      return slot < 0 ? MISS : this.valueOf(slot);
    });
    if (isDropped) this.takeDropped();
    return found;
  }

  set(structure: number, text: string, value: V, { key, note, ttl, cost }: Extras<K>): void {
    const keySize = key === undefined || this.#keySize === undefined ? 0 : this.#keySize(key);
    const bytes = sizeOf(value) + keySize + (note === '' ? 0 : 8 + textSize(note));
    this.put(structure, text, key, value, bytes, note, ttl, cost);
  }

  /** Stores a value of `bytes`, as {@link set} does. */
  protected put(
    structure: number,
    text: string,
    key: K | undefined,
    value: V,
    bytes: number,
    note: string,
    ttl: number,
    cost: FullCost | undefined,
  ): void {
    const lifetime = ttl || this.ttl;
    const at = startOf(lifetime);
    const answer = calls.set(this.id, structure, at, text, bytes, ttl);
    if (answer < 0) {
      if (answer === -2) this.takeDropped();
      return;
    }
    const slot = Math.floor(answer / 2);
    // A slot that was dropped is read before it is written again.
    let left: readonly Eviction<V, K>[] = answer % 2 === 1 ? this.#collectDropped() : NONE_LEFT;
    if (this.#onEvict !== undefined) {
      const replaced = this.values[slot];
      if (replaced !== undefined && replaced !== value) left = [...left, this.#eviction(slot, 'replaced')];
    }
    this.placed(slot, key);
    this.values[slot] = value;
    this.#setDeadline(slot, at + lifetime);
    if (this.#keySize !== undefined) this.keys[slot] = key;
    if (note !== '') this.#notes[slot] = note;
    else if (slot < this.#notes.length) this.#notes[slot] = undefined;
    if (cost !== undefined) {
      this.costs ??= new Map();
      this.costs.set(slot, cost);
    } else if (this.costs !== undefined) {
      this.costs.delete(slot);
    }
    if (left.length > 0) this.#tell(left);
  }

  /** Called when the entry of `key` gets a slot, and while {@link keys} has what was there before. */
  protected placed(_slot: number, _key: K | undefined): void {}

  /** Called when a slot loses its entry, and while {@link keys} still has its key. */
  protected vacated(_slot: number): void {}

  /** Called when all slots lose their entries. */
  protected emptied(): void {}

  #setDeadline(slot: number, deadline: number): void {
    if (slot >= this.deadlines.length) {
      const longer = new Float64Array(Math.max(16, 2 * slot));
      longer.set(this.deadlines);
      this.deadlines = longer;
    }
    this.deadlines[slot] = deadline;
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    for (const [text, value] of pairs) this.set(0, text, value, { ...extras, key: text as K });
  }

  delete(structure: number, text: string): boolean {
    const answer = native.cacheRemove(this.id, structure, text, now());
    if (answer < 0) return false;
    const isLive = answer % 2 === 1;
    this.#leave(Math.floor(answer / 2), isLive ? 'deleted' : 'expired');
    return isLive;
  }

  /** Deletes the entry in an occupied slot. */
  deleteSlot(slot: number, reason: EvictionReason = 'deleted'): void {
    native.cacheRemoveSlot(this.id, slot);
    this.#leave(slot, reason);
  }

  /** Forgets an entry that the engine has removed, and tells the listener. */
  #leave(slot: number, reason: EvictionReason): void {
    const left = this.#onEvict === undefined ? NONE_LEFT : [this.#eviction(slot, reason)];
    this.#forget(slot);
    this.#tell(left);
  }

  #eviction(slot: number, reason: EvictionReason): Eviction<V, K> {
    return { key: this.keys[slot] as K, value: this.values[slot] as V, reason };
  }

  #forget(slot: number): void {
    this.vacated(slot);
    this.values[slot] = undefined;
    if (this.keys.length > 0) this.keys[slot] = undefined;
    if (this.#notes.length > 0) this.#notes[slot] = undefined;
    this.costs?.delete(slot);
  }

  /** Forgets what the engine dropped and tells the listener. */
  takeDropped(): void {
    this.#tell(this.#collectDropped());
  }

  #collectDropped(): readonly Eviction<V, K>[] {
    const evicted: Eviction<V, K>[] = [];
    for (;;) {
      const count = native.cacheTakeDropped(this.id, dropped);
      for (let i = 0; i < count; i += 1) {
        const code = dropped[i] as number;
        const slot = Math.floor(code / 4);
        if (this.#onEvict !== undefined) evicted.push(this.#eviction(slot, REASONS[code % 4] as EvictionReason));
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
    const left =
      this.#onEvict === undefined ? NONE_LEFT : Array.from(this.liveSlots(), (slot) => this.#eviction(slot, 'cleared'));
    native.cacheClear(this.id);
    this.emptied();
    this.values.length = 0;
    this.deadlines = NO_DEADLINES;
    this.keys.length = 0;
    this.#notes.length = 0;
    this.costs = undefined;
    this.#saved.clear();
    this.#tell(left);
  }

  /** Returns the slots of the live entries, the least recently used first. */
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
    const pointers = 8 * (this.values.length + this.keys.length + this.#notes.length + this.deadlines.length);
    return { hits, misses, evictions, live, memoryUsage: bytes + allocated + pointers };
  }

  savings(): Savings {
    return this.#saved.total(this.figures().hits);
  }

  close(): void {}
}
