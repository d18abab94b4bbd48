/**
 * Encodes values by structured cloning, and decodes them. Unlike `v8.serialize`, it decodes typed arrays with buffers of
 * their own rather than as views of all the bytes that were read.
 *
 * The caller chooses what becomes of a typed array or `DataView`:
 * - `shown`: it comes back with the bytes that it shows in a buffer of its own, and no others are written. For values that
 *   leave the process: the buffer may hold whatever else the process has read.
 * - `shared`: views that share a buffer share one again, unless the buffer is much larger than what they show. Rows of a
 *   matrix must not take the matrix with each of them.
 */
import { Deserializer, Serializer } from 'node:v8';

type ViewClass = new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => ArrayBufferView;

/** The kinds of views, by number. Never renumber: files hold it. */
const VIEWS: readonly ViewClass[] = [
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
];
const KINDS: readonly string[] = VIEWS.map(({ name }) => name);

/** Added to the number of a view that is written with its whole buffer. */
const WHOLE = 64;
/** Size of a buffer that is not worth cutting up, in bytes. */
const SMALL_BUFFER = 1024;

/** Treatment of the buffers of views. */
type Buffers = 'shown' | 'shared';

/** Documented, and missing in the types of Node. */
interface ViewSerializer extends Serializer {
  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void;
  /** Called by V8 for every view. */
  _writeHostObject(view: object): void;
}

interface ViewDeserializer extends Deserializer {
  /** Called by V8 for what {@link writeView} wrote. */
  _readHostObject(): object;
}

function writeView(writer: Serializer, view: object, buffers: Buffers): void {
  const kind = KINDS.indexOf(Object.prototype.toString.call(view).slice(8, -1));
  if (!ArrayBuffer.isView(view) || kind < 0) throw new TypeError('an object of the host cannot be cloned');
  const { buffer, byteOffset, byteLength } = view;
  if (isDetached(buffer)) throw new TypeError('a view of a detached ArrayBuffer cannot be cloned');
  if (buffers === 'shared' && buffer.byteLength <= Math.max(SMALL_BUFFER, 2 * byteLength)) {
    writer.writeUint32(WHOLE + kind);
    writer.writeValue(buffer);
    writer.writeDouble(byteOffset);
    writer.writeDouble(lengthOf(view));
    return;
  }
  writer.writeUint32(kind);
  writer.writeDouble(byteLength);
  writer.writeRawBytes(new Uint8Array(buffer, byteOffset, byteLength));
}

function readView(reader: Deserializer): object {
  const kind = reader.readUint32();
  const View = VIEWS[kind % WHOLE] as ViewClass;
  if (kind >= WHOLE) {
    const buffer = reader.readValue() as ArrayBuffer;
    const byteOffset = reader.readDouble();
    return new View(buffer, byteOffset, reader.readDouble());
  }
  const bytes = reader.readRawBytes(reader.readDouble());
  const own = new ArrayBuffer(bytes.length);
  new Uint8Array(own).set(bytes);
  return new View(own);
}

/** Returns true when the memory of `buffer` was given away (`postMessage`, `structuredClone`). */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Returns the elements of a view, or the bytes of a `DataView`. */
function lengthOf(view: ArrayBufferView): number {
  return 'length' in view ? (view.length as number) : view.byteLength;
}

/** Encodes `value`. Throws when it cannot be cloned. */
export function serialize(value: unknown, buffers: Buffers): Uint8Array {
  // Not a subclass: `node:v8` costs milliseconds to load, and so is loaded here.
  const writer = new Serializer() as ViewSerializer;
  writer._setTreatArrayBufferViewsAsHostObjects(true);
  writer._writeHostObject = (view) => writeView(writer, view, buffers);
  writer.writeHeader();
  writer.writeValue(value);
  return writer.releaseBuffer();
}

/** Decodes what {@link serialize} wrote, as a new value of this realm. */
export function deserialize(bytes: Uint8Array): unknown {
  const value = read(bytes);
  isSameRealm ??= Object.getPrototypeOf(read(serialize({}, 'shown'))) === Object.prototype;
  return isSameRealm ? value : adopt(value, new Map());
}

function read(bytes: Uint8Array): unknown {
  const reader = new Deserializer(bytes) as ViewDeserializer;
  reader._readHostObject = () => readView(reader);
  reader.readHeader();
  return reader.readValue();
}

/** False inside a sandbox (Jest): `node:v8` makes objects of the outer realm, for which `instanceof` fails. */
let isSameRealm: boolean | undefined;

/** Rebuilds `value` from this realm's classes. */
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
      return ArrayBuffer.isView(value) ? made(adoptView(value, tag, done)) : value;
  }
}

function adoptView(view: ArrayBufferView, tag: string, done: Map<object, unknown>): object {
  const View = VIEWS[KINDS.indexOf(tag)];
  if (View === undefined) return view;
  return new View(adopt(view.buffer, done) as ArrayBuffer, view.byteOffset, lengthOf(view));
}

function adoptMembers(value: object, copy: object, done: Map<object, unknown>): void {
  for (const [name, member] of Object.entries(value)) {
    // Not an assignment: a member named `__proto__` is a member like any other.
    const own = { value: adopt(member, done), writable: true, enumerable: true, configurable: true };
    Object.defineProperty(copy, name, own);
  }
}
