/** A stored stream, given again. */
import { onAbort } from '../on_abort.js';
import { givenPart, type StreamPart } from './model_answer.js';
import { plainCopy } from './plain_copy.js';

/** Pace at which a stored stream is given again. */
export interface ReplayPace {
  /** Milliseconds before the first part. Default: 0. */
  initialDelayInMs?: number | undefined;
  /** Milliseconds between two parts. Default: 0. */
  chunkDelayInMs?: number | undefined;
}

/** `parts` one by one, as they are asked for, marked as cached; an abort of `signal` ends it with the signal's reason. */
export function replayedStream(
  parts: readonly StreamPart[],
  { initialDelayInMs = 0, chunkDelayInMs = 0 }: ReplayPace,
  signal: AbortSignal | undefined,
): ReadableStream<StreamPart> {
  const left = new AbortController();
  let place = 0;
  return new ReadableStream<StreamPart>(
    {
      async pull(reader) {
        signal?.throwIfAborted();
        const part = parts[place];
        if (part === undefined) {
          reader.close();
          return;
        }
        const delay = place === 0 ? initialDelayInMs : chunkDelayInMs;
        if (delay > 0) await elapsed(delay, signal === undefined ? [left.signal] : [left.signal, signal]);
        signal?.throwIfAborted();
        place += 1;
        reader.enqueue(givenPart(plainCopy(part)));
      },
      cancel: () => left.abort(),
    },
    { highWaterMark: 0 },
  );
}

/** Resolves after `ms`, or when one of `signals` is aborted. */
function elapsed(ms: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const leave of leaving) leave();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const leaving = signals.map((signal) => onAbort(signal, done));
  });
}
