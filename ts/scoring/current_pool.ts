/**
 * The pool whose closure is running, for the native scorers called in it. Only the part of a closure before its first
 * `await` is known to belong to the pool; later calls share the threads of all scorers outside pools.
 */
import type { Kernel } from './native_scoring.js';

/** The place of a running closure in its pool. */
export interface RunningClosure {
  /** Scores a pair on the pool's threads, without taking a slot for closures meanwhile. */
  enqueue(kernel: Kernel, texts: readonly string[]): Promise<Float64Array>;
}

let running: RunningClosure | undefined;

/** The closure that is running, if a pool runs one. */
export function runningClosure(): RunningClosure | undefined {
  return running;
}

/** Runs `fn` as the closure. */
export function runAs<T>(closure: RunningClosure, fn: () => T): T {
  const outer = running;
  running = closure;
  try {
    return fn();
  } finally {
    running = outer;
  }
}

/** Promises that are nothing but native work: a closure that returns one needs no slot any more. */
const nativeWork = new WeakSet<object>();

/** Marks a promise as native work. */
export function markNative<T extends object>(promise: T): T {
  nativeWork.add(promise);
  return promise;
}

/** Returns true if a closure's result is nothing but native work. */
export function isNative(returned: unknown): boolean {
  return typeof returned === 'object' && returned !== null && nativeWork.has(returned);
}
