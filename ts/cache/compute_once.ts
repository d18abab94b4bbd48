/**
 * One computation of a key among the threads or processes that share a tier: whoever claims the key computes it, the
 * others wait and find it stored. One that dies gives up its claim, and another takes its place; one that ends with
 * nothing to store leaves the key open: those who waited compute it at once, and not one after the other.
 *
 * Nobody waits for others while there is something that it has claimed and not computed: so batches that overlap do not
 * wait for each other.
 */
import { setTimeout } from 'node:timers/promises';
import { type KeyCopy, keyRead, keyText, writeCopy } from './content_key.js';
import { MISS, type Tier, type WrittenKeys } from './tier.js';

/** Longest time between two looks at what the others have done, in ms. */
const LONGEST_WAIT = 50;

/** Keys that are asked for together, by their places: how some of them are handed to a tier. */
export type Keys = <R>(places: readonly number[], use: (keys: WrittenKeys) => R) => R;

/** Computes and stores what is at `places`: under a claim's `ticket`, or, if that is 0, without one. */
export type Run<V> = (places: readonly number[], ticket: number) => Promise<readonly V[]>;

/** The places of what is the caller's to compute, and of what others compute or have stored. */
export interface Share {
  ticket: number;
  mine: readonly number[];
  others: readonly number[];
}

/** A key of any form, at place 0. */
export function oneKey(copy: KeyCopy): Keys {
  return (_, use) => {
    const structure = writeCopy(copy);
    try {
      return use({ structure, text: keyText(), lengths: undefined });
    } finally {
      keyRead();
    }
  };
}

/** Keys that are texts. */
export function textKeys(texts: readonly string[]): Keys {
  return (places, use) => {
    const some = places.map((place) => texts[place] as string);
    const lengths = Uint32Array.from(some, (text) => text.length);
    return use({ structure: 0, text: some.join(''), lengths });
  };
}

/** Claims what is at `places`; with `seizes` also what others have claimed. In a tier of one thread all is the caller's. */
export function share<V, K>(tier: Tier<V, K>, keys: Keys, places: readonly number[], seizes: boolean): Share {
  if (tier.claim === undefined || places.length === 0) return { ticket: 0, mine: places, others: [] };
  const { ticket, answers } = keys(places, (written) => tier.claim?.(written, seizes)) ?? { ticket: 0, answers: [] };
  return {
    ticket,
    mine: places.filter((_, i) => answers[i] === 1),
    others: places.filter((_, i) => answers[i] !== 1),
  };
}

/** What is the caller's of a share, computed. */
export async function computeMine<V, K>(
  tier: Tier<V, K>,
  keys: Keys,
  { ticket, mine }: Share,
  signal: AbortSignal,
  run: Run<V>,
): Promise<readonly V[]> {
  try {
    return await run(mine, ticket);
  } finally {
    // One that was called off says nothing about the keys.
    if (ticket > 0) keys(mine, (written) => tier.release?.(written, ticket, !signal.aborted));
  }
}

/** What others compute: what they store, or, where they end without, what the caller then computes. */
export async function awaitOthers<V, K>(
  tier: Tier<V, K>,
  keys: Keys,
  others: readonly number[],
  signal: AbortSignal,
  run: Run<V>,
): Promise<V[]> {
  const values = new Map<number, V>();
  const note = (places: readonly number[], found: readonly (V | typeof MISS)[]) => {
    for (const [i, place] of places.entries()) if (found[i] !== MISS) values.set(place, found[i] as V);
  };
  for (let wait = 1; values.size < others.length; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    await setTimeout(wait);
    signal.throwIfAborted();
    const missing = () => others.filter((place) => !values.has(place));
    // Without counting: the caller's own lookup was counted.
    note(
      missing(),
      keys(missing(), (written) => peek(tier, written)),
    );
    const left = share(tier, keys, missing(), false);
    if (left.mine.length > 0) note(left.mine, await computeMine(tier, keys, left, signal, run));
  }
  return others.map((place) => values.get(place) as V);
}

function peek<V, K>(tier: Tier<V, K>, { structure, text, lengths }: WrittenKeys): readonly (V | typeof MISS)[] {
  return lengths === undefined ? [tier.peek(structure, text)] : (tier.peekMany?.(text, lengths) ?? []);
}

/** The value of one key: of `run`, or the one that another thread or process stores meanwhile. */
export async function computeOnce<V, K>(
  tier: Tier<V, K>,
  copy: KeyCopy,
  signal: AbortSignal,
  seizes: boolean,
  run: (ticket: number) => Promise<V>,
): Promise<V> {
  if (tier.claim === undefined) return run(0);
  const keys = oneKey(copy);
  const runAll: Run<V> = async (_, ticket) => [await run(ticket)];
  const claimed = share(tier, keys, [0], seizes);
  const isMine = claimed.mine.length > 0;
  const [value] = isMine
    ? await computeMine(tier, keys, claimed, signal, runAll)
    : await awaitOthers(tier, keys, claimed.others, signal, runAll);
  return value as V;
}
