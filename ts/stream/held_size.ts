/** Sizes of items in a queue. */
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
