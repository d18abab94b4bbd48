/** Where the entries of a cache are: in this thread's heap, in the process's memory, or in a file. */
import type { Savings } from './options.js';

/** What the lookup of a key that is not held answers: a stored `undefined` is something. */
export const MISS: unique symbol = Symbol('miss');

/** An entry that was found. */
export interface Found<V> {
  value: V;
  /** It has expired, and is given because a window allows it. */
  stale: boolean;
}

/** What a miss of an entry costs. */
export interface FullCost {
  tokens: number;
  usd: number;
}

/** What is stored beside a value. */
export interface Extras<K> {
  /** What is kept of the key, in a tier that keeps keys. */
  key: K | undefined;
  /** What the entry is, in words that only {@link Tier.notes} gives back. */
  note: string;
  /** Milliseconds to live; 0 stands for the cache's own. */
  ttl: number;
  cost: FullCost | undefined;
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
 * What always holds: there are never more than `maxSize` live entries after a `set`; what has expired is only ever
 * given by `getStale`.
 */
export interface Tier<V, K> {
  readonly maxSize: number;
  /** Whether keys have to mean the same in other threads and processes. */
  readonly keysForOthers: boolean;
  /** The value, or {@link MISS}; counts, and is a use. */
  get(structure: number, text: string): V | typeof MISS;
  /** As `get`, and also what expired less than `window` ms ago. */
  getStale(structure: number, text: string, window: number): Found<V> | undefined;
  /** The values of the texts that `texts` is made of, `lengths.length` of them: {@link Tier.get} for all at once. */
  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[];
  /** The value, or {@link MISS}; counts nothing and is no use. */
  peek(structure: number, text: string): V | typeof MISS;
  /** Whether `peek` would find a value. */
  has(structure: number, text: string): boolean;
  set(structure: number, text: string, value: V, extras: Extras<K>): void;
  /** `set` for each text, all or none. */
  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void;
  /** Was there a live entry? */
  delete(structure: number, text: string): boolean;
  clear(): void;
  removeExpired(): number;
  figures(): TierFigures;
  savings(): Savings;
  /** The notes of the entries, in no order; those that have expired and are still there included. */
  notes(): Iterable<string>;
  /** Lets one of several threads or processes compute a key: whether it is this one. It keeps it until `release`. */
  claim?(structure: number, text: string): boolean;
  release?(structure: number, text: string): void;
  /** Lets go of what is held outside the heap. */
  close(): void;
}
