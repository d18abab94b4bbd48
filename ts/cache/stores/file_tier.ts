/**
 * Entries in a file, and in this thread's memory once the file has failed: a full disk or a directory that cannot be written
 * to makes a cache forgetful, and nothing worse.
 *
 * What always holds:
 * - no `get`, `set` or `getOrCompute` fails because of the file;
 * - a file that failed to take a write is not written again until the cache is opened again. What it has is still found,
 *   unless it was replaced, deleted or cleared here. One that cannot be opened or read is not used at all;
 * - the first failure is a process warning (`AI_EVALS_CACHE_DEGRADED`), the others are silent;
 * - a file that others write to without a pause (`AI_EVALS_CACHE_BUSY`) has not failed: what it did not take stays in memory,
 *   and the next write tries it again;
 * - a `delete` or `clear` that the file did not take throws `ERR_STORAGE`;
 * - a file of another program is refused with `ERR_STORAGE`, and left as it is;
 * - computed values go to the file in groups, each one write: when all computations under way have ended, after
 *   {@link LONGEST_WAIT} ms at the latest, and before the end of the process. A caller gets its value once it is in the file.
 *   Keys to compute are claimed in groups too, at the end of the turn and before any write of this thread.
 */
import { clearTimeout, setTimeout } from 'node:timers';
import { AiEvalsError } from '../../errors.js';
import { decode, type Encoded, encode } from '../../value/codec.js';
import { copyKey, idOf, type KeyCopy, type KeyList, listKeys, withKey, writeCopy } from '../key/content_key.js';
import type { Savings } from '../options.js';
import { type ByteTier, type Computed, isStorageFailure } from './byte_tier.js';
import { Group } from './group.js';
import type { MemoryTier } from './memory_tier.js';
import { type Claimed, type Extras, type Found, MISS, type Tier, type TierFigures } from './tier.js';

/** Entries of the file that may be outdated. Where there are more, the file is not read any more. */
const MOST_OUTDATED = 50_000;

/** Longest time that a computed value waits for others to be stored with, in ms. */
const LONGEST_WAIT = 2;
/** Bytes of computed values that are stored without waiting for more. */
const MANY_BYTES = 1 << 20;

/** Claims that were asked for in this turn, in the order of the first of each file. */
const asked = new Set<Group<KeyCopy, Claimed>>();

/** Makes the claims that were asked for: what is written next comes behind them. */
function makeClaims(): void {
  for (const group of asked) group.flush();
}

const NOTHING_SAVED: Savings = { calls: 0, tokens: 0, usd: 0 };

/** The file of a {@link FileTier}. */
export interface FileSource<V, K> {
  open(): ByteTier<V, K>;
  /** Returns true if it is another program's. */
  isForeign(): boolean;
}

/** A computed value that waits to be stored. */
interface Waiting<K> extends Computed<K> {
  isWanted: () => boolean;
}

export class FileTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = true;
  readonly maxSize: number;
  readonly #memory: MemoryTier<Encoded, K>;
  /** `undefined` when it could not be opened, could not be read, or is closed. */
  #file: ByteTier<V, K> | undefined;
  #isClosed = false;
  /** Why the file, which was open, is not written any more. */
  #failure: AiEvalsError | undefined;
  readonly #warned = new Set<string>();
  /** Keys under which the file has something that was replaced or deleted here. */
  readonly #outdated = new Map<string, KeyCopy>();
  /** True if anything was ever kept from the file. */
  #isApart = false;
  #lookups = 0;
  #hits = 0;
  readonly #claims = new Group<KeyCopy, Claimed>((keys) => this.#claimAll(keys));
  /** True if what is in `#claims` is to be had from others too. */
  #seizes = false;
  readonly #computed = new Group<Waiting<K>, undefined>((computed) => this.#storeAll(computed));
  #bytesComputed = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Tickets of computations under way. */
  readonly #tickets = new Set<number>();

  /** `source.open` throws `ERR_STORAGE` when the file cannot be used. */
  constructor(source: FileSource<V, K>, memory: MemoryTier<Encoded, K>) {
    this.maxSize = memory.maxSize;
    this.#memory = memory;
    try {
      this.#file = source.open();
      this.#file.beforeExit = () => this.#computed.flush();
      this.#tellNotices();
    } catch (error) {
      if (source.isForeign()) throw error;
      this.#warn('AI_EVALS_CACHE_DEGRADED', storageFailure(error));
    }
  }

  get(structure: number, text: string): V | typeof MISS {
    const found = this.getStale(structure, text, 0);
    return found === undefined ? MISS : found.value;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const inMemory = this.#inMemory ? this.#memory.getStale(structure, text, window) : undefined;
    const found = inMemory
      ? { value: decoded<V>(inMemory.value), stale: inMemory.stale }
      : this.#read(structure, (file) => file.getStale(structure, text, window));
    this.#count(1, found === undefined ? 0 : 1);
    return found;
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    if (this.#inMemory) return eachKey(copies(texts, lengths), (structure, text) => this.get(structure, text));
    const inFile = this.#try((file) => file.getMany(texts, lengths));
    const found = inFile ?? Array.from(lengths, (): typeof MISS => MISS);
    this.#count(found.length, found.filter((value) => value !== MISS).length);
    return found;
  }

  #count(lookups: number, hits: number): void {
    this.#lookups += lookups;
    this.#hits += hits;
    if (lookups > hits) this.#tellNotices();
  }

  peek(structure: number, text: string): V | typeof MISS {
    const value = this.#inMemory ? this.#memory.peek(structure, text) : MISS;
    if (value !== MISS) return decoded(value);
    return this.#read(structure, (file) => file.peek(structure, text)) ?? MISS;
  }

  peekMany(keys: KeyList): (V | typeof MISS)[] {
    if (this.#inMemory) return eachKey(listed(keys), (structure, text) => this.peek(structure, text));
    return this.#try((file) => file.peekMany(keys)) ?? listed(keys).map((): typeof MISS => MISS);
  }

  has(structure: number, text: string): boolean {
    if (this.#inMemory && this.#memory.has(structure, text)) return true;
    return this.#read(structure, (file) => file.has(structure, text)) ?? false;
  }

  holds(structure: number, text: string): boolean {
    return this.#read(structure, (file) => file.holds(structure, text)) ?? false;
  }

  set(structure: number, text: string, value: V, extras: Extras<K>): void {
    makeClaims();
    if (this.#write((file) => file.set(structure, text, value, extras))) this.#forget(structure, text);
    else this.#remember(structure, text, stored(value), extras);
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    makeClaims();
    const isStored = this.#write((file) => file.setMany(pairs, extras));
    if (isStored && !this.#inMemory) return;
    // What cannot be encoded is told before anything is stored.
    const values = isStored ? [] : pairs.map(([, value]) => stored(value));
    for (const [i, [id]] of pairs.entries()) {
      withKey(writeCopy({ id, structure: 0 }), (structure, text) => {
        if (isStored) this.#forget(structure, text);
        else this.#remember(structure, text, values[i] as Encoded, { ...extras, key: text as K });
      });
    }
  }

  store(key: KeyCopy, value: V, extras: Extras<K>, isWanted: () => boolean): Promise<void> {
    this.#checkOpen();
    const waiting: Waiting<K> = { key, value: stored(value), extras, isWanted };
    if (this.#computed.size === 0) this.#timer = setTimeout(() => this.#computed.flush(), LONGEST_WAIT);
    const done = this.#computed.add(waiting);
    this.#bytesComputed += waiting.value.payload.length;
    if (this.#computed.size >= this.#tickets.size || this.#bytesComputed >= MANY_BYTES) this.#computed.flush();
    return done;
  }

  #storeAll(computed: readonly Waiting<K>[]): undefined[] {
    clearTimeout(this.#timer);
    this.#bytesComputed = 0;
    const wanted = computed.filter(({ isWanted }) => isWanted());
    const isStored = wanted.length === 0 || this.#write((file) => file.storeAll(wanted));
    if (!isStored || this.#inMemory) {
      for (const { key, value, extras } of wanted) {
        withKey(writeCopy(key), (structure, text) => {
          if (isStored) this.#forget(structure, text);
          else this.#remember(structure, text, value, extras);
        });
      }
    }
    return computed.map(() => undefined);
  }

  /** Keeps in memory what the file did not take. */
  #remember(structure: number, text: string, value: Encoded, extras: Extras<K>): void {
    this.#isApart = true;
    this.#memory.set(structure, text, value, extras);
    this.#outdate(structure, text);
  }

  /** Drops from memory what the file has taken. */
  #forget(structure: number, text: string): void {
    if (!this.#inMemory) return;
    this.#memory.delete(structure, text);
    this.#outdated.delete(idOf(copyKey(structure)));
  }

  /** Has what the file holds under a key never found again. Returns whether there may be anything. */
  #outdate(structure: number, text: string): boolean {
    if (this.#file === undefined) return this.#failure !== undefined;
    const copy = copyKey(structure);
    const holds = this.#outdated.has(idOf(copy)) || (this.#try((file) => file.holds(structure, text)) ?? true);
    if (holds && this.#file !== undefined) {
      this.#isApart = true;
      this.#outdated.set(idOf(copy), copy);
      if (this.#outdated.size > MOST_OUTDATED) this.#drop();
    }
    return holds;
  }

  delete(structure: number, text: string): boolean {
    makeClaims();
    let wasThere = false;
    const isOutdated = this.#isOutdated(structure);
    const isTaken = this.#write((file) => {
      wasThere = file.delete(structure, text);
    }, true);
    const wasInMemory = this.#inMemory && this.#memory.delete(structure, text);
    if (isTaken) this.#forget(structure, text);
    else if (this.#outdate(structure, text)) this.#refuse('delete');
    return wasInMemory || (wasThere && !isOutdated);
  }

  clear(): void {
    makeClaims();
    const isTaken = this.#write((file) => file.clear(), true);
    this.#memory.clear();
    this.#outdated.clear();
    this.#lookups = 0;
    this.#hits = 0;
    if (isTaken || this.#failure === undefined) return;
    this.#drop();
    this.#refuse('clear');
  }

  /** Throws what `delete` and `clear` throw that did not reach the file. */
  #refuse(what: string): void {
    const { message } = this.#failure as AiEvalsError;
    const done = `${what}: done in this cache object, and not in the file, where the next one to open it finds what was there`;
    throw new AiEvalsError('ERR_STORAGE', `${done}. ${message}`, { cause: this.#failure });
  }

  removeExpired(): number {
    let removed = this.#memory.removeExpired();
    this.#write((file) => {
      removed += file.removeExpired();
    });
    return removed;
  }

  figures(): TierFigures {
    const memory = this.#memory.figures();
    const file = this.#try((tier) => tier.figures());
    const figures: TierFigures = {
      hits: this.#hits,
      misses: this.#lookups - this.#hits,
      evictions: memory.evictions + (file?.evictions ?? 0),
      live: Math.min(this.maxSize, memory.live + (file?.live ?? 0) - this.#outdatedLive()),
      memoryUsage: memory.memoryUsage + (file?.memoryUsage ?? 0),
    };
    if (file?.diskUsage !== undefined) figures.diskUsage = file.diskUsage;
    return figures;
  }

  /** Live entries of the file that are outdated. O(outdated entries). */
  #outdatedLive(): number {
    let count = 0;
    for (const copy of this.#outdated.values()) {
      if (withKey(writeCopy(copy), (structure, text) => this.#try((file) => file.has(structure, text)))) count += 1;
    }
    return count;
  }

  savings(): Savings {
    const memory = this.#memory.savings();
    const file = this.#try((tier) => tier.savings()) ?? NOTHING_SAVED;
    return { calls: memory.calls + file.calls, tokens: memory.tokens + file.tokens, usd: memory.usd + file.usd };
  }

  *notes(most: number): Iterable<string> {
    yield* this.#memory.notes();
    yield* this.#try((file) => [...file.notes(most)]) ?? [];
  }

  claim(keys: KeyList, seizes: boolean): Claimed {
    makeClaims();
    let claimed = unclaimed(keys.spans.length / 2);
    // What others do about an entry that does not count here is of no use.
    if (this.#outdated.size > 0 && listed(keys).some((key) => this.#outdated.has(idOf(key)))) return claimed;
    this.#write((file) => {
      claimed = file.claim(keys, seizes);
    });
    return claimed;
  }

  claimSoon(key: KeyCopy, seizes: boolean): Promise<Claimed> {
    if (this.#outdated.size > 0 && this.#outdated.has(idOf(key))) return Promise.resolve(unclaimed(1));
    if (this.#seizes !== seizes) this.#claims.flush();
    this.#seizes = seizes;
    if (this.#claims.size === 0) {
      asked.add(this.#claims);
      process.nextTick(() => this.#claims.flush());
    }
    return this.#claims.add(key);
  }

  #claimAll(keys: readonly KeyCopy[]): Claimed[] {
    asked.delete(this.#claims);
    let { ticket, answers } = unclaimed(keys.length);
    this.#write((file) => {
      ({ ticket, answers } = file.claimEach(listKeys(keys), this.#seizes));
    });
    return Array.from(answers, (answer, nth) => {
      const own = ticket === 0 ? 0 : ticket + nth;
      if (answer === 1 && own !== 0) this.#tickets.add(own);
      return { ticket: own, answers: Uint8Array.of(answer) };
    });
  }

  release(keys: KeyList, ticket: number, isOpen: boolean): void {
    this.#tickets.delete(ticket);
    // A claim ends with its file.
    if (ticket !== 0) this.#file?.release(keys, ticket, isOpen);
  }

  close(): void {
    if (!this.#isClosed) {
      this.#claims.flush();
      this.#computed.flush();
    }
    this.#drop();
    this.#isClosed = true;
    this.#memory.clear();
  }

  get #inMemory(): boolean {
    return this.#isApart || this.#file === undefined;
  }

  /** The answer of a file that has nothing outdated under the key on the page; `undefined` without one. */
  #read<R>(structure: number, use: (file: ByteTier<V, K>) => R): R | undefined {
    return this.#isOutdated(structure) ? undefined : this.#try(use);
  }

  #isOutdated(structure: number): boolean {
    return this.#outdated.size > 0 && this.#outdated.has(idOf(copyKey(structure)));
  }

  /** The answer of `use`, which only reads; `undefined` without a file. One that cannot be read is not used any more. */
  #try<R>(use: (file: ByteTier<V, K>) => R): R | undefined {
    this.#checkOpen();
    const file = this.#file;
    if (file === undefined) return undefined;
    try {
      return use(file);
    } catch (error) {
      const failure = storageFailure(error);
      if (file.isBusy) this.#warn('AI_EVALS_CACHE_BUSY', failure);
      else {
        this.#fail(failure);
        this.#drop();
      }
      return undefined;
    }
  }

  /** True if the file took what `use` writes. With `isDue`, a file that is in use by others is an error. */
  #write(use: (file: ByteTier<V, K>) => void, isDue = false): boolean {
    this.#checkOpen();
    const file = this.#file;
    if (file === undefined || this.#failure !== undefined) return false;
    try {
      use(file);
      this.#tellNotices();
      return true;
    } catch (error) {
      const failure = storageFailure(error);
      if (!file.isBusy) this.#fail(failure);
      else if (isDue) throw failure;
      else this.#warn('AI_EVALS_CACHE_BUSY', failure);
      return false;
    }
  }

  #fail(failure: AiEvalsError): void {
    this.#failure ??= failure;
    this.#file?.abandonClaims();
    this.#warn('AI_EVALS_CACHE_DEGRADED', failure);
  }

  #drop(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#outdated.clear();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new AiEvalsError('ERR_CLOSED', 'the cache is closed: open another');
  }

  #warn(code: string, { message }: AiEvalsError): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    const outcome =
      code === 'AI_EVALS_CACHE_BUSY'
        ? 'What the file did not take is in memory until this cache is closed'
        : 'The cache goes on in memory; what is stored from now on is lost when it is closed';
    process.emitWarning(`${message}. ${outcome}.`, { type: 'CacheWarning', code });
  }

  /** Tells of what was dropped as damaged. */
  #tellNotices(): void {
    for (const notice of this.#file?.takeNotices() ?? []) {
      process.emitWarning(notice, { type: 'CacheWarning', code: 'AI_EVALS_CACHE_DAMAGED' });
    }
  }
}

/** The failure of a file; any other error is thrown. */
function storageFailure(error: unknown): AiEvalsError {
  if (!isStorageFailure(error)) throw error;
  return error;
}

/** The answer to a claim where there are none: everybody computes. */
function unclaimed(keys: number): Claimed {
  return { ticket: 0, answers: new Uint8Array(keys).fill(1) };
}

/** The keys of a list. */
function listed({ units, spans }: KeyList): KeyCopy[] {
  let at = 0;
  return Array.from({ length: spans.length / 2 }, (_, nth) => {
    const start = at;
    at += spans[2 * nth + 1] as number;
    return { id: units.slice(start, at), structure: spans[2 * nth] as number };
  });
}

/** The keys of the texts that `texts` is made of. */
function copies(texts: string, lengths: Uint32Array): KeyCopy[] {
  let at = 0;
  return Array.from(lengths, (length) => {
    at += length;
    return { id: texts.slice(at - length, at), structure: 0 };
  });
}

function eachKey<R>(keys: readonly KeyCopy[], use: (structure: number, text: string) => R): R[] {
  return keys.map((key) => withKey(writeCopy(key), use));
}

/** A value as bytes of its own. */
function stored(value: unknown): Encoded {
  const { form, payload } = encode(value);
  // Not of Node's shared pool: a small value kept in memory would hold a slab of it.
  const own = Buffer.allocUnsafeSlow(payload.length);
  own.set(payload);
  return { form, payload: own };
}

function decoded<V>({ form, payload }: Encoded): V {
  return decode(form, payload as Buffer, 0, payload.length) as V;
}
