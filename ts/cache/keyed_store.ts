/**
 * The behaviour that all caches share, over the tier that holds the entries: modes, values worth keeping, one computation
 * per key.
 *
 * Invariants:
 * - of the callers that ask for one key at the same time, one computes;
 * - a failure is not stored, and rejects all who waited for it;
 * - a key that was deleted, replaced or cleared while its value was being computed does not get that value afterwards.
 */
import { types } from 'node:util';
import * as check from '../arguments.js';
import { noteCachedAnswer } from '../cached_answer.js';
import { AiEvalsError } from '../errors.js';
import { AccessTimer } from './access_timer.js';
import { type CacheEvent, cacheEvents } from './diagnostics.js';
import {
  CacheMissError,
  explanationOf,
  type MissExplanation,
  nearestDifferences,
  UNEXPLAINED,
} from './explain_miss.js';
import { copyKey, idOf, type KeyCopy, keyRead, keyText, withKey } from './key/content_key.js';
import type { KeyForm } from './key/key_form.js';
import {
  type CacheMode,
  type CacheRequest,
  type CacheStats,
  type ComputeContext,
  type ComputeOptions,
  checkedMode,
  checkedWindow,
  type DumpedEntry,
  type LookupOptions,
  type RepeatOptions,
  type ShouldCache,
} from './options.js';
import { fullCost } from './savings.js';
import { isLater, PaidValues, type Verdict } from './should_cache.js';
import {
  awaitOthers,
  computeMine,
  computeOnce,
  Flight,
  Flights,
  type IsAbandoned,
  type Part,
  type Run,
  share,
  textKeys,
} from './single_flight.js';
import { MemoryTier } from './stores/memory_tier.js';
import { TextTier } from './stores/text_tier.js';
import { type Extras, type Found, MISS, type Tier } from './stores/tier.js';

/** Checked options of a {@link KeyedStore}. */
export interface StoreOptions<V> {
  /** The cache's name in warnings and events. */
  name: string;
  mode: CacheMode;
  shouldCache: ShouldCache<V> | undefined;
  stale: number;
  ttlOf?: ((value: V) => number | undefined) | undefined;
  onRefreshError?: ((error: unknown, request: CacheRequest) => void) | undefined;
  /** The version that notes tell; `undefined` without one. */
  version: string | number | undefined;
  /** True if a note of each request is kept. */
  explain?: boolean;
}

type Compute<V> = (context: ComputeContext) => V | PromiseLike<V>;
/** Computes several values; an error in place of one is that key's own failure. */
type ComputeMany<V> = (missing: string[], context: ComputeContext) => Promise<readonly (V | Error)[]>;
type Divide<V> = (places: readonly number[]) => readonly Part<V>[];
type AnyOptions<V> = (ComputeOptions<V> & RepeatOptions) | undefined;

export class KeyedStore<V, K, T extends Tier<V, K> = Tier<V, K>> {
  readonly tier: T;
  /** The tier, where it answers for texts without the engine and the mode is `'on'`. */
  readonly #texts: TextTier<V> | undefined;
  readonly #paid: PaidValues<V, K>;
  readonly #form: KeyForm<K>;
  readonly #options: StoreOptions<V>;
  readonly #mode: CacheMode;
  readonly #stale: number;
  readonly #version: string;
  /** True if every value is kept, for the cache's own time to live. */
  readonly #isUnconditional: boolean;
  /** Whether, besides, nothing is kept of the key. */
  readonly #isPlain: boolean;
  readonly #timer = new AccessTimer();
  readonly #flights = new Flights<V, K>();

  constructor(tier: T, form: KeyForm<K>, options: StoreOptions<V>) {
    const { name, mode, shouldCache, stale, ttlOf, version } = options;
    this.tier = tier;
    this.#texts = mode === 'on' && tier instanceof TextTier ? tier : undefined;
    this.#paid = new PaidValues<V, K>(name, tier, shouldCache, ttlOf);
    this.#form = form;
    this.#options = options;
    this.#mode = mode;
    this.#stale = stale;
    this.#isUnconditional = shouldCache === undefined && ttlOf === undefined;
    this.#isPlain = this.#isUnconditional && mode === 'on' && !options.explain && form.keySize === undefined;
    this.#version = version === undefined ? '' : `version\t${JSON.stringify(version)}\n`;
  }

  get(a: unknown, b: unknown, options: AnyOptions<V>): V | undefined {
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    if (mode === 'off' || mode === 'record') return undefined;
    const start = this.#timer.start();
    const value = withKey(this.#write(a, b, options), (structure, text) => this.tier.get(structure, text));
    if (start !== 0) this.#timer.end(start);
    this.#publishLookup(value !== MISS, a, b);
    if (value !== MISS) return value;
    if (mode === 'replay') throw this.missOf(a, b, options);
    return undefined;
  }

  /** Does what {@link get} does, of a text: the short way of a lookup without options. */
  getText(text: string, options: AnyOptions<V>): V | undefined {
    const tier = this.#texts;
    if (options !== undefined || tier === undefined || typeof text !== 'string' || cacheEvents.hasSubscribers) {
      return this.get(text, undefined, options);
    }
    const start = this.#timer.start();
    const value = tier.get(0, text);
    if (start !== 0) this.#timer.end(start);
    return value === MISS ? undefined : value;
  }

  /** Does what {@link set} does, of a text: the short way of a `set` without options. */
  setText(text: string, value: V, options: AnyOptions<V>): void {
    const tier = this.#texts;
    const isPlain = options === undefined && tier !== undefined && typeof text === 'string' && this.#isUnconditional;
    if (isPlain && this.#flights.size === 0 && !cacheEvents.hasSubscribers) tier.setPlain(text, value);
    else this.set(text, undefined, value, options);
  }

  /** Finds an entry, be it stale: the lookup that `getOrCompute` makes, without computing anything. */
  find(a: unknown, b: unknown, options: AnyOptions<V>): Found<V> | undefined {
    const mode = this.modeOf(options);
    if (mode === 'off' || mode === 'record') return undefined;
    const found = withKey(this.#write(a, b, options), (structure, text) =>
      this.tier.getStale(structure, text, this.#stale),
    );
    this.#publishLookup(found !== undefined, a, b);
    if (found === undefined && mode === 'replay') throw this.missOf(a, b, options);
    return found;
  }

  /** Looks several texts up at once, in a mode. */
  getMany(texts: readonly string[], mode: CacheMode): (V | typeof MISS)[] {
    if (mode === 'off' || mode === 'record') return texts.map((): typeof MISS => MISS);
    const { tier } = this;
    const start = this.#timer.start(texts.length);
    const values =
      tier instanceof TextTier
        ? texts.map((text) => tier.get(0, text) as V | typeof MISS)
        : tier.getMany(
            texts.join(''),
            Uint32Array.from(texts, (text) => text.length),
          );
    if (start !== 0) this.#timer.end(start, texts.length);
    if (cacheEvents.hasSubscribers) {
      for (const [nth, text] of texts.entries()) this.#publishLookup(values[nth] !== MISS, text, undefined);
    }
    return values;
  }

  has(a: unknown, b: unknown, options: AnyOptions<V>): boolean {
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    if (mode === 'off' || mode === 'record') return false;
    return withKey(this.#write(a, b, options), (structure, text) => this.tier.has(structure, text));
  }

  /** Returns the value of a live entry: no hit, no miss and no use. */
  peek(a: unknown, b: unknown, options: AnyOptions<V>): V | undefined {
    const value = withKey(this.#write(a, b, options), (structure, text) => this.tier.peek(structure, text));
    return value === MISS ? undefined : value;
  }

  /** Returns the milliseconds that an entry has left; 0 without one. */
  remainingTtl(a: unknown, b: unknown, options: AnyOptions<V>): number {
    return withKey(this.#write(a, b, options), (structure, text) => {
      if (this.tier.remaining !== undefined) return this.tier.remaining(structure, text);
      throw new AiEvalsError('ERR_UNSUPPORTED', NO_REMAINING);
    });
  }

  set(a: unknown, b: unknown, value: V, options: AnyOptions<V>): void {
    if (options === undefined && this.#isPlain && this.#flights.size === 0 && !cacheEvents.hasSubscribers) {
      // The way of almost every `set` of a request, which leaves nothing to be collected.
      const structure = this.#write(a, b, undefined);
      try {
        this.tier.set(structure, keyText(), value, PLAIN);
      } finally {
        keyRead();
      }
      return;
    }
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    const extras = this.#extras(options);
    withKey(this.#write(a, b, options), (structure, text) => {
      if (mode === 'off') return;
      const verdict = this.#paid.verdictOn(value, () => this.#form.request(a, b), options?.shouldCache);
      if (!verdict) return;
      extras.key = this.#form.kept(a, b);
      extras.note = this.#note(a, b, options);
      if (isLater(verdict)) {
        this.#setLater(copyKey(structure), value, extras, verdict);
        return;
      }
      if (this.#flights.size > 0) this.#flights.detach(idOf(copyKey(structure)));
      this.tier.set(structure, text, value, this.#paid.withTtlOf(value, extras));
      this.#publish('set', a, b);
    });
  }

  /** Stores `value` if the verdict turns out to be yes, and nothing happens to its key until then. */
  #setLater(copy: KeyCopy, value: V, extras: Extras<K>, verdict: Verdict): void {
    const id = idOf(copy);
    this.#flights.detach(id);
    const judged = async (_: ComputeContext, isWanted: () => boolean) => {
      await this.#paid.store(copy, value, extras, () => verdict, isWanted);
      return value;
    };
    this.#flights.one(id, judged, extras.key, true);
  }

  /** Stores each pair of text and value: none where one cannot be stored, and later where `shouldCache` says so later. */
  setMany(pairs: readonly (readonly [string, V])[], options: AnyOptions<V>): void {
    const mode = this.modeOf(options);
    const extras = this.#extras(options);
    if (mode === 'off') return;
    const verdicts = pairs.map(([text, value]) =>
      this.#paid.verdictOn(value, () => this.#form.request(text, undefined), options?.shouldCache),
    );
    for (const [text] of pairs) this.#flights.detach(textId(text));
    const kept = pairs.filter((_, nth) => verdicts[nth] === true);
    this.#paid.setMany(kept, extras);
    for (const [text] of kept) this.#publish('set', text, undefined);
    for (const [nth, [text, value]] of pairs.entries()) {
      const verdict = verdicts[nth] as Verdict;
      const ownKey = { ...extras, key: text as K };
      if (isLater(verdict)) this.#setLater({ id: text, structure: 0 }, value, ownKey, verdict);
    }
  }

  delete(a: unknown, b: unknown, options: AnyOptions<V>): boolean {
    return withKey(this.#write(a, b, options), (structure, text) => {
      if (this.#flights.size > 0) this.#flights.detach(idOf(copyKey(structure)));
      return this.tier.delete(structure, text);
    });
  }

  /** Returns the value of a key: the one held, or the one that `fn` computes, once for all who ask at the same time. */
  getOrCompute(a: unknown, b: unknown, fn: Compute<V>, options: AnyOptions<V>): Promise<V> {
    try {
      check.callable('fn', fn);
      if (options === undefined && this.#mode === 'on' && this.#stale === 0) {
        // The way of almost every hit.
        let copy: KeyCopy | undefined;
        const value = withKey(this.#write(a, b, undefined), (structure, text) => {
          const found = this.tier.get(structure, text);
          if (found === MISS) copy = copyKey(structure);
          return found;
        });
        this.#publishLookup(value !== MISS, a, b);
        if (value === MISS) return this.#joinOrStart(copy as KeyCopy, a, b, fn, undefined).join(undefined);
        noteCachedAnswer();
        return Promise.resolve(value);
      }
      return this.#getOrCompute(a, b, fn, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #getOrCompute(a: unknown, b: unknown, fn: Compute<V>, options: AnyOptions<V>): Promise<V> {
    const mode = this.modeOf(options);
    const { signal, staleWhileRevalidate } = check.options('options', options);
    const window = staleWhileRevalidate === undefined ? this.#stale : checkedWindow(staleWhileRevalidate);
    check.signal('signal', signal)?.throwIfAborted();
    // Wrong options are told before anything is computed, and before it is paid for.
    this.#extras(options);
    const structure = this.#write(a, b, options);
    let copy: KeyCopy | undefined;
    const found = withKey(structure, (written, text) => {
      if (mode === 'off') return undefined;
      copy = copyKey(written);
      return mode === 'record' ? undefined : this.tier.getStale(written, text, window);
    });
    if (mode === 'off') return new Flight<V>().start(async (context) => fn(context)).join(signal);
    if (mode !== 'record') this.#publishLookup(found !== undefined, a, b);
    if (found !== undefined) {
      // In replay nothing is computed, in the background neither.
      if (found.stale && mode === 'on') {
        this.#joinOrStart(copy as KeyCopy, a, b, this.#refreshing(fn, a, b), options, { unattended: true });
      }
      noteCachedAnswer();
      return Promise.resolve(found.value);
    }
    if (mode === 'replay') throw this.missOf(a, b, options);
    return this.#joinOrStart(copy as KeyCopy, a, b, fn, options, { isRecorded: mode === 'record' }).join(signal);
  }

  /** Returns the value that `fn` computes for a key that was looked up and missed, once for all who ask at the same time. */
  async computeMissed(a: unknown, b: unknown, fn: Compute<V>, options: AnyOptions<V>): Promise<V> {
    options?.signal?.throwIfAborted();
    const isRecorded = this.modeOf(options) === 'record';
    const copy = withKey(this.#write(a, b, options), (structure) => copyKey(structure));
    return this.#joinOrStart(copy, a, b, fn, options, { isRecorded }).join(options?.signal);
  }

  /** Makes `fn` tell when it fails in the background. */
  #refreshing(fn: Compute<V>, a: unknown, b: unknown): Compute<V> {
    return async (context) => {
      try {
        return await fn(context);
      } catch (error) {
        this.#publish('refresh-error', a, b, error);
        try {
          this.#options.onRefreshError?.(error, this.#form.request(a, b));
        } catch (thrown) {
          const told = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
          process.emitWarning(`onRefreshError threw; the cache goes on. ${told}`, { type: 'ListenerError' });
        }
        throw error;
      }
    };
  }

  /** Returns the computation of a key: the one under way, or a new one. */
  #joinOrStart(
    copy: KeyCopy,
    a: unknown,
    b: unknown,
    fn: Compute<V>,
    options: AnyOptions<V>,
    { unattended = false, isRecorded = false } = {},
  ): Flight<V, K> {
    // Now: the caller may change what names the entry while it is computed.
    const extras = this.#extras(options);
    extras.key = this.#form.kept(a, b);
    extras.note = this.#note(a, b, options);
    const compute = (context: ComputeContext, isWanted: () => boolean, isAbandoned: IsAbandoned) =>
      computeOnce(this.tier, copy, isAbandoned, isRecorded, async (ticket) => {
        this.#publish('compute', a, b);
        const value = await fn(context);
        extras.ticket = ticket;
        if (isWanted()) {
          const later = this.#paid.store(
            copy,
            value,
            extras,
            () => this.#paid.verdictOn(value, () => this.#form.request(a, b), options?.shouldCache),
            isWanted,
          );
          if (later !== undefined) await later;
        }
        return value;
      });
    return this.#flights.one(idOf(copy), compute, extras.key, unattended);
  }

  /** Returns the values of distinct texts: those held, those being computed, and those that one call of `fn` computes. */
  async computeMany(texts: readonly string[], fn: ComputeMany<V>, options: AnyOptions<V>): Promise<Map<string, V>> {
    const mode = this.modeOf(options);
    const signal = check.signal('signal', options?.signal);
    signal?.throwIfAborted();
    const extras = this.#extras(options);
    const held = this.getMany(texts, mode);
    const missing = texts.filter((_, i) => held[i] === MISS);
    if (mode === 'replay' && missing.length > 0) throw this.missOf(missing[0], undefined, undefined);
    if (missing.length === 0 && texts.length > 0) noteCachedAnswer();
    const off: Divide<V> = (places) => [{ places, compute: (context) => fn([...missing], context) }];
    const computing =
      mode === 'off'
        ? new Flights<V, K>().many(missing.map(textId), off)
        : this.#flights.many(missing.map(textId), this.#divide(missing, fn, extras, options, mode === 'record'));
    const computed = await Promise.all(computing.map((flight) => flight.join(signal)));
    const values = held.map((value) => (value === MISS ? (computed.shift() as V) : value));
    return new Map(texts.map((text, i) => [text, values[i] as V]));
  }

  /** Divides texts that are to be computed into those claimed here, and those that others compute. */
  #divide(
    texts: readonly string[],
    fn: ComputeMany<V>,
    extras: Extras<K>,
    options: AnyOptions<V>,
    isRecorded: boolean,
  ): Divide<V> {
    const { tier } = this;
    const keys = textKeys(texts);
    const run =
      (context: ComputeContext, isWanted: (place: number) => boolean): Run<V> =>
      async (places, ticket) => {
        const asked = places.map((place) => texts[place] as string);
        const values = await fn(asked, context);
        const pairs = asked.map((text, nth): [string, V] => [text, values[nth] as V]);
        const isStillWanted = (nth: number) => isWanted(places[nth] as number) && !types.isNativeError(values[nth]);
        const later = this.#paid.storeMany(pairs, { ...extras, ticket }, options?.shouldCache, isStillWanted);
        if (later !== undefined) await later;
        // Errors are sorted out where each key's value is given.
        return values as readonly V[];
      };
    return (places) => {
      const claimed = share(tier, keys, places, isRecorded);
      const { mine, others } = claimed;
      const parts: Part<V>[] = [
        { places: mine, compute: (context, w, gone) => computeMine(tier, keys, claimed, gone, run(context, w)) },
        { places: others, compute: (context, w, gone) => awaitOthers(tier, keys, others, gone, run(context, w)) },
      ];
      return parts.filter((part) => part.places.length > 0);
    };
  }

  /** Detaches computations under way whose key is meant: they are not stored when they end. */
  detachThose(isMeant: (key: K) => boolean): void {
    this.#flights.detachThose(isMeant);
  }

  clear(): void {
    // First: where that fails, as in a cache that was closed, nothing has happened.
    this.tier.clear();
    this.#flights.detachAll();
    this.#timer.clear();
  }

  stats(): CacheStats {
    const { hits, misses, live, evictions, memoryUsage, diskUsage } = this.tier.figures();
    const asked = hits + misses;
    const stats: CacheStats = {
      hits,
      misses,
      hitRate: asked === 0 ? 0 : hits / asked,
      size: live,
      entries: live,
      maxSize: this.tier.maxSize === Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : this.tier.maxSize,
      evictions,
      memoryUsage,
      avgAccessTime: this.#timer.average,
    };
    if (diskUsage !== undefined) stats.diskUsage = diskUsage;
    return stats;
  }

  /** Explains why there is no live entry; `undefined` when there is one. */
  explain(a: unknown, b: unknown, options: AnyOptions<V>): MissExplanation | undefined {
    const { isLive, isExpired } = withKey(this.#write(a, b, options), (structure, text) => ({
      isLive: this.tier.has(structure, text),
      isExpired: this.tier.holds?.(structure, text) === true,
    }));
    if (isLive) return undefined;
    if (isExpired) return explanationOf({ differences: [], compared: 1, isAll: true });
    const note = this.#version + this.#form.note(a, b, options?.repeat ?? 0);
    const nearest = nearestDifferences(note, this.tier.notes(MOST_COMPARED + 1), MOST_COMPARED);
    return nearest.compared === 0 && this.tier.figures().live > 0 ? UNEXPLAINED : explanationOf(nearest);
  }

  /** Iterates over the live entries, the least recently used first. Of a tier that keeps keys. */
  *entries(): Generator<[K, V]> {
    const tier = memoryOf(this.tier);
    for (const slot of tier.liveSlots()) yield [tier.keys[slot] as K, tier.values[slot] as V];
  }

  /** Returns the live entries of texts, for {@link load}. */
  dump(): [string, DumpedEntry<V>][] {
    const tier = memoryOf(this.tier);
    return Array.from(tier.liveSlots(), (slot) => {
      const left = tier.remainingOf(slot);
      const expiresAt = left === Number.POSITIVE_INFINITY ? undefined : Date.now() + left;
      return [tier.keys[slot] as string, { value: tier.values[slot] as V, expiresAt }];
    });
  }

  /** Stores what {@link dump} returned, in order, but for what has expired since. */
  load(entries: Iterable<readonly [string, DumpedEntry<V>]>): void {
    for (const [text, { value, expiresAt }] of check.iterable('entries', entries)) {
      const ttl = expiresAt === undefined || expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt - Date.now();
      if (ttl > 0) this.set(text, undefined, value, { mode: 'on', ttl });
    }
  }

  /** Makes the error of mode `'replay'`. */
  missOf(a: unknown, b: unknown, options: AnyOptions<V>): CacheMissError {
    return new CacheMissError(this.#form.named(a), this.#form.isExplained ? this.explain(a, b, options) : undefined);
  }

  /** Returns the mode of a call with `options`. */
  modeOf(options: LookupOptions | undefined): CacheMode {
    const { mode } = check.options('options', options);
    return mode === undefined ? this.#mode : checkedMode(mode);
  }

  #write(a: unknown, b: unknown, options: AnyOptions<V>): number {
    const repeat = options?.repeat;
    return this.#form.write(
      a,
      b,
      repeat === undefined ? 0 : check.nonNegativeInteger('repeat', repeat),
      this.tier.keysForOthers,
    );
  }

  #note(a: unknown, b: unknown, options: AnyOptions<V>): string {
    return this.#options.explain ? this.#version + this.#form.note(a, b, options?.repeat ?? 0) : '';
  }

  #publishLookup(isHit: boolean, a: unknown, b: unknown): void {
    if (cacheEvents.hasSubscribers) this.#publish(isHit ? 'hit' : 'miss', a, b);
  }

  #publish(event: CacheEvent['event'], a: unknown, b: unknown, error?: unknown): void {
    if (!cacheEvents.hasSubscribers) return;
    const message: CacheEvent = { event, cache: this.#options.name, request: this.#form.request(a, b) };
    if (error !== undefined) message.error = error;
    cacheEvents.publish(message);
  }

  #extras(options: AnyOptions<V>): Extras<K> {
    const { ttl, missCost, shouldCache } = options === undefined ? NO_OPTIONS : check.options('options', options);
    if (shouldCache !== undefined) check.callable('shouldCache', shouldCache);
    return {
      key: undefined,
      note: '',
      ttl: ttl === undefined ? 0 : check.positiveNumber('ttl', ttl),
      cost: missCost === undefined ? undefined : fullCost('missCost', missCost),
      ticket: 0,
    };
  }
}

function memoryOf<V, K>(tier: Tier<V, K>): MemoryTier<V, K> {
  if (tier instanceof MemoryTier) return tier;
  throw new AiEvalsError(
    'ERR_UNSUPPORTED',
    'entries are listed for caches in memory only, and not with shared or persist',
  );
}

/** Entries that an explanation looks at: some 20 ms. */
const MOST_COMPARED = 2000;

const NO_REMAINING =
  'the time that an entry has left is known for caches in memory only, and not with shared or persist';

/** Data stored beside a value when nothing is said. */
const PLAIN: Extras<never> = { key: undefined, note: '', ttl: 0, cost: undefined, ticket: 0 };

const NO_OPTIONS: ComputeOptions<never> = {};

/** Returns the {@link idOf} of a key that is a text. */
function textId(text: string): string {
  return idOf({ id: text, structure: 0 });
}
