/** A method decorator that times every call of a method through the shared monitor. */
import { performanceMonitor } from './performance_monitor.js';

// biome-ignore lint/suspicious/noExplicitAny: a decorator must accept a method of any signature and keep it.
type Method = (this: any, ...args: any[]) => any;

/** Decorates a method, in both decorator dialects. */
export interface MeasureDecorator {
  /** Standard (TC39) decorator. */
  <M extends Method>(method: M, context: ClassMethodDecoratorContext): M;
  /** TypeScript's `experimentalDecorators`. */
  // biome-ignore lint/suspicious/noExplicitAny: the descriptor of a method of any signature.
  <T extends TypedPropertyDescriptor<any>>(target: object, key: string | symbol, descriptor: T): T;
}

/**
 * Times a method through `performanceMonitor`, under `name` or `Class.method`. Works under `experimentalDecorators` and as
 * a standard decorator, on instance, static and private methods. A synchronous method stays synchronous; one that returns
 * a promise is timed until that settles. Calls are recorded also when they throw. `this`, `name` and `length` are kept.
 * Under `experimentalDecorators` it returns the descriptor, so that it can be called as a function too.
 */
export function Measure(name?: string): MeasureDecorator {
  return ((target: unknown, key: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (isContext(key)) {
      return timed(target as Method, name, String(key.name), undefined);
    }
    const owner = typeof target === 'function' ? target.name : (target as object).constructor?.name;
    if (typeof descriptor?.value !== 'function') {
      throw new TypeError(`@Measure() decorates methods; ${String(key)} is none`);
    }
    descriptor.value = timed(descriptor.value as Method, name, String(key), owner);
    return descriptor;
  }) as MeasureDecorator;
}

function isContext(key: unknown): key is ClassMethodDecoratorContext {
  if (typeof key !== 'object' || key === null || !('kind' in key)) return false;
  if (key.kind !== 'method') throw new TypeError(`@Measure() decorates methods, not a ${String(key.kind)}`);
  return true;
}

/** The class a call belongs to, where the decorator could not see it. */
function ownerOf(self: unknown): string | undefined {
  if (typeof self === 'function') return self.name;
  return typeof self === 'object' && self !== null ? self.constructor?.name : undefined;
}

function timed(method: Method, given: string | undefined, key: string, owner: string | undefined): Method {
  // Known beforehand: its continuations can be told apart only when it runs in a context of its own.
  const isAsync = Object.prototype.toString.call(method) === '[object AsyncFunction]';
  const wrapper: Method = function (...args) {
    const call = (): unknown => Reflect.apply(method, this, args);
    const label = given ?? [owner ?? ownerOf(this), key].filter(Boolean).join('.');
    return isAsync ? performanceMonitor.measure(label, call) : performanceMonitor.measureCall(label, call);
  };
  Object.defineProperty(wrapper, 'name', { value: method.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: method.length, configurable: true });
  return wrapper;
}
