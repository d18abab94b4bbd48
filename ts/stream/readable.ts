/** Items as a Node `Readable`. */
import { Readable } from 'node:stream';
import { wrongType } from '../arguments.js';
import type { ConsumeOptions, StreamCore } from './stream_core.js';

/**
 * A `Readable` over the items of `core`, some of which it reads ahead. Destroying it, also while it waits, gives back what
 * was not read, and then calls `leave`.
 */
export function readableOf<T>(
  core: StreamCore<T>,
  { untilEnd, signal }: ConsumeOptions,
  leave: () => Promise<void> | void,
): Readable {
  const highWaterMark = core.config.batchSize;
  const gone = new AbortController();
  const stop = signal ? AbortSignal.any([signal, gone.signal]) : gone.signal;
  /** The last items that the readable was given: as many of them as it still has were not read. */
  let given: T[] = [];
  /** Items that it is about to be given, the next one last. */
  let coming: T[] = [];
  const unread = () => given.slice(given.length - readable.readableLength);

  async function readOn(): Promise<void> {
    core.hold();
    try {
      const room = Math.max(1, highWaterMark - readable.readableLength);
      const items = await core.next(room, 1, { untilEnd, signal: stop });
      if (!items) {
        readable.push(null);
        return;
      }
      given = unread();
      coming = items.reverse();
      if (readable.destroyed) giveBack();
      while (coming.length > 0) {
        const item = coming.pop() as T;
        if (item === null) wrongType('An item of a Readable', 'anything but null', item);
        given.push(item);
        // A listener may destroy it, which gives back what is coming.
        readable.push(item);
      }
    } catch (error) {
      readable.destroy(error as Error);
    } finally {
      core.release();
    }
  }

  function giveBack(): void {
    core.putBack([...unread(), ...coming.reverse()]);
    given = [];
    coming = [];
  }

  const readable = new Readable({
    objectMode: true,
    highWaterMark,
    read: () => void readOn(),
    destroy(error, done) {
      gone.abort();
      giveBack();
      Promise.resolve(leave()).then(
        () => done(error),
        (failure: Error) => done(error ?? failure),
      );
    },
  });
  return readable;
}
