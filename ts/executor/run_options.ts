/** Options of a run. */
import { callable, options, wrongType } from '../arguments.js';
import type { ExecutionOptions } from './types.js';

/** The options of a run, checked. */
export function checkedOptions(given: ExecutionOptions | undefined): ExecutionOptions {
  const { signal, onProgress } = options('options', given);
  if (signal !== undefined && !(typeof signal === 'object' && signal !== null && 'aborted' in signal)) {
    wrongType('signal', 'an AbortSignal', signal);
  }
  if (onProgress !== undefined) callable('onProgress', onProgress);
  return { signal, onProgress };
}
