/** The native side of a scorer, and the texts of its pairs. */
import { wrongType } from '../arguments.js';
import { ArgumentRangeError } from '../errors.js';
import { turnDue } from '../event_loop_turn.js';
import type { Kernel, PairTexts, RefusedPair } from './native_scoring.js';
import type { ReadPair } from './read_pair.js';

/** Pairs read between two looks at the clock. */
const PAIRS_A_LOOK = 1024;

interface NativeSide {
  kernel: Kernel;
  read: ReadPair<unknown, unknown>;
}

const natives = new WeakMap<object, NativeSide>();

/** Registers a scorer as native, so that a pool scores its batches on its threads. */
export function asNativeScorer<E, A>(scorer: object, kernel: Kernel, read: ReadPair<E, A>): void {
  natives.set(scorer, { kernel, read: read as ReadPair<unknown, unknown> });
}

/** The native side of a scorer; `undefined` for a scorer in JavaScript. */
export function nativeSide(scorer: object): NativeSide | undefined {
  return natives.get(scorer);
}

/** Reads all pairs before any work, by turns. Throws for the first bad one; `list` is what the error calls the batch. */
export async function readPairs<E, A>(
  read: ReadPair<E, A>,
  pairs: readonly { expected: E; actual: A }[],
  list: string,
  signal?: AbortSignal,
): Promise<PairTexts> {
  const texts: string[] = [];
  const counts = new Uint32Array(pairs.length);
  let at = 0;
  const placeOf = (): string => `${list}[${at}]`;
  for (; at < counts.length; at += 1) {
    counts[at] = readPair(read, pairs[at], placeOf, texts);
    if (at % PAIRS_A_LOOK === PAIRS_A_LOOK - 1) {
      await turnDue();
      signal?.throwIfAborted();
    }
  }
  return { texts, counts };
}

/** Reads all pairs at once. */
export function readAll<E, A>(
  read: ReadPair<E, A>,
  pairs: readonly { expected: E; actual: A }[],
  list: string,
): PairTexts {
  const texts: string[] = [];
  const counts = Uint32Array.from(pairs, (pair, at) => readPair(read, pair, () => `${list}[${at}]`, texts));
  return { texts, counts };
}

function readPair<E, A>(read: ReadPair<E, A>, pair: unknown, placeOf: () => string, texts: string[]): number {
  if (typeof pair !== 'object' || pair === null) wrongType(placeOf(), 'an object with expected and actual', pair);
  const { expected, actual } = pair as { expected: E; actual: A };
  const before = texts.length;
  try {
    return read(expected, actual, '', texts);
  } catch {
    // Read again for an error that names the place, which nobody else pays for.
    texts.length = before;
    return read(expected, actual, `${placeOf()}.`, texts);
  }
}

/** The error of a batch with a pair that was refused. */
export function refusedPair(list: string, { index, error }: RefusedPair): Error {
  return new ArgumentRangeError(`${list}[${index}]: ${error.message}`, { cause: error });
}
