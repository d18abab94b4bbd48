/**
 * What a file has not taken: which of its entries were replaced or deleted since, and what is to be written once it works.
 *
 * What always holds: a key stays in here until the file has taken its change, so that what the file still has under it is
 * never the answer; or, when there are too many of these, `isOverflowing` says that the file cannot be relied on. Keys that
 * the file has nothing under are let go of first: that loses nothing but their being written later on.
 *
 * Cost: O(1) for each change; keys are kept whole, as they have to be written again.
 */
import { idOf, type KeyCopy } from '../key/content_key.js';
import type { FullCost } from './tier.js';

/** Most changes, and most bytes of keys and notes. */
const MOST = 50_000;
const MOST_BYTES = 64 * 1024 * 1024;
/** Of a change, besides its texts. */
const OVERHEAD = 200;

/** The last change of a key. */
export interface Change {
  copy: KeyCopy;
  /** Whether the file may have something under the key, which must not be found any more. */
  supersedes: boolean;
  /** What was stored, but for its value; `undefined` when it was deleted. */
  stored: { note: string; cost: FullCost | undefined; until: number } | undefined;
}

export class UntakenChanges {
  readonly #byKey = new Map<string, Change>();
  #bytes = 0;
  #superseding = 0;

  get size(): number {
    return this.#byKey.size;
  }

  /** Memory that is held, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the keys under which the file has something are too many. */
  get isOverflowing(): boolean {
    return this.#superseding > MOST / 2 || this.#bytes > MOST_BYTES;
  }

  get(key: KeyCopy): Change | undefined {
    return this.#byKey.get(idOf(key));
  }

  add(change: Change): void {
    this.delete(change.copy);
    this.#byKey.set(idOf(change.copy), change);
    this.#bytes += bytesOf(change);
    if (change.supersedes) this.#superseding += 1;
    if (this.size > MOST || this.#bytes > MOST_BYTES) this.#letGo();
  }

  #letGo(): void {
    for (const change of this.#byKey.values()) if (!change.supersedes) this.delete(change.copy);
  }

  delete(key: KeyCopy): void {
    const id = idOf(key);
    const change = this.#byKey.get(id);
    if (change === undefined) return;
    this.#byKey.delete(id);
    this.#bytes -= bytesOf(change);
    if (change.supersedes) this.#superseding -= 1;
  }

  clear(): void {
    this.#byKey.clear();
    this.#bytes = 0;
    this.#superseding = 0;
  }

  /** The changes, the oldest first. They may be deleted meanwhile. */
  [Symbol.iterator](): Iterator<Change> {
    return this.#byKey.values();
  }
}

function bytesOf({ copy, stored }: Change): number {
  // The text of a key is in its copy and in the name that it goes by here.
  return OVERHEAD + 4 * copy.id.length + 2 * (stored?.note.length ?? 0);
}
