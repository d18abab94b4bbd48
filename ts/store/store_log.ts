/** Events of the engine, for a logger of the caller's: slow statements, retries, waits for locks. */
import { callable } from '../arguments.js';
import { guarded, native } from '../native.js';

/** An event of the engine. */
export interface StoreLogEvent {
  time: Date;
  level: 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** The module of the engine that tells it. */
  target: string;
  message: string;
  fields: Record<string, unknown>;
}

/**
 * Has `listener` called with every event of the engine, in all stores of the process; `undefined` ends that. Without one an
 * event costs nothing. A listener that throws is reported once as a process warning. It keeps no process alive.
 */
export function setLogger(listener: ((event: StoreLogEvent) => void) | undefined): void {
  if (listener === undefined || listener === null) {
    guarded(() => native.setStoreLogger(null));
    return;
  }
  callable('listener', listener);
  let hasWarned = false;
  const tell = (text: string): void => {
    try {
      const event = JSON.parse(text) as StoreLogEvent;
      listener({ ...event, time: new Date(event.time) });
    } catch (error) {
      if (hasWarned) return;
      hasWarned = true;
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.emitWarning(`The logger threw; the store goes on. ${told}`, { type: 'ListenerError' });
    }
  };
  guarded(() => native.setStoreLogger(tell));
}
