/** Items as bytes and back: JSON where that is exact (it is the faster), structured cloning elsewhere. */
import { deserialize, serialize } from '../structured_clone.js';

/** A run of items that left the heap. */
export interface EncodedChunk {
  bytes: Uint8Array;
  form: 'json' | 'clone';
}

/** Encodes `items`. Throws a `DataCloneError` when one of them cannot be cloned after all. */
export function encode(items: readonly unknown[], form: 'json' | 'clone'): EncodedChunk {
  return { bytes: form === 'json' ? Buffer.from(JSON.stringify(items)) : serialize(items, 'whole'), form };
}

/** The items of {@link encode}, as new values of this realm. */
export function decode<T>({ bytes, form }: EncodedChunk): T[] {
  if (form === 'json')
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as T[];
  return deserialize(bytes) as T[];
}
