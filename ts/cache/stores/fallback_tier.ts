/**
 * A file, and this thread's memory for what the file does not take: a full disk, a directory that is not to be written to,
 * a file of a later version make a cache forgetful, and nothing worse.
 *
 * What always holds:
 * - no call fails because of the file; what was set last is what is found, wherever it is, and as a copy;
 * - what was replaced, deleted or cleared while the file took no writes is never found in it afterwards;
 * - a file that works again is used again, be it that it could not even be opened: it is tried at most once a second. The
 *   next write and `close` bring it up to date, so that other processes see it, too;
 * - the first failure is a process warning (`AI_EVALS_CACHE_DEGRADED`, or `AI_EVALS_CACHE_BUSY` where the file is only in use
 *   by others), the others are silent.
 *
 * What that takes in memory is bounded (see `untaken_changes.ts`); where the bound is reached, the file is given up and the
 * cache goes on in memory alone until it is closed.
 */

import { decode, type Encoded, encode } from '../../value/codec.js';
import { copyKey, type KeyCopy, keyRead, keyText, writeCopy } from '../key/content_key.js';
import type { Savings } from '../options.js';
import type { ByteTier } from './byte_tier.js';
import type { MemoryTier } from './memory_tier.js';
import { RetriedFile } from './retried_file.js';
import { type Claimed, type Extras, type Found, MISS, type Tier, type TierFigures, type WrittenKeys } from './tier.js';
import { type Change, UntakenChanges } from './untaken_changes.js';

/** Changes that one write brings the file up to date by, besides its own. */
const SLICE = 100;

const NOTHING_SAVED: Savings = { calls: 0, tokens: 0, usd: 0 };

export class FallbackTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = true;
  readonly maxSize: number;
  readonly #file: RetriedFile<V, K>;
  readonly #memory: MemoryTier<Encoded, K>;
  readonly #ttl: number;
  /** Whether there has ever been something that the file did not take. */
  #isApart = false;
  readonly #changes = new UntakenChanges();
  /** The cache was cleared, and the file has not taken that yet. */
  #isCleared = false;
  #lookups = 0;
  #hits = 0;

  /** `open` throws `ERR_STORAGE` when the file cannot be used at all. `ttl` is that of both. */
  constructor(open: () => ByteTier<V, K>, memory: MemoryTier<Encoded, K>, ttl: number) {
    this.maxSize = memory.maxSize;
    this.#file = new RetriedFile(open);
    this.#memory = memory;
    this.#ttl = ttl;
  }

  get(structure: number, text: string): V | typeof MISS {
    const found = this.getStale(structure, text, 0);
    return found === undefined ? MISS : found.value;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const inMemory = this.#isApart ? this.#memory.getStale(structure, text, window) : undefined;
    const found = inMemory
      ? { value: decoded<V>(inMemory.value), stale: inMemory.stale }
      : this.#read(structure, (file) => file.getStale(structure, text, window));
    this.#count(1, found === undefined ? 0 : 1);
    return found;
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    if (this.#isApart) return this.#eachText(texts, lengths, (structure, text) => this.get(structure, text));
    const inFile = this.#file.read((file) => file.getMany(texts, lengths));
    const found = inFile ?? Array.from(lengths, (): typeof MISS => MISS);
    this.#count(found.length, found.filter((value) => value !== MISS).length);
    return found;
  }

  /** One by one, as each may be somewhere else. */
  #eachText<R>(texts: string, lengths: Uint32Array, use: (structure: number, text: string) => R): R[] {
    let at = 0;
    return Array.from(lengths, (length) => {
      const id = texts.slice(at, at + length);
      at += length;
      return this.#withKey({ id, structure: 0 }, use);
    });
  }

  #count(lookups: number, hits: number): void {
    this.#lookups += lookups;
    this.#hits += hits;
    if (lookups > hits) this.#file.tellNotices();
  }

  peek(structure: number, text: string): V | typeof MISS {
    const value = this.#isApart ? this.#memory.peek(structure, text) : MISS;
    if (value !== MISS) return decoded(value);
    const found = this.#read(structure, (file): { value: V | typeof MISS } => ({ value: file.peek(structure, text) }));
    return found === undefined ? MISS : found.value;
  }

  peekMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    if (this.#isApart) return this.#eachText(texts, lengths, (structure, text) => this.peek(structure, text));
    return this.#file.read((file) => file.peekMany(texts, lengths)) ?? Array.from(lengths, (): typeof MISS => MISS);
  }

  has(structure: number, text: string): boolean {
    if (this.#isApart && this.#memory.has(structure, text)) return true;
    return this.#read(structure, (file) => file.has(structure, text)) ?? false;
  }

  set(structure: number, text: string, value: V, extras: Extras<K>): void {
    const isStored = this.#write((file) => {
      file.set(structure, text, value, extras);
      return true;
    });
    if (isStored) {
      this.#forget(structure, text);
      this.#catchUp(SLICE);
    } else {
      this.#remember(structure, text, stored(value), extras);
    }
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    const isStored = this.#write((file) => {
      file.setMany(pairs, extras);
      return true;
    });
    // What cannot be encoded is told before anything is stored.
    const values = isStored ? [] : pairs.map(([, value]) => stored(value));
    for (const [i, [id]] of pairs.entries()) {
      this.#withKey({ id, structure: 0 }, (structure, text) => {
        if (isStored) this.#forget(structure, text);
        else this.#remember(structure, text, values[i] as Encoded, { ...extras, key: text as K });
      });
    }
    if (isStored) this.#catchUp(SLICE);
  }

  /** The file has taken what is under a key. */
  #forget(structure: number, text: string): void {
    if (!this.#isApart) return;
    this.#memory.delete(structure, text);
    if (this.#changes.size > 0) this.#changes.delete(copyKey(structure));
  }

  #remember(structure: number, text: string, value: Encoded, extras: Extras<K>): void {
    const { note, cost, ttl } = extras;
    this.#isApart = true;
    this.#memory.set(structure, text, value, extras);
    this.#change(structure, text, { note, cost, until: Date.now() + (ttl || this.#ttl) });
  }

  /** Notes what the file has not taken. */
  #change(structure: number, text: string, kept: Change['stored']): void {
    if (this.#file.isGivenUp) return;
    const copy = copyKey(structure);
    const supersedes = this.#mayHold(structure, text, copy);
    if (supersedes || kept !== undefined) this.#changes.add({ copy, supersedes, stored: kept });
    else this.#changes.delete(copy);
    if (this.#changes.isOverflowing) this.#giveUp();
  }

  /** Whether the file may have something under a key, be it expired or known to be outdated. */
  #mayHold(structure: number, text: string, copy: KeyCopy): boolean {
    if (this.#isCleared) return false;
    if (this.#changes.get(copy)?.supersedes) return true;
    return this.#file.read((file) => file.holds(structure, text)) ?? true;
  }

  /** Without the file, there is nothing to be noted. */
  #giveUp(): void {
    this.#file.giveUp();
    this.#changes.clear();
    this.#isCleared = false;
  }

  delete(structure: number, text: string): boolean {
    const wasInMemory = this.#isApart && this.#memory.delete(structure, text);
    const isOutdated = this.#isOutdated(structure);
    const taken = this.#write((file) => ({ wasThere: file.delete(structure, text) }));
    if (taken !== undefined) {
      this.#forget(structure, text);
      this.#catchUp(SLICE);
      return wasInMemory || (taken.wasThere && !isOutdated);
    }
    const isInFile = this.#read(structure, (file) => file.has(structure, text)) ?? false;
    this.#isApart = true;
    this.#change(structure, text, undefined);
    return wasInMemory || isInFile;
  }

  clear(): void {
    this.#file.checkOpen();
    this.#memory.clear();
    this.#changes.clear();
    this.#lookups = 0;
    this.#hits = 0;
    this.#isCleared = !this.#file.isGivenUp;
    this.#catchUp(0);
    this.#isApart ||= this.#isCleared;
  }

  removeExpired(): number {
    return this.#memory.removeExpired() + (this.#write((file) => file.removeExpired()) ?? 0);
  }

  figures(): TierFigures {
    const memory = this.#memory.figures();
    const file = this.#isCleared ? undefined : this.#file.read((tier) => tier.figures());
    const inFile = file === undefined ? 0 : file.live - this.#outdated();
    const figures: TierFigures = {
      hits: this.#hits,
      misses: this.#lookups - this.#hits,
      evictions: memory.evictions + (file?.evictions ?? 0),
      // What is in memory is on its way to the file, which then has no more than that.
      live: Math.min(this.maxSize, memory.live + inFile),
      memoryUsage: memory.memoryUsage + this.#changes.bytes + (file?.memoryUsage ?? 0),
    };
    if (file?.diskUsage !== undefined) figures.diskUsage = file.diskUsage;
    return figures;
  }

  /** How many live entries of the file are outdated. O(changes that it has not taken). */
  #outdated(): number {
    let count = 0;
    for (const { copy, supersedes } of this.#changes) {
      const isLive = (structure: number, text: string) => this.#file.read((file) => file.has(structure, text));
      if (supersedes && this.#withKey(copy, isLive)) count += 1;
    }
    return count;
  }

  savings(): Savings {
    const memory = this.#memory.savings();
    const file = (this.#isCleared ? undefined : this.#file.read((tier) => tier.savings())) ?? NOTHING_SAVED;
    return {
      calls: memory.calls + file.calls,
      tokens: memory.tokens + file.tokens,
      usd: memory.usd + file.usd,
    };
  }

  *notes(most: number): Iterable<string> {
    yield* this.#memory.notes();
    if (!this.#isCleared) yield* this.#file.read((file) => [...file.notes(most)]) ?? [];
  }

  holds(structure: number, text: string): boolean {
    return this.#read(structure, (file) => file.holds(structure, text)) ?? false;
  }

  claim(keys: WrittenKeys, seizes: boolean): Claimed {
    // Where what the file has does not count, who has claimed what there does not either.
    const claimed = this.#isBehind(keys) ? undefined : this.#write((file) => file.claim(keys, seizes));
    return claimed ?? { ticket: 0, answers: new Uint8Array(keys.lengths?.length ?? 1).fill(1) };
  }

  /** Whether the file cannot be read, or has something outdated under one of `keys`. */
  #isBehind({ structure, text, lengths }: WrittenKeys): boolean {
    if (!this.#file.isReadable) return true;
    if (lengths === undefined) return this.#isOutdated(structure);
    return this.#isApart && this.#eachText(text, lengths, (place) => this.#isOutdated(place)).includes(true);
  }

  release(keys: WrittenKeys, ticket: number, isOpen: boolean): void {
    // Claims end with the file that they were made in.
    if (ticket === 0 || this.#file.opened === undefined) return;
    const isReleased = this.#file.write((file) => {
      file.release(keys, ticket, isOpen);
      return true;
    });
    if (!isReleased) this.#file.opened.releaseLater(ticket);
  }

  /** Brings the file up to date, if it takes that. */
  close(): void {
    if (this.#file.isClosed) return;
    this.#file.retryNow();
    this.#catchUp(Number.POSITIVE_INFINITY);
    this.#file.close();
    this.#memory.clear();
    this.#changes.clear();
    this.#isCleared = false;
  }

  /** What `use` answers of a file that has nothing newer than itself under the key on the page. */
  #read<R>(structure: number, use: (file: ByteTier<V, K>) => R): R | undefined {
    return this.#isOutdated(structure) ? undefined : this.#file.read(use);
  }

  /** Whether what the file has under the key on the page, if anything, is not to be found. */
  #isOutdated(structure: number): boolean {
    if (this.#isCleared) return true;
    return this.#changes.size > 0 && this.#changes.get(copyKey(structure)) !== undefined;
  }

  /** What `use` answers of a file that has been cleared when the cache has. */
  #write<R>(use: (file: ByteTier<V, K>) => R): R | undefined {
    if (this.#isCleared) this.#catchUp(0);
    return this.#isCleared ? undefined : this.#file.write(use);
  }

  /** Has the file take up to `most` changes; what it does not take stays noted. */
  #catchUp(most: number): void {
    if (this.#isCleared) {
      const isTaken = this.#file.write((file) => {
        file.clear();
        return true;
      });
      if (!isTaken) return;
      this.#isCleared = false;
    }
    let count = 0;
    for (const change of this.#changes) {
      if (count >= most || !this.#apply(change)) return;
      this.#changes.delete(change.copy);
      count += 1;
    }
  }

  #apply({ copy, supersedes, stored: kept }: Change): boolean {
    return this.#withKey(copy, (structure, text) => {
      const value = kept === undefined ? MISS : this.#memory.peek(structure, text);
      const ttl = kept === undefined ? 0 : kept.until - Date.now();
      const isTaken = this.#file.write((file) => {
        if (kept === undefined || value === MISS || ttl <= 0) {
          if (supersedes) file.delete(structure, text);
        } else {
          const { note, cost } = kept;
          file.set(structure, text, decoded<V>(value), { key: undefined, note, cost, ttl, ticket: 0 });
        }
        return true;
      });
      if (isTaken) this.#memory.delete(structure, text);
      return isTaken ?? false;
    });
  }

  #withKey<R>(copy: KeyCopy, use: (structure: number, text: string) => R): R {
    const structure = writeCopy(copy);
    try {
      return use(structure, keyText());
    } finally {
      keyRead();
    }
  }
}

/** A value as bytes of its own. */
function stored(value: unknown): Encoded {
  const { form, payload } = encode(value);
  const own = Buffer.alloc(payload.length);
  own.set(payload);
  return { form, payload: own };
}

function decoded<V>({ form, payload }: Encoded): V {
  return decode(form, payload as Buffer, 0, payload.length) as V;
}
