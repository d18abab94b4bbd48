/** Batches of scorers in JavaScript: on the main thread, a slot for each pair. */

import { onAbort } from '../on_abort.js';
import type { ScoredPair, Scorer } from '../scorers/scorer.js';
import type { BatchRun } from './native_scoring.js';
import type { Slots } from './slots.js';

/** Scores the pairs in order, as many at once as there are slots. The first that rejects ends the batch. */
export function scoreInTurn<E, A>(
  scorer: Scorer<E, A>,
  pairs: readonly ScoredPair<E, A>[],
  slots: Slots,
  { signal, onProgress }: BatchRun,
): Promise<Float64Array> {
  const scores = new Float64Array(pairs.length);
  if (pairs.length === 0) return Promise.resolve(scores);
  return new Promise((resolve, reject) => {
    let [next, done, over] = [0, 0, false];
    const fail = (error: unknown): void => {
      over = true;
      reject(error);
    };
    const forget = onAbort(signal, () => fail(signal?.reason));
    const startNext = (): void => {
      if (over || next === pairs.length) return;
      const at = next;
      next += 1;
      slots.take({ start: () => void scoreOne(at), refuse: fail });
    };
    const scoreOne = async (at: number): Promise<void> => {
      try {
        if (over) return;
        const { expected, actual } = pairs[at]!;
        const { score } = await scorer.score(expected, actual);
        if (over) return;
        scores[at] = score;
        done += 1;
        onProgress?.(done, pairs.length);
        if (done === pairs.length) resolve(scores);
      } catch (error) {
        fail(error);
      } finally {
        slots.release();
        if (over || done === pairs.length) forget();
        startNext();
      }
    };
    for (let lane = 0; lane < Math.min(slots.count, pairs.length); lane += 1) startNext();
  });
}
