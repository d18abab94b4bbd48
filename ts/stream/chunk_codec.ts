/** Encodes items as bytes and decodes them: as JSON where that is exact, since it is faster, and by cloning elsewhere. */
import { inspect } from '../value/storable.js';
import { deserialize, serialize } from '../value/structured_clone.js';

/** A run of items that left the heap. */
export interface EncodedChunk {
  /** The bytes of the items that can leave; `undefined` when none can. */
  bytes: Uint8Array | undefined;
  form: ChunkForm;
  /** Places of the items that cannot leave. */
  kept: Set<number>;
}

export type ChunkForm = 'json' | 'clone';

/** The way in which one item can leave the heap. `kept`: there is none. */
interface ItemForm {
  form: ChunkForm | 'kept';
  bare: object[];
}

/**
 * Encodes `items` as they are at this moment. Some items look as if they could leave the heap and cannot, such as a detached
 * buffer or one nested too deep. They are found by trying, and kept too.
 */
export function encode(items: readonly unknown[]): EncodedChunk {
  const judged = items.map(formOf);
  for (;;) {
    const kept = new Set<number>();
    for (const [at, { form }] of judged.entries()) if (form === 'kept') kept.add(at);
    const form = judged.some((item) => item.form === 'clone') ? 'clone' : 'json';
    if (kept.size === items.length) return { bytes: undefined, form, kept };
    const leaving = items.map((item, at) => (kept.has(at) ? null : item));
    const bare = judged.flatMap((item) => (item.form === 'clone' ? item.bare : []));
    const bytes = encoded(leaving, bare, form);
    if (bytes) return { bytes, form, kept };
    let failing = 0;
    for (const [at, item] of judged.entries()) {
      if (kept.has(at) || encoded([items[at]], item.bare, form)) continue;
      item.form = 'kept';
      failing += 1;
    }
    // Each can leave by itself, and all together cannot.
    if (failing === 0) for (const item of judged) item.form = 'kept';
  }
}

/** Decodes the items of a chunk, as new values of this realm, with `null` for those that were kept. */
export function decode<T>(bytes: Uint8Array, form: ChunkForm): T[] {
  if (form === 'json') {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as T[];
  }
  const [items, bare] = deserialize(bytes) as [T[], object[]];
  for (const object of bare) Object.setPrototypeOf(object, null);
  return items;
}

/** Returns the form of one item. One that cannot even be inspected is kept. */
function formOf(item: unknown): ItemForm {
  try {
    const found = inspect(item, 'refused');
    if (!('what' in found)) return { form: found.isJson ? 'json' : 'clone', bare: found.bare };
  } catch {}
  return { form: 'kept', bare: [] };
}

function encoded(items: unknown[], bare: object[], form: ChunkForm): Uint8Array | undefined {
  try {
    return form === 'json' ? Buffer.from(JSON.stringify(items)) : serialize([items, bare], 'shared');
  } catch {
    return undefined;
  }
}
