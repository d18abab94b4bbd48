/**
 * Values as bytes and back by structured cloning. Not `v8.serialize`: that hands typed arrays back as views of all the
 * bytes that were read.
 *
 * What always holds: of a typed array or `DataView` the bytes that it shows are written and no others (a `Buffer` lies in
 * memory that it shares with whatever else the process read), and it comes back with a buffer of its own, also where
 * several shared one.
 */
import { Deserializer, Serializer } from 'node:v8';

/** The kinds of views, by number. Never renumber: files hold it. */
const VIEWS = [
  DataView,
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
] as const;
const KINDS: readonly string[] = VIEWS.map(({ name }) => name);

class CloneWriter extends Serializer {
  /** Documented, and missing in the types of Node. */
  declare _setTreatArrayBufferViewsAsHostObjects: (flag: boolean) => void;

  constructor() {
    super();
    this._setTreatArrayBufferViewsAsHostObjects(true);
    this.writeHeader();
  }

  /** Called by V8 for every view. */
  _writeHostObject(view: object): void {
    const kind = KINDS.indexOf(Object.prototype.toString.call(view).slice(8, -1));
    if (!ArrayBuffer.isView(view) || kind < 0) throw new TypeError('an object of the host cannot be cloned');
    const { buffer, byteOffset, byteLength } = view;
    if (isDetached(buffer)) throw new TypeError('a view of a detached ArrayBuffer cannot be cloned');
    this.writeUint32(kind);
    this.writeDouble(byteLength);
    this.writeRawBytes(new Uint8Array(buffer, byteOffset, byteLength));
  }
}

class CloneReader extends Deserializer {
  /** Called by V8 for what {@link CloneWriter._writeHostObject} wrote. */
  _readHostObject(): object {
    const View = VIEWS[this.readUint32()] as new (buffer: ArrayBuffer) => ArrayBufferView;
    const bytes = this.readRawBytes(this.readDouble());
    const own = new ArrayBuffer(bytes.length);
    new Uint8Array(own).set(bytes);
    return new View(own);
  }
}

/** Whether the memory of `buffer` was given away (`postMessage`, `structuredClone`). */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** The bytes of `value`. Throws when it cannot be cloned. */
export function serialize(value: unknown): Uint8Array {
  const writer = new CloneWriter();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

/** The value of {@link serialize}, as a new value of this realm. */
export function deserialize(bytes: Uint8Array): unknown {
  const value = read(bytes);
  return SAME_REALM ? value : adopt(value, new Map());
}

function read(bytes: Uint8Array): unknown {
  const reader = new CloneReader(bytes);
  reader.readHeader();
  return reader.readValue();
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
      const copy = made(new Array((value as unknown[]).length));
      adoptMembers(value, copy, done);
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
      const copy = made({});
      adoptMembers(value, copy, done);
      return copy;
    }
    default:
      // Views are made by this realm's reader.
      return value;
  }
}

function adoptMembers(value: object, copy: object, done: Map<object, unknown>): void {
  for (const [name, member] of Object.entries(value)) {
    // Not an assignment: a member named `__proto__` is a member like any other.
    const own = { value: adopt(member, done), writable: true, enumerable: true, configurable: true };
    Object.defineProperty(copy, name, own);
  }
}
