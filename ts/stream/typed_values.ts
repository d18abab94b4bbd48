/** Values that JSON lacks, made of their text as a plan says: what the native reader of Parquet sends. */

import { momentOf } from '../value/form.js';

/**
 * What to do with a parsed value: nothing; a conversion of a scalar; the same inside of lists, maps and structs. As
 * `Kind::plan` of the engine writes it.
 */
export type Plan =
  | null
  | 'real'
  | 'date'
  | 'bytes'
  | ['list', Plan]
  | ['map', Plan, Plan]
  | ['struct', [name: string, plan: Plan][]];

/** The value that `value` stands for; containers are changed in place. */
export function typedValue(value: unknown, plan: Plan): unknown {
  if (plan === null || value === null) return value;
  switch (plan) {
    case 'real':
      return Number(value);
    case 'date':
      return momentOf(value as number | string);
    case 'bytes':
      return bytesOf(value as string);
    default:
      return typedContainer(value, plan);
  }
}

function typedContainer(value: unknown, plan: Exclude<Plan, string | null>): unknown {
  if (plan[0] === 'struct') {
    const object = value as Record<string, unknown>;
    for (const [name, member] of plan[1]) {
      const made = typedValue(object[name], member);
      // Not an assignment: a column may be named `__proto__`.
      if (name === '__proto__') Object.defineProperty(object, name, { value: made });
      else object[name] = made;
    }
    return object;
  }
  if (plan[0] === 'list') {
    const list = value as unknown[];
    for (let at = 0; at < list.length; at += 1) list[at] = typedValue(list[at], plan[1]);
    return list;
  }
  const map = new Map<unknown, unknown>();
  for (const [key, member] of value as [unknown, unknown][]) {
    map.set(typedValue(key, plan[1]), typedValue(member, plan[2]));
  }
  return map;
}

/** Not a view of Node's shared pool: the bytes of one value must not keep those of others. */
function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  Buffer.from(bytes.buffer).write(hex, 'hex');
  return bytes;
}
