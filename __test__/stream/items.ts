/** Items to push, the guide's way to push them, and taking all there are, for the tests of streams. */
import { existsSync, readFileSync } from 'node:fs';
import type { DatasetStream } from '@aah/ai-evals/performance';

export const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
export const echo = async (batch: number[]) => batch;
/** Waits one turn of the event loop. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The loop of the guide; resolves to how often a push was refused. */
export async function pushAll<T>(stream: DatasetStream<T>, items: Iterable<T>): Promise<number> {
  let refusals = 0;
  for (const item of items) {
    while (!stream.push(item)) {
      refusals += 1;
      await new Promise((resolve) => stream.once('batch-complete', resolve));
    }
  }
  return refusals;
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Milliseconds that this thread spent on a processor, where the system tells: a busy machine is not the stream's doing. */
export function threadMs(): number {
  const file = '/proc/thread-self/schedstat';
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6 : performance.now();
}

/** The longest that the event loop waited for a turn during `work`, in milliseconds of this thread. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let [last, longest] = [threadMs(), 0];
  const look = () => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  let timer = setImmediate(function tick() {
    look();
    timer = setImmediate(tick);
  });
  await work();
  look();
  clearImmediate(timer);
  return longest;
}
