/** Items as a Node `Readable`. */
import { Readable } from 'node:stream';

/** A `Readable` over what `iterate` gives, which is stopped by `signal` and, also while it waits, by destroying it. */
export function readableOf<T>(
  iterate: (stop: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal | undefined,
  highWaterMark: number,
): Readable {
  const gone = new AbortController();
  const items = iterate(signal ? AbortSignal.any([signal, gone.signal]) : gone.signal);
  const readable = Readable.from(items, { objectMode: true, highWaterMark });
  const destroy = readable._destroy;
  readable._destroy = (error, done) => {
    gone.abort();
    destroy.call(readable, error, done);
  };
  return readable;
}
