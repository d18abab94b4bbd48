/** Items as bytes and back: JSON where that is exact (it is the faster), structured cloning elsewhere. */
import { deserialize, serialize } from '../structured_clone.js';
import { type Measured, measure } from './item_form.js';

/** A run of items that left the heap. */
export interface EncodedChunk {
  /** All items but those that cannot leave; `undefined` when none can. */
  bytes: Uint8Array | undefined;
  form: ChunkForm;
  /** Places of the items that cannot leave. */
  kept: Set<number>;
}

export type ChunkForm = 'json' | 'clone';

/**
 * Encodes `items` as they are at this moment. An item that looks as if it could leave the heap and cannot (a detached
 * buffer, one nested too deep) is found by trying, and kept, too.
 */
export function encode(items: readonly unknown[]): EncodedChunk {
  const measured = items.map(measuredOrKept);
  for (;;) {
    const kept = new Set<number>();
    for (const [at, { form }] of measured.entries()) if (form === 'kept') kept.add(at);
    const form = measured.some((item) => item.form === 'clone') ? 'clone' : 'json';
    if (kept.size === items.length) return { bytes: undefined, form, kept };
    const leaving = items.map((item, at) => (kept.has(at) ? null : item));
    const bare = measured.flatMap((item) => (item.form === 'clone' ? item.bare : []));
    const bytes = encoded(leaving, bare, form);
    if (bytes) return { bytes, form, kept };
    let failing = 0;
    for (const [at, item] of measured.entries()) {
      if (kept.has(at) || encoded([items[at]], item.bare, form)) continue;
      item.form = 'kept';
      failing += 1;
    }
    // Each can leave by itself, and all together cannot.
    if (failing === 0) for (const item of measured) item.form = 'kept';
  }
}

/** The items that were encoded, as new values of this realm, with `null` for those that were kept. */
export function decode<T>(bytes: Uint8Array, form: ChunkForm): T[] {
  if (form === 'json') {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as T[];
  }
  const [items, bare] = deserialize(bytes) as [T[], object[]];
  for (const object of bare) Object.setPrototypeOf(object, null);
  return items;
}

/** What cannot even be looked at cannot leave. */
function measuredOrKept(item: unknown): Pick<Measured, 'form' | 'bare'> {
  try {
    return measure(item);
  } catch {
    return { form: 'kept', bare: [] };
  }
}

function encoded(items: unknown[], bare: object[], form: ChunkForm): Uint8Array | undefined {
  try {
    return form === 'json' ? Buffer.from(JSON.stringify(items)) : serialize([items, bare], 'shared');
  } catch {
    return undefined;
  }
}
