/** How much heap a value holds: the count of `item_form.ts`, made quick for the usual item. O(members). */
import { types } from 'node:util';
import { measure, OBJECT, stringBytes, WORD } from './item_form.js';

/** Objects looked at before the quick count gives up: a value with more, or a cyclic one, is counted with care. */
const QUICK_OBJECTS = 500;

/** The size of `value`: as `measure`, at a fraction of its cost for the usual small record. */
export function heldBytes(value: unknown, quickObjects = QUICK_OBJECTS): number {
  const left = { objects: quickObjects };
  try {
    const bytes = quickBytes(value, left);
    if (left.objects > 0) return bytes;
  } catch {
    // An accessor threw, or it is nested too deep; the careful count minds neither.
  }
  return measure(value).bytes;
}

/** Items of a batch whose size is looked at. */
const SAMPLE = 8;

/** The size of all `items`, which were read together, from some of them. */
export function sampledBytes(items: readonly unknown[], quickObjects?: number): number {
  const step = Math.ceil(items.length / SAMPLE);
  let [bytes, looked] = [0, 0];
  for (let at = 0; at < items.length; at += step) {
    bytes += heldBytes(items[at], quickObjects);
    looked += 1;
  }
  return looked === 0 ? 0 : (bytes / looked) * items.length;
}

function quickBytes(value: unknown, left: { objects: number }): number {
  if (typeof value === 'string') return stringBytes(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? OBJECT : WORD;
  left.objects -= 1;
  if (left.objects <= 0) return 0;
  if (types.isProxy(value)) return OBJECT;
  let bytes = OBJECT;
  if (Array.isArray(value)) {
    if (value.length > 100_000) left.objects = 0;
    else for (const element of value) bytes += WORD + quickBytes(element, left);
    return bytes + WORD;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return measure(value).bytes;
  for (const name in value) bytes += WORD + quickBytes((value as Record<string, unknown>)[name], left);
  return bytes;
}
