/**
 * One computation for all who ask for a value at the same time: within a thread by its key, between threads and processes by
 * a lease of the key.
 *
 * Invariants:
 * - a computation runs once, however many wait for it, and each of them can give up alone;
 * - when the last has given up, its signal is aborted; a value that it still brings is stored, as it was paid for;
 * - a process that dies gives up its lease, and another takes its place. One that ends with nothing to store leaves the key
 *   open: those who waited compute it at once, and not one after the other;
 * - nobody waits for others while holding leases of keys that are not computed: batches that overlap do not deadlock.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';
import { types } from 'node:util';
import { AiEvalsError } from '../errors.js';
import { onAbort } from '../on_abort.js';
import { type KeyCopy, type KeyList, listKeys, listTexts } from './key/content_key.js';
import type { ComputeContext } from './options.js';
import { type Claimed, MISS, type Tier } from './stores/tier.js';

/** The computation whose asynchronous context runs. A hit enters none. */
const running = new AsyncLocalStorage<Computation>();
/** Number of computations that have started and not ended. */
let underWay = 0;

/** A running computation, and those that it waits for: one that waits for itself, be it through others, never ends. */
class Computation {
  /** Computations that it waits for now. */
  readonly #awaited = new Set<{ computation: Computation }>();
  #hasStarted = false;
  #hasEnded = false;

  /** The computation that calls, if it has not ended. */
  static get current(): Computation | undefined {
    if (underWay === 0) return undefined;
    const computation = running.getStore();
    return computation === undefined || computation.#hasEnded ? undefined : computation;
  }

  /** Runs `work` as this computation. */
  run<R>(work: () => R): R {
    this.#hasStarted = true;
    underWay += 1;
    return running.run(this, work);
  }

  /** Says that its outcome is known. */
  end(): void {
    if (!this.#hasStarted || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#awaited.clear();
    underWay -= 1;
    // Until the next one starts, promises cost what they cost without any context.
    if (underWay === 0) running.disable();
  }

  /** Returns true if `other` cannot end before this. O(computations that `other` waits for, and so on). */
  isAwaitedBy(other: Computation): boolean {
    const seen = new Set([other]);
    for (const one of seen) {
      if (one === this) return true;
      for (const { computation } of one.#awaited) if (!computation.#hasEnded) seen.add(computation);
    }
    return false;
  }

  /** Notes that it waits for `other` until `outcome` is known. */
  awaits(other: Computation, outcome: Promise<unknown>): void {
    const wait = { computation: other };
    this.#awaited.add(wait);
    const over = () => this.#awaited.delete(wait);
    outcome.then(over, over);
  }
}

/** Makes the error of a computation that waits for itself. */
function circularWait(): AiEvalsError {
  return new AiEvalsError(
    'ERR_CIRCULAR_WAIT',
    "this value is computed by a function that waits for it: ask for another key there, or for mode 'off'",
  );
}

/** Makes the reason with which a computation's signal is aborted. */
function abandoned(): DOMException {
  return new DOMException('every caller that waited for this value has given up', 'AbortError');
}

/** True if every caller that waited for a computation has given up. */
export type IsAbandoned = () => boolean;

/** One computation. */
export class Flight<V, K = undefined> {
  /** The part of its key that a memory tier would keep. */
  readonly key: K | undefined;
  /** Made when its signal is first asked for: it is most of what a computation costs otherwise. */
  #controller: AbortController | undefined;
  #isAbandoned = false;
  readonly #outcome: Promise<V>;
  readonly #computation = new Computation();
  #settle!: (value: PromiseLike<V>) => void;
  #waiting = 0;
  /** A refresh in the background goes on without anybody waiting. */
  readonly #unattended: boolean;

  constructor(key?: K, unattended = false) {
    this.key = key;
    this.#unattended = unattended;
    this.#outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    // A failure is told to those who wait, if anybody does.
    const over = () => this.#computation.end();
    this.#outcome.then(over, over);
  }

  /** Starts `compute`, in this turn. */
  start(compute: (context: ComputeContext, isAbandoned: IsAbandoned) => Promise<V>): this {
    const signal = () => this.#signal;
    const context: ComputeContext = {
      get signal() {
        return signal();
      },
    };
    this.#settle(this.#computation.run(() => compute(context, () => this.#isAbandoned)));
    return this;
  }

  get #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAbandoned) this.#controller.abort(abandoned());
    }
    return this.#controller.signal;
  }

  #abandon(): void {
    this.#isAbandoned = true;
    this.#controller?.abort(abandoned());
  }

  /** True if the last caller that waited has given up: it may come to nothing. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /**
   * The outcome, or a rejection with the reason of `signal` when that comes first; an `ERR_CIRCULAR_WAIT` where the outcome
   * depends on who asks.
   */
  join(signal: AbortSignal | undefined): Promise<V> {
    const asking = Computation.current;
    if (asking?.isAwaitedBy(this.#computation)) return Promise.reject(circularWait());
    this.#waiting += 1;
    const outcome = this.#outcomeFor(signal);
    asking?.awaits(this.#computation, outcome);
    return outcome;
  }

  #outcomeFor(signal: AbortSignal | undefined): Promise<V> {
    if (signal === undefined) return this.#outcome;
    return new Promise<V>((resolve, reject) => {
      const giveUp = () => {
        reject(signal.reason);
        this.#waiting -= 1;
        if (this.#waiting === 0 && !this.#unattended) this.#abandon();
      };
      this.#outcome.then(resolve, reject).finally(onAbort(signal, giveUp));
      if (signal.aborted) giveUp();
    });
  }
}

/** Some of several ids, by their places, that are computed together: a value for each, in order. */
export interface Part<V> {
  places: readonly number[];
  compute: (
    context: ComputeContext,
    isWanted: (place: number) => boolean,
    isAbandoned: IsAbandoned,
  ) => Promise<readonly (V | Error)[]>;
}

/** The computations of one cache, by key. */
export class Flights<V, K> {
  readonly #flights = new Map<string, Flight<V, K>>();

  get size(): number {
    return this.#flights.size;
  }

  /** Lets nobody join the computation of `id` from now on. */
  detach(id: string): void {
    this.#flights.delete(id);
  }

  detachAll(): void {
    this.#flights.clear();
  }

  /** Detaches all computations whose key `isMeant`. */
  detachThose(isMeant: (key: K) => boolean): void {
    for (const [id, { key }] of this.#flights) {
      if (key !== undefined && isMeant(key)) this.#flights.delete(id);
    }
  }

  /** The computation of `id`: the one under way, or `compute`, which can ask whether it is still wanted. */
  one(
    id: string,
    compute: (context: ComputeContext, isWanted: () => boolean, isAbandoned: IsAbandoned) => Promise<V>,
    key?: K,
    unattended = false,
  ): Flight<V, K> {
    const underWay = this.#underWay(id);
    if (underWay !== undefined) return underWay;
    const flight = new Flight<V, K>(key, unattended);
    this.#flights.set(id, flight);
    return flight.start((context, isAbandoned) =>
      this.#whileListed(
        id,
        flight,
        compute(context, () => this.#isListed(id, flight), isAbandoned),
      ),
    );
  }

  /**
   * The computations of different `ids`: those under way, and new ones of all others, which are computed in the parts
   * that `divide` makes of them (they are given as places in `ids`).
   */
  many(ids: readonly string[], divide: (places: readonly number[]) => readonly Part<V>[]): Flight<V, K>[] {
    const flights = ids.map((id) => this.#underWay(id) ?? new Flight<V, K>());
    const isNew = (place: number) => this.#flights.get(ids[place] as string) !== flights[place];
    const parts = divide([...ids.keys()].filter(isNew));
    for (const { places } of parts) {
      for (const place of places) this.#flights.set(ids[place] as string, flights[place] as Flight<V, K>);
    }
    const isWanted = (place: number) => this.#isListed(ids[place] as string, flights[place] as Flight<V, K>);
    for (const { places, compute } of parts) {
      const batch = new Flight<readonly (V | Error)[]>();
      for (const [nth, place] of places.entries()) {
        const flight = flights[place] as Flight<V, K>;
        flight.start(({ signal }) => {
          const value = batch.join(signal).then((values) => {
            const own = values[nth];
            // An error in place of a value is the failure of this key alone.
            if (types.isNativeError(own)) throw own;
            return own as V;
          });
          return this.#whileListed(ids[place] as string, flight, value);
        });
      }
      batch.start(async (context, isAbandoned) => compute(context, isWanted, isAbandoned));
    }
    return flights;
  }

  /** The computation of `id` that a caller can still wait for. */
  #underWay(id: string): Flight<V, K> | undefined {
    const flight = this.#flights.get(id);
    return flight?.isAbandoned ? undefined : flight;
  }

  #isListed(id: string, flight: Flight<V, K>): boolean {
    return this.#flights.get(id) === flight;
  }

  async #whileListed(id: string, flight: Flight<V, K>, value: Promise<V>): Promise<V> {
    try {
      return await value;
    } finally {
      if (this.#isListed(id, flight)) this.#flights.delete(id);
    }
  }
}

/** Longest time between two looks at what the others have done, in ms. */
const LONGEST_WAIT = 50;

/** Lists some of several keys, given by their places. */
export type Keys = (places: readonly number[]) => KeyList;

/** Computes and stores what is at `places`: under a claim's `ticket`, or, if that is 0, without one. */
export type Run<V> = (places: readonly number[], ticket: number) => Promise<readonly V[]>;

/** Places of the keys that the caller is to compute, and of those that others compute or have stored. */
export interface Share {
  ticket: number;
  mine: readonly number[];
  others: readonly number[];
}

/** Lists keys that are texts. */
export function textKeys(texts: readonly string[]): Keys {
  return (places) => listTexts(places.map((place) => texts[place] as string));
}

/** Claims what is at `places`, with `seizes` from others too. In a tier of one thread all is the caller's. */
export function share<V, K>(tier: Tier<V, K>, keys: Keys, places: readonly number[], seizes: boolean): Share {
  if (tier.claim === undefined || places.length === 0) return { ticket: 0, mine: places, others: [] };
  return shareOf(places, tier.claim(keys(places), seizes));
}

function shareOf(places: readonly number[], { ticket, answers }: Claimed): Share {
  return {
    ticket,
    mine: places.filter((_, i) => answers[i] === 1),
    others: places.filter((_, i) => answers[i] !== 1),
  };
}

/** Computes what is the caller's of a share. */
export async function computeMine<V, K>(
  tier: Tier<V, K>,
  keys: Keys,
  { ticket, mine }: Share,
  isAbandoned: IsAbandoned,
  run: Run<V>,
): Promise<readonly V[]> {
  try {
    return await run(mine, ticket);
  } finally {
    // One that was called off says nothing about the keys.
    if (ticket > 0) tier.release?.(keys(mine), ticket, !isAbandoned());
  }
}

/** Waits for what others compute and store. Where they end without storing, the caller computes it. */
export async function awaitOthers<V, K>(
  tier: Tier<V, K>,
  keys: Keys,
  others: readonly number[],
  isAbandoned: IsAbandoned,
  run: Run<V>,
): Promise<V[]> {
  const values = new Map<number, V>();
  const note = (places: readonly number[], found: readonly (V | typeof MISS)[]) => {
    for (const [i, place] of places.entries()) if (found[i] !== MISS) values.set(place, found[i] as V);
  };
  for (let wait = 1; values.size < others.length; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    await setTimeout(wait);
    if (isAbandoned()) throw abandoned();
    const missing = () => others.filter((place) => !values.has(place));
    // Without counting: the caller's own lookup was counted.
    note(missing(), tier.peekMany?.(keys(missing())) ?? []);
    const left = share(tier, keys, missing(), false);
    if (left.mine.length > 0) note(left.mine, await computeMine(tier, keys, left, isAbandoned, run));
  }
  return others.map((place) => values.get(place) as V);
}

/** Returns the value of one key: of `run`, or the one that another thread or process stores meanwhile. */
export async function computeOnce<V, K>(
  tier: Tier<V, K>,
  copy: KeyCopy,
  isAbandoned: IsAbandoned,
  seizes: boolean,
  run: (ticket: number) => Promise<V>,
): Promise<V> {
  if (tier.claim === undefined) return run(0);
  const keys: Keys = () => listKeys([copy]);
  const runAll: Run<V> = async (_, ticket) => [await run(ticket)];
  const claimed =
    tier.claimSoon === undefined ? share(tier, keys, [0], seizes) : shareOf([0], await tier.claimSoon(copy, seizes));
  const isMine = claimed.mine.length > 0;
  const [value] = isMine
    ? await computeMine(tier, keys, claimed, isAbandoned, runAll)
    : await awaitOthers(tier, keys, claimed.others, isAbandoned, runAll);
  return value as V;
}
