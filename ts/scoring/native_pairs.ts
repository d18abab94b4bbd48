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
  const batch = newBatch(pairs.length);
  for (let at = 0; at < pairs.length; at += 1) {
    appendPair(batch, read, pairs[at], list, at);
    if (at % PAIRS_A_LOOK === PAIRS_A_LOOK - 1) {
      await turnDue();
      signal?.throwIfAborted();
    }
  }
  return batch;
}

/** Reads all pairs at once. */
export function readAll<E, A>(
  read: ReadPair<E, A>,
  pairs: readonly { expected: E; actual: A }[],
  list: string,
): PairTexts {
  const batch = newBatch(pairs.length);
  for (const [at, pair] of pairs.entries()) appendPair(batch, read, pair, list, at);
  return batch;
}

function newBatch(pairs: number): PairTexts {
  return { texts: [], lengths: new Uint32Array(2 * pairs), counts: new Uint32Array(pairs) };
}

/** Reads a pair behind those of the batch. */
function appendPair<E, A>(batch: PairTexts, read: ReadPair<E, A>, pair: unknown, list: string, at: number): void {
  if (typeof pair !== 'object' || pair === null) {
    wrongType(`${list}[${at}]`, 'an object with expected and actual', pair);
  }
  const { texts } = batch;
  const { expected, actual } = pair as { expected: E; actual: A };
  const before = texts.length;
  try {
    batch.counts[at] = read(expected, actual, '', texts);
  } catch {
    // Read again for an error that names the place, which nobody else pays for.
    texts.length = before;
    batch.counts[at] = read(expected, actual, `${list}[${at}].`, texts);
  }
  if (texts.length > batch.lengths.length) {
    const longer = new Uint32Array(2 * texts.length);
    longer.set(batch.lengths);
    batch.lengths = longer;
  }
  // Now, while the texts are in the processor's cache.
  for (let text = before; text < texts.length; text += 1) batch.lengths[text] = texts[text]!.length;
}

/** The error of a batch with a pair that was refused. */
export function refusedPair(list: string, { index, error }: RefusedPair): Error {
  return new ArgumentRangeError(`${list}[${index}]: ${error.message}`, { cause: error });
}
