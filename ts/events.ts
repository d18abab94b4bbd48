/** Events whose listeners cannot hurt the object that emits them. */
import type { EventEmitter } from 'node:events';

/** Listeners of each emitter that have thrown before. */
const warned = new WeakMap<EventEmitter, WeakSet<object>>();

/**
 * Calls every listener of `event` with `payload`. One that throws (or returns a promise that rejects) is reported as a
 * process warning named `ListenerError` the first time that it does: there may be an event per item. The
 * others are still called and nothing is thrown. An `error` event without a listener is nothing special here: nobody asked.
 */
export function emitSafely(emitter: EventEmitter, event: string, payload?: unknown): void {
  for (const listener of emitter.rawListeners(event)) {
    try {
      const returned: unknown = Reflect.apply(listener, emitter, payload === undefined ? [] : [payload]);
      if (returned instanceof Promise) returned.catch((error: unknown) => warn(emitter, event, listener, error));
    } catch (error) {
      warn(emitter, event, listener, error);
    }
  }
}

function warn(emitter: EventEmitter, event: string, listener: object, error: unknown): void {
  const before = warned.get(emitter) ?? new WeakSet();
  if (before.has(listener)) return;
  warned.set(emitter, before.add(listener));
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`A listener of '${event}' threw; the run goes on. ${text}`, { type: 'ListenerError' });
}
