/** Options of a run. */
import { callable, signal as checkedSignal, options } from '../arguments.js';
import type { ExecutionOptions } from './types.js';

/** The options of a run, checked. */
export function checkedOptions(given: ExecutionOptions | undefined): ExecutionOptions {
  const { signal, onProgress } = options('options', given);
  if (onProgress !== undefined) callable('onProgress', onProgress);
  return { signal: checkedSignal('signal', signal), onProgress };
}
