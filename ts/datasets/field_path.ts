/**
 * Dotted paths into a record: `metadata.category`, `choices.0.text`. A key that itself holds a dot wins over the nesting
 * it could also mean, and the longer key over the shorter. Only a record's own keys count.
 */
export class FieldPath {
  /** The path as it was given. */
  readonly text: string;
  readonly #parts: string[];

  constructor(text: string) {
    this.text = text;
    this.#parts = text.split('.');
  }

  /** Returns the value in `record`; `undefined` when there is none (a stored `null` is one). */
  in(record: unknown): unknown {
    return found(record, this.#parts);
  }
}

function found(value: unknown, parts: string[]): unknown {
  if (parts.length === 0) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    return /^\d+$/.test(parts[0]!) ? found(value[Number(parts[0])], parts.slice(1)) : undefined;
  }
  for (let length = parts.length; length > 0; length -= 1) {
    const key = parts.slice(0, length).join('.');
    if (!Object.hasOwn(value, key)) continue;
    const inner = found((value as Record<string, unknown>)[key], parts.slice(length));
    if (inner !== undefined) return inner;
  }
  return undefined;
}
