/**
 * One computation of a key among the threads or processes that share a tier: whoever claims the key computes it, the
 * others wait and find it stored. One that dies or fails gives up its claim, and another takes its place.
 */
import { setTimeout } from 'node:timers/promises';
import { type KeyCopy, keyRead, keyText, writeCopy } from './content_key.js';
import { MISS, type Tier } from './tier.js';

/** Longest time between two looks at what the others have done, in ms. */
const LONGEST_WAIT = 50;

/** The value of `run`, or the one that another thread or process has stored meanwhile. */
export async function computeOnce<V, K>(
  tier: Tier<V, K>,
  copy: KeyCopy,
  signal: AbortSignal,
  run: () => Promise<V>,
): Promise<V> {
  const { claim, release } = tier;
  if (claim === undefined || release === undefined) return run();
  const withKey = <R>(use: (structure: number, text: string) => R): R => {
    const structure = writeCopy(copy);
    try {
      return use(structure, keyText());
    } finally {
      keyRead();
    }
  };
  // Without counting: the caller's own lookup was counted.
  const stored = () => withKey((structure, text) => tier.peek(structure, text));
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    if (withKey((structure, text) => claim.call(tier, structure, text))) {
      try {
        const value = stored();
        return value === MISS ? await run() : value;
      } finally {
        withKey((structure, text) => release.call(tier, structure, text));
      }
    }
    await setTimeout(wait);
    signal.throwIfAborted();
    const value = stored();
    if (value !== MISS) return value;
  }
}
