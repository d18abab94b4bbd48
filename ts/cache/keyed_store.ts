/**
 * What every cache is, over the tier that holds its entries: modes, what is worth keeping, one computation per key.
 *
 * What always holds: of the callers that ask for one key at the same time, one computes; a failure is not stored and
 * rejects all who waited for it; what was deleted, replaced or cleared while its value was being computed is not stored
 * afterwards.
 */
import * as check from '../arguments.js';
import { AccessTimer } from './access_timer.js';
import { awaitOthers, computeMine, computeOnce, type Run, share, textKeys } from './compute_once.js';
import { copyKey, idOf, type KeyCopy, keyRead, keyText } from './content_key.js';
import { nearestDifferences } from './description.js';
import { Flight, Flights, type Part } from './flight.js';
import type { KeyForm } from './key_form.js';
import { CacheMissError, explanationOf, type MissExplanation } from './miss.js';
import { checkedMode } from './mode.js';
import type { CacheMode, CacheStats, ComputeContext, ComputeOptions, LookupOptions, RepeatOptions } from './options.js';
import { PaidValues } from './paid_values.js';
import { fullCost } from './saved_costs.js';
import { type Extras, type Found, MISS, type Tier } from './tier.js';
import { isLater, type ShouldCache, type Verdict } from './worth_keeping.js';

/** Checked options of a {@link KeyedStore}. */
export interface StoreOptions<V> {
  /** The cache's name in a warning. */
  name: string;
  mode: CacheMode;
  shouldCache: ShouldCache<V> | undefined;
  stale: number;
  /** As notes tell it; `undefined` without one. */
  version: string | number | undefined;
}

type Compute<V> = (context: ComputeContext) => V | PromiseLike<V>;
type ComputeMany<V> = (missing: string[], context: ComputeContext) => Promise<readonly V[]>;
type Divide<V> = (places: readonly number[]) => readonly Part<V>[];
type AnyOptions<V> = (ComputeOptions<V> & RepeatOptions) | undefined;

export class KeyedStore<V, K, T extends Tier<V, K> = Tier<V, K>> {
  readonly tier: T;
  readonly #paid: PaidValues<V, K>;
  readonly #form: KeyForm<K>;
  readonly #mode: CacheMode;
  readonly #stale: number;
  readonly #version: string;
  readonly #timer = new AccessTimer();
  readonly #flights = new Flights<V, K>();

  constructor(tier: T, form: KeyForm<K>, { name, mode, shouldCache, stale, version }: StoreOptions<V>) {
    this.tier = tier;
    this.#paid = new PaidValues<V, K>(name, tier, shouldCache);
    this.#form = form;
    this.#mode = mode;
    this.#stale = stale;
    this.#version = version === undefined ? '' : `version\t${JSON.stringify(version)}\n`;
  }

  get(a: unknown, b: unknown, options: AnyOptions<V>): V | undefined {
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    if (mode === 'off' || mode === 'record') return undefined;
    const start = this.#timer.start();
    const structure = this.#write(a, b, options);
    let value: V | typeof MISS;
    try {
      value = this.tier.get(structure, keyText());
    } finally {
      keyRead();
    }
    if (start !== 0) this.#timer.end(start);
    if (value !== MISS) return value;
    if (mode === 'replay') throw this.missOf(a, b, options);
    return undefined;
  }

  /** What is held, be it stale: the look that `getOrCompute` takes, without computing anything. */
  find(a: unknown, b: unknown, options: AnyOptions<V>): Found<V> | undefined {
    const mode = this.modeOf(options);
    if (mode === 'off' || mode === 'record') return undefined;
    const structure = this.#write(a, b, options);
    let found: Found<V> | undefined;
    try {
      found = this.tier.getStale(structure, keyText(), this.#stale);
    } finally {
      keyRead();
    }
    if (found === undefined && mode === 'replay') throw this.missOf(a, b, options);
    return found;
  }

  /** `get` of several texts at once, in a mode. */
  getMany(texts: readonly string[], mode: CacheMode): (V | typeof MISS)[] {
    if (mode === 'off' || mode === 'record') return texts.map((): typeof MISS => MISS);
    const lengths = Uint32Array.from(texts, (text) => text.length);
    const start = this.#timer.start(texts.length);
    const values = this.tier.getMany(texts.join(''), lengths);
    if (start !== 0) this.#timer.end(start, texts.length);
    return values;
  }

  has(a: unknown, b: unknown, options: AnyOptions<V>): boolean {
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    return mode !== 'off' && mode !== 'record' && this.#holds(a, b, options);
  }

  #holds(a: unknown, b: unknown, options: AnyOptions<V>): boolean {
    const structure = this.#write(a, b, options);
    try {
      return this.tier.has(structure, keyText());
    } finally {
      keyRead();
    }
  }

  set(a: unknown, b: unknown, value: V, options: AnyOptions<V>): void {
    const mode = options === undefined ? this.#mode : this.modeOf(options);
    const extras = this.#extras(options);
    const structure = this.#write(a, b, options);
    try {
      if (mode === 'off') return;
      const verdict = this.#paid.verdictOn(value, options?.shouldCache);
      if (!verdict) return;
      const text = keyText();
      extras.key = this.#form.kept(a, b);
      extras.note = this.#note(a, b, options);
      if (isLater(verdict)) {
        this.#setLater(copyKey(structure), value, extras, verdict);
        return;
      }
      if (this.#flights.size > 0) this.#flights.detach(idOf(copyKey(structure)));
      this.tier.set(structure, text, value, extras);
    } finally {
      keyRead();
    }
  }

  /** Stores `value` if that is what the verdict turns out to be, and nothing happens to its key until then. */
  #setLater(copy: KeyCopy, value: V, extras: Extras<K>, verdict: Verdict): void {
    const id = idOf(copy);
    this.#flights.detach(id);
    const judged = async (_: ComputeContext, isWanted: () => boolean) => {
      await this.#paid.store(copy, value, extras, () => verdict, isWanted);
      return value;
    };
    this.#flights.one(id, judged, extras.key, true);
  }

  /** `set` for each pair of text and value, none where one cannot be stored; those that `shouldCache` says later of come later. */
  setMany(pairs: readonly (readonly [string, V])[], options: AnyOptions<V>): void {
    const mode = this.modeOf(options);
    const extras = this.#extras(options);
    if (mode === 'off') return;
    const verdicts = pairs.map(([, value]) => this.#paid.verdictOn(value, options?.shouldCache));
    for (const [text] of pairs) this.#flights.detach(textId(text));
    const kept = pairs.filter((_, nth) => verdicts[nth] === true);
    if (kept.length > 0) this.tier.setMany(kept, extras);
    for (const [nth, [text, value]] of pairs.entries()) {
      const verdict = verdicts[nth] as Verdict;
      const ownKey = { ...extras, key: text as K };
      if (isLater(verdict)) this.#setLater({ id: text, structure: 0 }, value, ownKey, verdict);
    }
  }

  delete(a: unknown, b: unknown, options: AnyOptions<V>): boolean {
    const structure = this.#write(a, b, options);
    try {
      if (this.#flights.size > 0) this.#flights.detach(idOf(copyKey(structure)));
      return this.tier.delete(structure, keyText());
    } finally {
      keyRead();
    }
  }

  /** The value of a key: what is held, or what `fn` computes, once for all who ask at the same time. */
  getOrCompute(a: unknown, b: unknown, fn: Compute<V>, options: AnyOptions<V>): Promise<V> {
    try {
      check.callable('fn', fn);
      if (options === undefined && this.#mode === 'on' && this.#stale === 0) {
        // The way of almost every hit.
        const structure = this.#write(a, b, undefined);
        let copy: KeyCopy;
        try {
          const value = this.tier.get(structure, keyText());
          if (value !== MISS) return Promise.resolve(value);
          copy = copyKey(structure);
        } finally {
          keyRead();
        }
        return this.#joinOrStart(copy, a, b, fn, undefined).join(undefined);
      }
      return this.#getOrCompute(a, b, fn, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #getOrCompute(a: unknown, b: unknown, fn: Compute<V>, options: AnyOptions<V>): Promise<V> {
    const mode = this.modeOf(options);
    const { signal, staleWhileRevalidate = this.#stale } = check.options('options', options);
    check.nonNegativeNumber('staleWhileRevalidate', staleWhileRevalidate);
    check.signal('signal', signal)?.throwIfAborted();
    // Wrong options are told before anything is computed, and before it is paid for.
    this.#extras(options);
    const structure = this.#write(a, b, options);
    let copy: KeyCopy;
    try {
      if (mode === 'off') return new Flight<V>().start(async (context) => fn(context)).join(signal);
      copy = copyKey(structure);
      const found = mode === 'record' ? undefined : this.tier.getStale(structure, keyText(), staleWhileRevalidate);
      if (found !== undefined) {
        // In replay nothing is computed, in the background neither.
        if (found.stale && mode === 'on') this.#joinOrStart(copy, a, b, fn, options, { unattended: true });
        return Promise.resolve(found.value);
      }
    } finally {
      keyRead();
    }
    if (mode === 'replay') throw this.missOf(a, b, options);
    return this.#joinOrStart(copy, a, b, fn, options, { isRecorded: mode === 'record' }).join(signal);
  }

  /** The computation of a key: the one under way, or a new one. */
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
    const compute = (context: ComputeContext, isWanted: () => boolean) =>
      computeOnce(this.tier, copy, context.signal, isRecorded, async (ticket) => {
        const value = await fn(context);
        extras.ticket = ticket;
        if (isWanted()) {
          const later = this.#paid.store(
            copy,
            value,
            extras,
            () => this.#paid.verdictOn(value, options?.shouldCache),
            isWanted,
          );
          if (later !== undefined) await later;
        }
        return value;
      });
    return this.#flights.one(idOf(copy), compute, extras.key, unattended);
  }

  /** The values of distinct texts: what is held, what is being computed, and what one call of `fn` computes of the rest. */
  async computeMany(texts: readonly string[], fn: ComputeMany<V>, options: AnyOptions<V>): Promise<Map<string, V>> {
    const mode = this.modeOf(options);
    const signal = check.signal('signal', options?.signal);
    signal?.throwIfAborted();
    const extras = this.#extras(options);
    const held = this.getMany(texts, mode);
    const missing = texts.filter((_, i) => held[i] === MISS);
    if (mode === 'replay' && missing.length > 0) throw this.missOf(missing[0], undefined, undefined);
    const off: Divide<V> = (places) => [{ places, compute: (context) => fn([...missing], context) }];
    const computing =
      mode === 'off'
        ? new Flights<V, K>().many(missing.map(textId), off)
        : this.#flights.many(missing.map(textId), this.#divide(missing, fn, extras, options, mode === 'record'));
    const computed = await Promise.all(computing.map((flight) => flight.join(signal)));
    const values = held.map((value) => (value === MISS ? (computed.shift() as V) : value));
    return new Map(texts.map((text, i) => [text, values[i] as V]));
  }

  /** Of `texts` that are to be computed: what is claimed here, and what others compute. */
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
        const isStillWanted = (nth: number) => isWanted(places[nth] as number);
        const later = this.#paid.storeMany(pairs, { ...extras, ticket }, options?.shouldCache, isStillWanted);
        if (later !== undefined) await later;
        return values;
      };
    return (places) => {
      const claimed = share(tier, keys, places, isRecorded);
      const { mine, others } = claimed;
      const parts: Part<V>[] = [
        { places: mine, compute: (context, w) => computeMine(tier, keys, claimed, context.signal, run(context, w)) },
        { places: others, compute: (context, w) => awaitOthers(tier, keys, others, context.signal, run(context, w)) },
      ];
      return parts.filter((part) => part.places.length > 0);
    };
  }

  /** Computations under way of keys that are meant are not stored when they end. */
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
      maxSize: this.tier.maxSize,
      evictions,
      memoryUsage,
      avgAccessTime: this.#timer.average,
    };
    if (diskUsage !== undefined) stats.diskUsage = diskUsage;
    return stats;
  }

  /** Why there is no live entry; `undefined` when there is one. */
  explain(a: unknown, b: unknown, options: AnyOptions<V>): MissExplanation | undefined {
    const structure = this.#write(a, b, options);
    try {
      if (this.tier.has(structure, keyText())) return undefined;
      if (this.tier.holds?.(structure, keyText())) return explanationOf({ differences: [], compared: 1, isAll: true });
    } finally {
      keyRead();
    }
    return explanationOf(
      nearestDifferences(this.#note(a, b, options), this.tier.notes(MOST_COMPARED + 1), MOST_COMPARED),
    );
  }

  /** The error of mode `'replay'`. */
  missOf(a: unknown, b: unknown, options: AnyOptions<V>): CacheMissError {
    const isExplained = this.#form.note(a, b, 0) !== '';
    return new CacheMissError(this.#form.named(a), isExplained ? this.explain(a, b, options) : undefined);
  }

  /** The mode of a call with `options`. */
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
    const note = this.#form.note(a, b, options?.repeat ?? 0);
    return note === '' ? '' : this.#version + note;
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

/** How many entries an explanation looks at: some 20 ms. */
const MOST_COMPARED = 2000;

const NO_OPTIONS: ComputeOptions<never> = {};

/** As {@link idOf}, of a key that is a text. */
function textId(text: string): string {
  return idOf({ id: text, structure: 0 });
}
