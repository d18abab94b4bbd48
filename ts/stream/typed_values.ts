/** Values that JSON lacks, made of their JSON text by the plan of the native Parquet reader. */

import { momentOf } from '../value/form.js';

/**
 * The conversion of a parsed value: none (`null`), that of a scalar, or those inside a list, map or struct. `Kind::plan` of the
 * engine writes it.
 */
export type Plan =
  | null
  | 'real'
  | 'date'
  | 'bytes'
  | ['list', Plan]
  | ['map', Plan, Plan]
  | ['struct', [name: string, plan: Plan][]];

/** Returns the value that `value` stands for. Containers are changed in place. */
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

/** Returns the bytes of `hex` in a buffer of their own: a view of Node's shared pool would keep other values alive. */
function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  Buffer.from(bytes.buffer).write(hex, 'hex');
  return bytes;
}
