/** Options of a run. */
import { callable, signal as checkedSignal, string, wrongType } from '../arguments.js';
import { given } from './config.js';
import type { ExecutionOptions, ExecutionProgress, RunStore, StoredExecutionOptions } from './types.js';

/** The options of a run, checked. */
export interface RunOptions {
  signal: AbortSignal | undefined;
  onProgress: ((progress: ExecutionProgress) => void) | undefined;
  store: RunStore | undefined;
}

/** Checks the options of a run. */
export function checkedOptions(runOptions: ExecutionOptions | null | undefined): RunOptions {
  const { signal, onProgress, store } = given<Partial<StoredExecutionOptions>>('options', runOptions);
  if (onProgress !== undefined) callable('onProgress', onProgress);
  if (store !== undefined) checkStore(store);
  return { signal: checkedSignal('signal', signal), onProgress, store };
}

function checkStore(store: RunStore): void {
  if (typeof store !== 'object') wrongType('store', 'an object of store, runId and toResult', store);
  const opened: Partial<RunStore['store']> | undefined = store.store;
  if (typeof opened?.have !== 'function' || typeof opened.writer !== 'function') {
    wrongType('store.store', 'an EvalStore', opened);
  }
  string('store.runId', store.runId);
  callable('store.toResult', store.toResult);
}
