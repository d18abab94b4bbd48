/**
 * A file, and this thread's memory for what the file does not take: a full disk, a directory that is not to be written to,
 * a file of a later version make a cache forgetful, and nothing worse.
 *
 * What always holds: no call fails because of the file; what was set last is what is found, wherever it is; the first
 * failure is a process warning (`AI_EVALS_CACHE_DEGRADED`), the others are silent; a file that works again is used again.
 */
import type { ByteTier } from './byte_tier.js';
import { isStorageFailure } from './byte_tier.js';
import type { MemoryTier } from './memory_tier.js';
import type { Savings } from './options.js';
import { type Claimed, type Extras, type Found, MISS, type Tier, type TierFigures, type WrittenKeys } from './tier.js';
import { encode } from './value_codec.js';

/** Milliseconds for which a file that failed is left alone. */
const PAUSE = 1000;

export class FallbackTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = true;
  readonly maxSize: number;
  readonly #file: ByteTier<V, K> | undefined;
  readonly #memory: MemoryTier<V, K>;
  /** Whether the memory has ever been needed. */
  #isMemoryUsed: boolean;
  #hasWarned = false;
  /** When reading and writing may be tried again. */
  #retryAt = { read: 0, write: 0 };
  #lookups = 0;
  #hits = 0;

  /** `open` throws `ERR_STORAGE` when the file cannot be used at all. */
  constructor(open: () => ByteTier<V, K>, memory: MemoryTier<V, K>) {
    this.maxSize = memory.maxSize;
    this.#memory = memory;
    try {
      this.#file = open();
      this.#tellNotices(this.#file);
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.#file = undefined;
      this.#warn(error);
    }
    this.#isMemoryUsed = this.#file === undefined;
  }

  get(structure: number, text: string): V | typeof MISS {
    const found = this.getStale(structure, text, 0);
    return found === undefined ? MISS : found.value;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const inMemory = this.#isMemoryUsed ? this.#memory.getStale(structure, text, window) : undefined;
    const found = inMemory ?? this.#try('read', (file) => file.getStale(structure, text, window));
    this.#count(1, found === undefined ? 0 : 1);
    return found;
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    const inMemory = this.#isMemoryUsed ? this.#memory.getMany(texts, lengths) : undefined;
    const inFile = this.#try('read', (file) => file.getMany(texts, lengths));
    const found = Array.from(lengths, (_, i): V | typeof MISS => {
      const value = at(inMemory, i);
      return value === MISS ? at(inFile, i) : value;
    });
    this.#count(found.length, found.filter((value) => value !== MISS).length);
    return found;
  }

  #count(lookups: number, hits: number): void {
    this.#lookups += lookups;
    this.#hits += hits;
    if (lookups > hits && this.#file !== undefined) this.#tellNotices(this.#file);
  }

  peek(structure: number, text: string): V | typeof MISS {
    const value = this.#isMemoryUsed ? this.#memory.peek(structure, text) : MISS;
    if (value !== MISS) return value;
    const found = this.#try('read', (file): { value: V | typeof MISS } => ({ value: file.peek(structure, text) }));
    return found === undefined ? MISS : found.value;
  }

  peekMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    const inFile = this.#try('read', (file) => file.peekMany(texts, lengths));
    let end = 0;
    return Array.from(lengths, (length, i) => {
      const start = end;
      end += length;
      const value = this.#isMemoryUsed ? this.#memory.peek(0, texts.slice(start, end)) : MISS;
      return value === MISS ? at(inFile, i) : value;
    });
  }

  has(structure: number, text: string): boolean {
    if (this.#isMemoryUsed && this.#memory.has(structure, text)) return true;
    return this.#try('read', (file) => file.has(structure, text)) ?? false;
  }

  set(structure: number, text: string, value: V, extras: Extras<K>): void {
    const isStored = this.#try('write', (file) => {
      file.set(structure, text, value, extras);
      return true;
    });
    if (isStored) {
      if (this.#isMemoryUsed) this.#memory.delete(structure, text);
    } else {
      this.#remember(structure, text, value, extras);
    }
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    const isStored = this.#try('write', (file) => {
      file.setMany(pairs, extras);
      return true;
    });
    for (const [text, value] of pairs) {
      if (!isStored) this.#remember(0, text, value, { ...extras, key: text as K });
      else if (this.#isMemoryUsed) this.#memory.delete(0, text);
    }
  }

  #remember(structure: number, text: string, value: V, extras: Extras<K>): void {
    // What the file would refuse is refused here too: whether a value can be stored does not depend on the disk.
    encode(value);
    this.#isMemoryUsed = true;
    this.#memory.set(structure, text, value, extras);
  }

  delete(structure: number, text: string): boolean {
    const inMemory = this.#isMemoryUsed && this.#memory.delete(structure, text);
    const inFile = this.#try('write', (file) => file.delete(structure, text)) ?? false;
    return inMemory || inFile;
  }

  clear(): void {
    this.#memory.clear();
    this.#lookups = 0;
    this.#hits = 0;
    this.#try('write', (file) => file.clear());
  }

  removeExpired(): number {
    return this.#memory.removeExpired() + (this.#try('write', (file) => file.removeExpired()) ?? 0);
  }

  figures(): TierFigures {
    const memory = this.#memory.figures();
    const file = this.#try('read', (tier) => tier.figures());
    const figures: TierFigures = {
      hits: this.#hits,
      misses: this.#lookups - this.#hits,
      evictions: memory.evictions + (file?.evictions ?? 0),
      live: memory.live + (file?.live ?? 0),
      memoryUsage: memory.memoryUsage + (file?.memoryUsage ?? 0),
    };
    if (file?.diskUsage !== undefined) figures.diskUsage = file.diskUsage;
    return figures;
  }

  savings(): Savings {
    const memory = this.#memory.savings();
    const file = this.#try('read', (tier) => tier.savings()) ?? { calls: 0, tokens: 0, usd: 0 };
    return {
      calls: memory.calls + file.calls,
      tokens: memory.tokens + file.tokens,
      usd: memory.usd + file.usd,
    };
  }

  *notes(): Iterable<string> {
    yield* this.#memory.notes();
    yield* this.#try('read', (file) => [...file.notes()]) ?? [];
  }

  claim(keys: WrittenKeys, seizes: boolean): Claimed {
    const all = () => new Uint8Array(keys.lengths?.length ?? 1).fill(1);
    return this.#try('write', (file) => file.claim(keys, seizes)) ?? { ticket: 0, answers: all() };
  }

  release(keys: WrittenKeys, ticket: number, isOpen: boolean): void {
    if (ticket === 0) return;
    const isReleased = this.#try('write', (file) => {
      file.release(keys, ticket, isOpen);
      return true;
    });
    if (!isReleased) this.#file?.releaseLater(ticket);
  }

  close(): void {
    this.#file?.close();
  }

  /** What `use` answers; `undefined` when there is no file, it failed, or it did a moment ago. */
  #try<R>(kind: 'read' | 'write', use: (file: ByteTier<V, K>) => R): R | undefined {
    const file = this.#file;
    if (file === undefined) return undefined;
    if (this.#retryAt[kind] > 0 && performance.now() < this.#retryAt[kind]) return undefined;
    try {
      const result = use(file);
      this.#retryAt[kind] = 0;
      if (kind === 'write') this.#tellNotices(file);
      return result;
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.#retryAt[kind] = performance.now() + PAUSE;
      this.#warn(error);
      return undefined;
    }
  }

  #warn(error: Error): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = `${error.message}. The cache goes on in memory; what the file does not take is lost with the process.`;
    process.emitWarning(message, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_DEGRADED' });
  }

  #tellNotices(file: ByteTier<V, K>): void {
    for (const notice of file.takeNotices()) {
      process.emitWarning(notice, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_DAMAGED' });
    }
  }
}

/** What stands at `place`; a stored `undefined` is something. */
function at<V>(values: readonly (V | typeof MISS)[] | undefined, place: number): V | typeof MISS {
  return values === undefined ? MISS : (values[place] as V | typeof MISS);
}
