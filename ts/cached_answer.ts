/**
 * Answers of our caches inside an executor's tasks. A task that a cache answers makes no call, so it takes no budget: the
 * cache says so here, and the executor hears it by the task's asynchronous context.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The function to call when a cache answers within a task. */
export const answeredFromCache = new AsyncLocalStorage<() => void>();

/** Runs of all executors that are under way. While there is none, a hit costs one comparison. */
export const activeRuns = { count: 0 };

/** Says that a cache has answered. */
export function noteCachedAnswer(): void {
  if (activeRuns.count === 0) return;
  answeredFromCache.getStore()?.();
}
