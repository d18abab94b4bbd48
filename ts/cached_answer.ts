/** Tells a running executor that its task was answered from a cache. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Function to call, in the asynchronous context of a task, when a cache answers. */
export const answeredFromCache = new AsyncLocalStorage<() => void>();

/** Runs of executors under way. While there is none, a hit pays for no look-up of its context. */
export const activeRuns = { count: 0 };

/** Notes that a cache has answered the caller. */
export function noteCachedAnswer(): void {
  if (activeRuns.count > 0) answeredFromCache.getStore()?.();
}
