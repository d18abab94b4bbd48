/** Explains why a value cannot be a key: where in it the culprit is, and what it is. Slow, and only run on failure. */
import { ArgumentTypeError } from '../../errors.js';
import { memberPath } from '../../value/path.js';
import { isPlain } from '../../value/plain.js';
import { contentOf } from './content.js';

const MAX_PATH = 200;

function member(path: string, name: string): string {
  if (path.length > MAX_PATH) return path.endsWith('…') ? path : `${path}…`;
  return memberPath(path, name);
}

function kind(value: unknown): string {
  if (typeof value === 'function') return `a function (${value.name || 'anonymous'})`;
  if (typeof value === 'symbol') return `a symbol (${String(value)})`;
  const name = (value as object).constructor?.name ?? 'object';
  return `an instance of ${name} without members that can be seen`;
}

/** The first part of `value` without content: its path and what it is. */
function find(value: unknown, path: string, ancestors: readonly object[]): [path: string, what: string] | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return [path, kind(value)];
  if (typeof value !== 'object' || value === null || ancestors.includes(value)) return undefined;
  const inside = [...ancestors, value];
  const visit = (children: Iterable<[string, unknown]>) => {
    for (const [at, child] of children) {
      const found = find(child, at, inside);
      if (found) return found;
    }
    return undefined;
  };
  if (Array.isArray(value)) return visit(value.map((child, i) => [`${path}[${i}]`, child]));
  if (isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function') {
    return visit(Object.entries(value).map(([name, child]) => [member(path, name), child]));
  }
  const content = contentOf(value);
  if (!content) return [path, kind(value)];
  const parts = content.parts.flatMap((part): [string, unknown][] =>
    typeof part === 'object' && part !== null && isPlain(part)
      ? Object.entries(part).map(([name, child]) => [member(path, name), child])
      : [[path, part]],
  );
  const members = content.members ?? [];
  return (
    visit(parts) ?? visit(members.flatMap((m, i) => m.map((child): [string, unknown] => [`${path}{${i}}`, child])))
  );
}

function culprit(names: readonly string[], values: readonly unknown[]): [path: string, what: string] | undefined {
  try {
    for (const [i, value] of values.entries()) {
      const found = find(value, names[i] ?? '', []);
      if (found) return found;
    }
  } catch {
    // The search needs more stack than writing the key did, and asks getters again: without a path, then.
  }
  return undefined;
}

/** The error for a key made of `values`, called `names`, that has no content or is nested too deeply. */
export function invalidKey(names: readonly string[], values: readonly unknown[], tooDeep: boolean): ArgumentTypeError {
  if (tooDeep) return new ArgumentTypeError(`${names.join(' or ')} is nested too deeply to be a cache key`);
  const found = culprit(names, values);
  if (found) {
    return new ArgumentTypeError(
      `${found[0]} is ${found[1]}, which has no content a cache key could be made of; leave it out of the key`,
    );
  }
  return new ArgumentTypeError(`${names.join(' or ')} has no content a cache key could be made of`);
}
