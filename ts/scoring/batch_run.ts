/** The checked arguments of a batch. */
import { callable, options as optionsObject, signal as signalArgument, wrongType } from '../arguments.js';
import type { BatchRun } from './native_scoring.js';

/** Checks the list of a batch and its options. The returned `onProgress` does not throw. */
export function batchRun(list: string, pairs: unknown, given: BatchRun | undefined): BatchRun {
  if (!Array.isArray(pairs)) wrongType(list, 'an array of { expected, actual }', pairs);
  const { signal, onProgress } = optionsObject('options', given);
  return {
    signal: signalArgument('options.signal', signal),
    onProgress: onProgress === undefined ? undefined : harmless(callable('options.onProgress', onProgress)),
  };
}

/** Reports the first error of a callback as a process warning, and drops the others. */
function harmless(onProgress: NonNullable<BatchRun['onProgress']>): NonNullable<BatchRun['onProgress']> {
  let warned = false;
  return (done, total) => {
    try {
      onProgress(done, total);
    } catch (error) {
      if (warned) return;
      warned = true;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.emitWarning(`onProgress threw; the batch goes on. ${text}`, { type: 'ListenerError' });
    }
  };
}
