/**
 * Values as bytes and back by structured cloning. Not `v8.serialize`: that hands typed arrays back as views of all the
 * bytes that were read.
 */
import { Deserializer, Serializer } from 'node:v8';

/** The bytes of `value`. Throws a `DataCloneError` when it cannot be cloned. */
export function serialize(value: unknown): Uint8Array {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

/** The value of {@link serialize}, as a new value of this realm. */
export function deserialize(bytes: Uint8Array): unknown {
  const value = read(bytes);
  return SAME_REALM ? value : adopt(value, new Map());
}

function read(bytes: Uint8Array): unknown {
  const deserializer = new Deserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}

/** Inside a sandbox (Jest), `node:v8` makes objects of the outer realm, for which `instanceof` fails. */
const SAME_REALM = Object.getPrototypeOf(read(serialize({}))) === Object.prototype;

/** `value` rebuilt from this realm's classes. */
function adopt(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const before = done.get(value);
  if (before !== undefined) return before;
  const made = (copy: object): object => {
    done.set(value, copy);
    return copy;
  };
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  switch (tag) {
    case 'Array': {
      const copy = made(new Array((value as unknown[]).length)) as Record<string, unknown>;
      for (const [key, member] of Object.entries(value)) copy[key] = adopt(member, done);
      return copy;
    }
    case 'Map': {
      const copy = made(new Map()) as Map<unknown, unknown>;
      for (const [key, member] of value as Map<unknown, unknown>) copy.set(adopt(key, done), adopt(member, done));
      return copy;
    }
    case 'Set': {
      const copy = made(new Set()) as Set<unknown>;
      for (const member of value as Set<unknown>) copy.add(adopt(member, done));
      return copy;
    }
    case 'Date':
      return made(new Date((value as Date).getTime()));
    case 'RegExp':
      return made(new RegExp((value as RegExp).source, (value as RegExp).flags));
    case 'ArrayBuffer': {
      const source = value as ArrayBuffer;
      const copy = new ArrayBuffer(source.byteLength);
      new Uint8Array(copy).set(new Uint8Array(source));
      return made(copy);
    }
    case 'Object': {
      const copy = made({}) as Record<string, unknown>;
      for (const [name, member] of Object.entries(value)) {
        // Not an assignment: a member named `__proto__` is a member like any other.
        const own = { value: adopt(member, done), writable: true, enumerable: true, configurable: true };
        Object.defineProperty(copy, name, own);
      }
      return copy;
    }
    default:
      return ArrayBuffer.isView(value) ? made(adoptView(value, done)) : value;
  }
}

const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

function adoptView(view: ArrayBufferView, done: Map<object, unknown>): object {
  const name = Object.prototype.toString.call(view).slice(8, -1) as keyof typeof VIEWS;
  const View = VIEWS[name];
  const length = (view as Uint8Array).length;
  return new View(adopt(view.buffer, done) as ArrayBuffer, view.byteOffset, length);
}
