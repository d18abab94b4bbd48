/**
 * Items in the heap, first in first out, and their sizes.
 *
 * The queue is a chain of parts, each an array. An array that was read or decoded is linked in as it is; pushed items are
 * collected in parts of a thousand. Adding a part is O(1), everything else O(items that go in or out), however many wait.
 */
import { sizeOf } from '../value/size.js';

const POINTER = 8;

/** Returns the bytes of heap that an item in a queue holds. O(members), sampled beyond 10,000 of them. */
export function heldBytes(item: unknown): number {
  return POINTER + sizeOf(item);
}

/** Items of a batch whose size is looked at. */
const SAMPLE = 8;

/** Estimates the size of all `items`, which were read together, from some of them. */
export function sampledBytes(items: readonly unknown[]): number {
  const step = Math.ceil(items.length / SAMPLE);
  let [bytes, looked] = [0, 0];
  for (let at = 0; at < items.length; at += step) {
    bytes += heldBytes(items[at]);
    looked += 1;
  }
  return looked === 0 ? 0 : (bytes / looked) * items.length;
}

interface Part<T> {
  readonly items: T[];
  /** Size of each item, or one size for all. */
  readonly sizes: number[] | number;
  /** Items before it were taken. */
  at: number;
  next: Part<T> | undefined;
}

/** Pushed items in a part: one that is taken from gives its memory back when it is used up. */
const PART_ITEMS = 1000;

/** An item and its size in bytes. */
export interface Weighed<T> {
  item: T;
  bytes: number;
}

export class HeapItems<T> {
  #first: Part<T> | undefined;
  #last: Part<T> | undefined;
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes of all items, as the callers gave them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends one item. */
  push(item: T, bytes: number): void {
    let part = this.#last;
    if (!part || typeof part.sizes === 'number' || part.items.length >= PART_ITEMS) part = this.#append([], []);
    part.items.push(item);
    (part.sizes as number[]).push(bytes);
    this.#length += 1;
    this.#bytes += bytes;
  }

  /** Appends `items`, an array that is the queue's from now on, with the size of each or one size for all. */
  pushPart(items: T[], sizes: number[] | number): void {
    if (items.length === 0) return;
    this.#append(items, sizes);
    this.#count(sizes, 0, items.length, 1);
  }

  /** Puts `items` before all others. */
  putBack(items: T[], sizes: number[] | number): void {
    if (items.length === 0) return;
    const part = { items, sizes, at: 0, next: this.#first };
    this.#first = part;
    this.#last ??= part;
    this.#count(sizes, 0, items.length, 1);
  }

  /** Takes the first items, at most `max`. */
  take(max: number): T[] {
    let taken: T[] | undefined;
    for (let left = max; left > 0 && this.#first; ) {
      const part = this.#first;
      const end = Math.min(part.items.length, part.at + left);
      left -= end - part.at;
      taken = this.#takeFrom(part, end, taken);
    }
    return taken ?? [];
  }

  /** Takes the items behind the first `bytes` bytes; the very first stays in any case. */
  takeBehind(bytes: number): Weighed<T>[] {
    const behind: Weighed<T>[] = [];
    const all = new HeapItems<T>();
    let kept = 0;
    for (let part = this.#first; part; part = part.next) {
      for (let at = part.at; at < part.items.length; at += 1) {
        const item = part.items[at] as T;
        const size = sizeAt(part.sizes, at);
        if (behind.length === 0 && (all.#length === 0 || kept + size <= bytes)) {
          all.push(item, size);
          kept += size;
        } else {
          behind.push({ item, bytes: size });
        }
      }
    }
    this.#first = all.#first;
    this.#last = all.#last;
    this.#length = all.#length;
    this.#bytes = all.#bytes;
    return behind;
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#length = 0;
    this.#bytes = 0;
  }

  #append(items: T[], sizes: number[] | number): Part<T> {
    const part = { items, sizes, at: 0, next: undefined };
    if (this.#last) this.#last.next = part;
    else this.#first = part;
    this.#last = part;
    return part;
  }

  /** Takes the items of the first part up to `end`, behind those of `before`. */
  #takeFrom(part: Part<T>, end: number, before: T[] | undefined): T[] {
    const { items, sizes, at } = part;
    this.#count(sizes, at, end, -1);
    if (end === items.length) {
      this.#first = part.next;
      // A used-up part that grew old would keep every later one alive through the young collections, until the next full one.
      part.next = undefined;
      if (!this.#first) this.clear();
      // A part that is taken as a whole needs no copy: nobody else has it.
      if (!before && at === 0) return items;
    }
    const taken = items.slice(at, end);
    if (end < items.length) {
      part.at = end;
      // What was handed out must not live on as long as its part.
      items.fill(undefined as T, at, end);
    }
    if (!before) return taken;
    for (const item of taken) before.push(item);
    return before;
  }

  #count(sizes: number[] | number, from: number, to: number, sign: 1 | -1): void {
    this.#length += sign * (to - from);
    if (typeof sizes === 'number') this.#bytes += sign * sizes * (to - from);
    else for (let at = from; at < to; at += 1) this.#bytes += sign * (sizes[at] as number);
  }
}

function sizeAt(sizes: number[] | number, at: number): number {
  return typeof sizes === 'number' ? sizes : (sizes[at] as number);
}

/** Items that were read from a source, with sizes estimated from a sample of each batch. */
export class ReadItems<T> {
  readonly #items = new HeapItems<T>();

  get length(): number {
    return this.#items.length;
  }

  get bytes(): number {
    return this.#items.bytes;
  }

  /** Appends a batch. `bytes` is the size of all its items, where that is known. */
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
