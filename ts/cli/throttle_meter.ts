/** The time that limits held calls back, over all runs of an executor. */
import type { ExecutionMetrics } from '../executor/index.js';

/** The part of an executor that is read. */
export interface MeteredExecutor {
  getMetrics(): Pick<ExecutionMetrics, 'throttleTime'>;
  on(event: 'start' | 'complete', listener: () => void): unknown;
}

/**
 * Returns a function that gives the milliseconds so far. An executor counts anew when a run begins while no other is under
 * way, as the calls of judges do after the last answer.
 */
export function throttleMeter(executor: MeteredExecutor): () => number {
  let [ended, latest] = [0, 0];
  const read = (): number => {
    const { throttleTime } = executor.getMetrics();
    if (throttleTime < latest) ended += latest;
    latest = throttleTime;
    return ended + latest;
  };
  executor.on('start', read);
  executor.on('complete', read);
  return read;
}
