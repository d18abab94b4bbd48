/**
 * Entries as bytes outside this thread's heap: in the process's memory, shared by its threads, or in a file, shared by
 * processes. A hit is a new copy of the value; see `value/codec.ts` for what can be stored.
 */
import { AiEvalsError } from '../../errors.js';
import { guarded, native } from '../../native.js';
import { decode, type Encoded, encode } from '../../value/codec.js';
import { type KeyCopy, type KeyList, listKeys, listTexts, page } from '../key/content_key.js';
import type { MissCost, Savings } from '../options.js';
import { fullCost, SavedCosts } from '../savings.js';
import { type Claimed, type Extras, type Found, type FullCost, MISS, type Tier, type TierFigures } from './tier.js';

type Handle = InstanceType<typeof native.ByteCacheHandle>;

/** Added to the form of an entry that has a cost of its own, which stands before the value: tokens and dollars. */
const COSTED = 0x80;
const COST_BYTES = 16;

/**
 * Milliseconds after which the claim of a process that died is another's; renewed three times as often. As long, a key
 * whose computation ended with nothing to store is open to all.
 */
const LEASE = 9000;

const NOTES_AT_A_TIME = 1000;

const numbers = new Float64Array(8);

/** A computed value to store. */
export interface Computed<K> {
  key: KeyCopy;
  value: Encoded;
  extras: Extras<K>;
}

/** Checked options of every {@link ByteTier}. */
export interface ByteTierOptions {
  maxSize: number;
  maxBytes: number;
  ttl: number;
  stale: number;
  missCost: MissCost | undefined;
  /** Hashed into every key. */
  scope: string;
}

export class ByteTier<V, K> implements Tier<V, K> {
  readonly keysForOthers = true;
  readonly maxSize: number;
  readonly #handle: Handle;
  readonly #ttl: number;
  readonly #now: () => number;
  readonly #saved: SavedCosts;
  /** Called when the process ends while there are claims, before they are given back. */
  beforeExit: () => void = () => {};
  #claims = 0;
  /** Tickets whose only key was stored, which has ended the claim. */
  readonly #stored = new Set<number>();
  /** Tickets of claims that could not be given back yet. */
  readonly #ended: number[] = [];
  #renewal: NodeJS.Timeout | undefined;

  private constructor(handle: Handle, options: ByteTierOptions, now: () => number) {
    this.maxSize = options.maxSize;
    this.#handle = handle;
    this.#ttl = options.ttl;
    this.#now = now;
    this.#saved = new SavedCosts(fullCost('missCost', options.missCost));
  }

  /** The cache that all threads of the process know by `name`. */
  static shared<V, K>(name: string, policy: 'lru' | 'tinylfu', options: ByteTierOptions): ByteTier<V, K> {
    const { maxSize, maxBytes, ttl, stale, scope } = options;
    const open = () =>
      native.ByteCacheHandle.shared(page, scope, name, maxSize, maxBytes, ttl, policy === 'tinylfu', stale);
    return new ByteTier(guarded(open), options, monotonic);
  }

  /** The part of a file that is `namespace`. Throws `AiEvalsError` `ERR_STORAGE` when the file cannot be used. */
  static disk<V, K>(path: string, namespace: string, options: ByteTierOptions): ByteTier<V, K> {
    const { maxSize, maxBytes, stale, scope } = options;
    const open = () => native.ByteCacheHandle.disk(page, scope, path, namespace, maxSize, maxBytes, stale, Date.now());
    return new ByteTier(guarded(open), options, () => Date.now());
  }

  /** Returns true if the file `path` is another program's. */
  static isForeign(path: string): boolean {
    return guarded(() => native.ByteCacheHandle.isForeign(path));
  }

  /** Messages about what was set aside or dropped as damaged since the last call. */
  takeNotices(): string[] {
    return guarded(() => this.#handle.takeNotices());
  }

  /** True if the last call came to nothing only because others wrote for too long. */
  get isBusy(): boolean {
    return guarded(() => this.#handle.busy);
  }

  get(structure: number, text: string): V | typeof MISS {
    const found = this.getStale(structure, text, 0);
    return found === undefined ? MISS : found.value;
  }

  getStale(structure: number, text: string, window: number): Found<V> | undefined {
    const bytes = guarded(() => this.#handle.get(structure, text, this.#now(), window));
    return bytes === null ? undefined : { value: this.#hit(bytes), stale: bytes[bytes.length - 1] === 1 };
  }

  getMany(texts: string, lengths: Uint32Array): (V | typeof MISS)[] {
    const spans = new Uint32Array(2 * lengths.length);
    for (const [nth, length] of lengths.entries()) spans[2 * nth + 1] = length;
    const found = guarded(() => this.#handle.getMany(texts, spans, this.#now(), true));
    return Array.from(found, (bytes) => (bytes === null ? MISS : this.#hit(bytes)));
  }

  peek(structure: number, text: string): V | typeof MISS {
    const bytes = guarded(() => this.#handle.peek(structure, text, this.#now()));
    return bytes === null ? MISS : valueOf<V>(bytes);
  }

  peekMany({ units, spans }: KeyList): (V | typeof MISS)[] {
    const found = guarded(() => this.#handle.getMany(units, spans, this.#now(), false));
    return Array.from(found, (bytes) => (bytes === null ? MISS : valueOf<V>(bytes)));
  }

  has(structure: number, text: string): boolean {
    return guarded(() => this.#handle.has(structure, text, this.#now()));
  }

  holds(structure: number, text: string): boolean {
    return guarded(() => this.#handle.has(structure, text, 0));
  }

  #hit(bytes: Buffer): V {
    this.#saved.hit(costOf(bytes));
    return valueOf<V>(bytes);
  }

  set(structure: number, text: string, value: V, { note, ttl, cost, ticket }: Extras<K>): void {
    const { form, payload } = costed(encode(value), cost);
    const now = this.#now();
    const isStored = guarded(() =>
      this.#handle.set(structure, text, form, payload, note, ttl || this.#ttl, now, ticket),
    );
    if (isStored && ticket !== 0) this.#stored.add(ticket);
  }

  setMany(pairs: readonly (readonly [string, V])[], extras: Extras<K>): void {
    const values = pairs.map(([, value]) => costed(encode(value), extras.cost));
    this.#setAll(
      listTexts(pairs.map(([text]) => text)),
      values,
      pairs.map(() => extras),
    );
  }

  /** Stores computed values, each under its own ticket. */
  storeAll(computed: readonly Computed<K>[]): void {
    const extras = computed.map((one) => one.extras);
    const values = computed.map(({ value, extras: { cost } }) => costed(value, cost));
    const isStored = this.#setAll(listKeys(computed.map(({ key }) => key)), values, extras);
    for (const [nth, { ticket }] of extras.entries()) if (ticket !== 0 && isStored[nth] === 1) this.#stored.add(ticket);
  }

  #setAll({ units, spans }: KeyList, values: readonly Encoded[], extras: readonly Extras<K>[]): Uint8Array {
    const forms = Uint8Array.from(values, ({ form }) => form);
    const payloads = values.map(({ payload }) => payload);
    const notes = extras.map(({ note }) => note);
    const ttls = Float64Array.from(extras, ({ ttl }) => ttl || this.#ttl);
    const tickets = Float64Array.from(extras, ({ ticket }) => ticket);
    const now = this.#now();
    return guarded(() => this.#handle.setMany(units, spans, forms, payloads, notes, ttls, tickets, now));
  }

  delete(structure: number, text: string): boolean {
    return guarded(() => this.#handle.remove(structure, text, this.#now()));
  }

  clear(): void {
    guarded(() => this.#handle.clear());
    this.#saved.clear();
  }

  removeExpired(): number {
    return guarded(() => this.#handle.removeExpired(this.#now()));
  }

  figures(): TierFigures {
    guarded(() => this.#handle.figures(numbers, this.#now()));
    const [hits, misses, evictions, live, , memoryUsage, diskUsage] = numbers as unknown as number[];
    const figures = { hits, misses, evictions, live, memoryUsage } as TierFigures;
    if (diskUsage) figures.diskUsage = diskUsage;
    return figures;
  }

  savings(): Savings {
    return this.#saved.total(this.figures().hits);
  }

  *notes(most: number): Iterable<string> {
    let count = 0;
    for (let cursor = 0; cursor >= 0 && count < most; count += NOTES_AT_A_TIME) {
      const found = guarded(() => this.#handle.notes(cursor, NOTES_AT_A_TIME));
      yield* found.notes;
      cursor = found.cursor;
    }
  }

  claim({ units, spans }: KeyList, seizes: boolean): Claimed {
    const claimed = guarded(() => this.#handle.claim(units, spans, seizes, this.#now(), LEASE));
    this.#claimed(claimed.answers.includes(1) ? 1 : 0);
    return claimed;
  }

  /** Claims each of the keys by itself: the ticket of the `n`th is the one returned + `n`. Of a file. */
  claimEach({ units, spans }: KeyList, seizes: boolean): Claimed {
    const claimed = guarded(() => this.#handle.claimEach(units, spans, seizes, this.#now(), LEASE));
    this.#claimed(claimed.answers.filter((answer) => answer === 1).length);
    return claimed;
  }

  #claimed(count: number): void {
    if (count === 0) return;
    this.#claims += count;
    this.#renewal ??= setInterval(() => this.#renew(), LEASE / 3).unref();
    releaseAtExit(this);
  }

  /** A file that does not take it now takes it with the next renewal. */
  release({ units, spans }: KeyList, ticket: number, isOpen: boolean): void {
    const isStored = this.#stored.delete(ticket);
    // A claim ends with its handle, too.
    if (this.#claims === 0) return;
    if (isStored) {
      this.#released(1);
      return;
    }
    const open = isOpen ? this.#now() + LEASE : undefined;
    try {
      guarded(() => this.#handle.release(units, spans, ticket, open));
    } catch (error) {
      if (!isStorageFailure(error)) throw error;
      this.#ended.push(ticket);
      return;
    }
    this.#released(1);
  }

  /** A claim that cannot be renewed runs out: then another process may compute the same, which is no harm. */
  #renew(): void {
    try {
      this.#handle.renew(this.#now(), LEASE, this.#ended);
    } catch {
      return;
    }
    this.#released(this.#ended.splice(0).length);
  }

  #released(count: number): void {
    this.#claims -= count;
    if (this.#claims === 0) this.abandonClaims();
  }

  /** Leaves the claims that there are to run out. */
  abandonClaims(): void {
    this.#claims = 0;
    this.#ended.length = 0;
    this.#stored.clear();
    clearInterval(this.#renewal);
    this.#renewal = undefined;
    keepAtExit(this);
  }

  /** Gives every claim back, at the end of the process. */
  releaseAll(): void {
    this.beforeExit();
    this.#handle.releaseAll();
  }

  close(): void {
    this.abandonClaims();
    this.#handle.close();
  }
}

type Claiming = Pick<ByteTier<unknown, unknown>, 'releaseAll'>;

/** Tiers with claims. The 'exit' listener is there only while there are any. */
const claiming = new Set<Claiming>();

function releaseAtExit(tier: Claiming): void {
  if (claiming.size === 0) process.on('exit', releaseAll);
  claiming.add(tier);
}

function keepAtExit(tier: Claiming): void {
  if (claiming.delete(tier) && claiming.size === 0) process.off('exit', releaseAll);
}

/** `process.exit()`, a throw and an unhandled rejection end no handle: others would wait for the end of its leases. */
function releaseAll(): void {
  for (const tier of claiming) {
    try {
      tier.releaseAll();
    } catch {
      // They run out.
    }
  }
}

/** A clock that all threads of the process read the same. */
function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** A value and the cost of its own that it has, if any. */
function costed({ form, payload }: Encoded, cost: FullCost | undefined): Encoded {
  if (cost === undefined) return { form, payload };
  const whole = new Uint8Array(COST_BYTES + payload.length);
  const head = new DataView(whole.buffer);
  head.setFloat64(0, cost.tokens, true);
  head.setFloat64(8, cost.usd, true);
  whole.set(payload, COST_BYTES);
  return { form: form | COSTED, payload: whole };
}

/** The value in what the engine answers with: form, payload, and whether it is stale. */
function valueOf<V>(bytes: Buffer): V {
  const form = bytes[0] as number;
  const start = form >= COSTED ? 1 + COST_BYTES : 1;
  return decode(form & ~COSTED, bytes, start, bytes.length - 1) as V;
}

function costOf(bytes: Buffer): FullCost | undefined {
  if ((bytes[0] as number) < COSTED) return undefined;
  return { tokens: bytes.readDoubleLE(1), usd: bytes.readDoubleLE(9) };
}

/** Returns true if `error` says that a store outside the heap failed. */
export function isStorageFailure(error: unknown): error is AiEvalsError {
  return error instanceof AiEvalsError && error.code === 'ERR_STORAGE';
}
