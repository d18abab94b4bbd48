import * as check from '../arguments.js';
import type { CacheStats } from './options.js';

/** The methods that a {@link CacheInvalidator} needs of a cache. All caches here have them, and so may yours. */
export interface ManagedCache {
  clear(): void;
  removeExpired(): number;
  getStats(): CacheStats;
}

/** Checks that `value` can be managed. */
export function managedCache<C extends ManagedCache>(name: string, value: C, methods: readonly string[] = []): C {
  const needed = ['clear', 'removeExpired', 'getStats', ...methods];
  const has = (method: string) => typeof (value as unknown as Record<string, unknown>)[method] === 'function';
  if (typeof value !== 'object' || value === null || !needed.every(has)) {
    check.wrongType(name, `a cache (with ${needed.join(', ')})`, value);
  }
  return value;
}

/** Clears caches by name, and removes from all of them what has expired. */
export class CacheInvalidator {
  readonly #caches = new Map<string, ManagedCache>();

  /** Makes `cache` known as `name`, in place of any other of that name. */
  register(name: string, cache: ManagedCache): void {
    this.#caches.set(check.string('name', name), managedCache('cache', cache));
  }

  /** Clears every cache. */
  invalidateAll(): void {
    for (const cache of this.#caches.values()) cache.clear();
  }

  /** Clears one cache: is there one of that name? */
  invalidate(name: string): boolean {
    const cache = this.#caches.get(check.string('name', name));
    cache?.clear();
    return cache !== undefined;
  }

  /** Removes from each cache what has expired: how many, by name. */
  removeExpired(): Map<string, number> {
    return new Map(Array.from(this.#caches, ([name, cache]) => [name, cache.removeExpired()]));
  }

  /** The figures of each cache, by name. */
  getStats(): Map<string, CacheStats> {
    return new Map(Array.from(this.#caches, ([name, cache]) => [name, cache.getStats()]));
  }

  /**
   * Removes what has expired every `intervalMs` (default: 5 minutes; at most 2^31 − 1, about 24 days), until the returned
   * timer is given to `clearInterval`. It does not keep the process alive.
   *
   * @throws RangeError or TypeError for an interval that cannot be used.
   */
  scheduleCleanup(intervalMs = 300_000): NodeJS.Timeout {
    return every(intervalMs, () => this.removeExpired());
  }
}

/** The longest interval a timer can have; Node makes a longer one 1 ms. */
const LONGEST = 2 ** 31 - 1;

/** Calls `work` every `intervalMs`; what it throws becomes a process warning. */
export function every(intervalMs: number, work: () => void): NodeJS.Timeout {
  const interval = check.positiveNumber('intervalMs', intervalMs);
  if (interval > LONGEST) check.outOfRange('intervalMs', `at most ${LONGEST} ms (about 24 days)`, intervalMs);
  const timer = setInterval(() => {
    try {
      work();
    } catch (error) {
      process.emitWarning(`A cache could not be cleaned up; trying again later. ${error}`, { type: 'CleanupWarning' });
    }
  }, interval);
  // Fake timers may return a number.
  timer.unref?.();
  return timer;
}
