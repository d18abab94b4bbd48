/** Options of a run. */
import { callable, signal as checkedSignal } from '../arguments.js';
import { given } from './config.js';
import type { ExecutionOptions, ExecutionProgress } from './types.js';

/** The options of a run, checked. */
export interface RunOptions {
  signal: AbortSignal | undefined;
  onProgress: ((progress: ExecutionProgress) => void) | undefined;
}

/** Checks the options of a run. */
export function checkedOptions(runOptions: ExecutionOptions | null | undefined): RunOptions {
  const { signal, onProgress } = given('options', runOptions);
  if (onProgress !== undefined) callable('onProgress', onProgress);
  return { signal: checkedSignal('signal', signal), onProgress };
}
