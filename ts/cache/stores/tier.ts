/** The interface of a store of entries: in this thread's heap, in the process's memory, or in a file. */
import type { KeyCopy, KeyList } from '../key/content_key.js';
import type { Savings } from '../options.js';

/** Answer to the lookup of a key that is not held, as `undefined` can be stored. */
export const MISS: unique symbol = Symbol('miss');

/** An entry that was found. */
export interface Found<V> {
  value: V;
  /** It has expired, and is given because a window allows it. */
  stale: boolean;
}

/** Cost of a miss of an entry. */
export interface FullCost {
  tokens: number;
  usd: number;
}

/** Data stored beside a value. */
export interface Extras<K> {
  /** Part of the key to keep, in a tier that keeps keys. */
  key: K | undefined;
  /** Description of the entry, which only {@link Tier.notes} gives back. */
  note: string;
  /** Milliseconds to live; 0 stands for the cache's own. */
  ttl: number;
  cost: FullCost | undefined;
  /** Ticket of the claim under which it was computed, without which it is not stored. 0: it is stored in any case. */
  ticket: number;
}

/** Answer of a tier to a claim. */
export interface Claimed {
  /** For {@link Extras} and {@link Tier.release}. */
  ticket: number;
  /** For each key: 1 if it is the caller's to compute, 0 if another computes it, 2 if there is an entry by now. */
  answers: Uint8Array;
}

/** The figures of a tier. */
export interface TierFigures {
  hits: number;
  misses: number;
  evictions: number;
  live: number;
  memoryUsage: number;
  diskUsage?: number;
}

/**
 * Entries by written keys (see `content_key.ts`): `structure` units on the page, and `text`. The caller calls `keyRead`.
 *
 * Invariants: there are never more than `maxSize` live entries after a `set`; what has expired is only ever
 * given by `getStale`.
 */
export interface Tier<V, K> {
  readonly maxSize: number;
  /** True if keys have to mean the same in other threads and processes. */
  readonly keysForOthers: boolean;
  /** The value, or {@link MISS}; counts, and is a use. */
  get(structure: number, text: string): V | typeof MISS;
  /** Returns what `get` does, and also an entry that expired less than `window` ms ago. */
  getStale(structure: number, text: string, window: number): Found<V> | undefined;
  /** The values of the texts that `texts` is made of, `lengths.length` of them: {@link Tier.get} for all at once. */
  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[];
  /** The value, or {@link MISS}; counts nothing and is no use. */
  peek(structure: number, text: string): V | typeof MISS;
  /** {@link Tier.peek} for all keys at once. */
  peekMany?(keys: KeyList): (V | typeof MISS)[];
  /** Returns the milliseconds that a live entry has left; 0 without one. Of tiers that know. */
  remaining?(structure: number, text: string): number;
  /** Returns true if `peek` would find a value. */
  has(structure: number, text: string): boolean;
  set(structure: number, text: string, value: V, extras: Extras<K>): void;
  /** `set` for each text; none where one cannot be stored. */
  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void;
  /** Was there a live entry? */
  delete(structure: number, text: string): boolean;
  clear(): void;
  removeExpired(): number;
  figures(): TierFigures;
  savings(): Savings;
  /**
   * Notes of at least `most` entries (or all), in a file of those that were used last; those that have expired and are still
   * there included.
   */
  notes(most: number): Iterable<string>;
  /** True if there is an entry, be it expired. Of tiers that can tell without having it expire. */
  holds?(structure: number, text: string): boolean;
  /**
   * Lets one of several threads or processes compute a key: it has the claim until `release`, or until somebody stores or
   * deletes what is under the key. With `seizes` it gets the claims that others have, too.
   */
  claim?(keys: KeyList, seizes: boolean): Claimed;
  /** `isOpen`: it is of no use that others wait for a value of these keys, for a while. */
  release?(keys: KeyList, ticket: number, isOpen: boolean): void;
  /**
   * Claims one key, before anything that this thread writes from now on. Of tiers that do it in one write with what else
   * is asked for in this turn.
   */
  claimSoon?(key: KeyCopy, seizes: boolean): Promise<Claimed>;
  /**
   * Stores a computed value, unless `isWanted` says no by then. Resolves when it is stored. Of tiers that do it in one write
   * with what else is computed at this time. What cannot be stored is an error at once.
   */
  store?(key: KeyCopy, value: V, extras: Extras<K>, isWanted: () => boolean): Promise<void>;
  /** Lets go of what is held outside the heap. */
  close(): void;
}
