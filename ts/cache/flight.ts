/**
 * Computations under way, and the callers that wait for them.
 *
 * What always holds: a computation runs once, however many wait; each waiter can give up alone; when the last has given up
 * the computation is told to (its signal), and what it still brings is stored all the same, as it was paid for.
 */
import { onAbort } from '../on_abort.js';
import { Computation, circularWait } from './computation.js';
import type { ComputeContext } from './options.js';

/** Why a computation's signal is aborted. */
const ABANDONED = 'every caller that waited for this value has given up';

/** One computation. */
export class Flight<V, K = undefined> {
  /** What a memory tier would keep of its key. */
  readonly key: K | undefined;
  readonly #controller = new AbortController();
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
    // Those who wait are told; when nobody does, nobody has to be.
    const over = () => this.#computation.end();
    this.#outcome.then(over, over);
  }

  /** Starts `compute`, in this turn. */
  start(compute: (context: ComputeContext) => Promise<V>): this {
    this.#settle(this.#computation.run(() => compute({ signal: this.#controller.signal })));
    return this;
  }

  /** Whether the last caller that waited has given up: it may come to nothing. */
  get isAbandoned(): boolean {
    return this.#controller.signal.aborted;
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
        if (this.#waiting === 0 && !this.#unattended) this.#controller.abort(new DOMException(ABANDONED, 'AbortError'));
      };
      this.#outcome.then(resolve, reject).finally(onAbort(signal, giveUp));
      if (signal.aborted) giveUp();
    });
  }
}

/** Some of several ids, by their places, that are computed together: a value for each, in order. */
export interface Part<V> {
  places: readonly number[];
  compute: (context: ComputeContext, isWanted: (place: number) => boolean) => Promise<readonly V[]>;
}

/** The computations of one cache, by key. */
export class Flights<V, K> {
  readonly #flights = new Map<string, Flight<V, K>>();

  get size(): number {
    return this.#flights.size;
  }

  /** Whoever asks for `id` from now on does not get what is being computed. */
  detach(id: string): void {
    this.#flights.delete(id);
  }

  detachAll(): void {
    this.#flights.clear();
  }

  /** As {@link detach}, of all whose key `isMeant`. */
  detachThose(isMeant: (key: K) => boolean): void {
    for (const [id, { key }] of this.#flights) {
      if (key !== undefined && isMeant(key)) this.#flights.delete(id);
    }
  }

  /** The computation of `id`: the one under way, or `compute`, which can ask whether it is still wanted. */
  one(
    id: string,
    compute: (context: ComputeContext, isWanted: () => boolean) => Promise<V>,
    key?: K,
    unattended = false,
  ): Flight<V, K> {
    const underWay = this.#underWay(id);
    if (underWay !== undefined) return underWay;
    const flight = new Flight<V, K>(key, unattended);
    this.#flights.set(id, flight);
    return flight.start((context) =>
      this.#whileListed(
        id,
        flight,
        compute(context, () => this.#isListed(id, flight)),
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
      const batch = new Flight<readonly V[]>();
      for (const [nth, place] of places.entries()) {
        const flight = flights[place] as Flight<V, K>;
        flight.start(({ signal }) => {
          const value = batch.join(signal).then((values) => values[nth] as V);
          return this.#whileListed(ids[place] as string, flight, value);
        });
      }
      batch.start(async (context) => compute(context, isWanted));
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
