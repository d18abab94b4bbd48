/** Items that were read from a source and are about to be handed on: always in the heap, as no more is read than asked for. */
import { HeapItems } from './heap_items.js';
import { sampledBytes } from './held_size.js';

export class ReadItems<T> {
  readonly #items = new HeapItems<T>();

  get length(): number {
    return this.#items.length;
  }

  /** Bytes of heap held, estimated from some of each batch. */
  get bytes(): number {
    return this.#items.bytes;
  }

  /** Appends a batch, of `bytes` in all if that is known. */
  push(items: T[], bytes = sampledBytes(items)): void {
    this.#items.pushPart(items, bytes / items.length);
  }

  putBack(items: T[]): void {
    this.#items.putBack(items, sampledBytes(items) / items.length);
  }

  take(max: number): T[] {
    return this.#items.take(max);
  }

  clear(): void {
    this.#items.clear();
  }
}
