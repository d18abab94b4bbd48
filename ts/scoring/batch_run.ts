/** The checked arguments of a batch. */
import { callable, options as optionsObject, signal as signalArgument, wrongType } from '../arguments.js';
import type { BatchRun } from './native_scoring.js';

const OPTIONS = ['signal', 'onProgress'];

/** A batch as it is at the call: `pairs` is a copy, so that a caller may use the list again at once. */
export interface Batch<P> extends BatchRun {
  pairs: readonly P[];
}

/** Checks the list of a batch and its options. The returned `onProgress` does not throw. */
export function batchRun<P>(list: string, pairs: readonly P[], given: BatchRun | undefined): Batch<P> {
  if (!Array.isArray(pairs)) wrongType(list, 'an array of { expected, actual }', pairs);
  const options = optionsObject('options', given);
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    wrongType('options', `an object of ${OPTIONS.join(', ')}`, `the unknown option ${unknown}`);
  }
  const { signal, onProgress } = options;
  return {
    pairs: pairs.slice(),
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
