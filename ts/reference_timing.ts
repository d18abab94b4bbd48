/** The reference timing: how quick the machine is at the moment, by the duration of a fixed piece of work. */
import { native } from './native.js';

// The method of the class: that of the object may be a fake already when this module is loaded.
const realNow: unknown = Object.getPrototypeOf(performance).now;

/**
 * A reading, ms (about 0.0015); 0 while `performance.now` is faked, since durations are then of no machine. Takes about 20 µs,
 * more where caches are cold.
 */
export function referenceTiming(): number {
  return globalThis.performance?.now === realNow ? native.referenceTiming() : 0;
}
