/** Configurations in YAML 1.2. */
import { isCollection, isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { UserError } from '../user_error.js';
import type { ConfigSource } from './config_source.js';
import type { KeyPath } from './shape.js';

/** Reads a configuration. Throws a {@link UserError} with the line of the first mistake, also for a key that is given twice. */
export function readYamlConfig(file: string, source: string): ConfigSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(source, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number): number => lineCounter.linePos(offset).line;
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake)
    throw new UserError(`${file}:${lineAt(mistake.pos[0])}: is not YAML: ${mistake.message}`, { cause: mistake });
  let value: unknown;
  try {
    value = document.toJS() as unknown;
  } catch (error) {
    // An alias of an anchor that is not there, or aliases that would grow beyond all bounds.
    throw new UserError(`${file}:1: is not YAML: ${(error as Error).message}`, { cause: error });
  }
  return {
    value,
    lineOf: (path) => {
      const at = offsetOf(document.contents, path);
      return at === undefined ? undefined : lineAt(at);
    },
  };
}

/** The offset of the key at `path`, or of the part of it that is there. */
function offsetOf(root: Node | null, path: KeyPath): number | undefined {
  let node: unknown = root;
  let at = root?.range?.[0];
  for (const key of path) {
    if (!isCollection(node)) break;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (!pair) break;
      at = (pair.key as Node).range?.[0] ?? at;
      node = pair.value;
    } else {
      node = node.items[Number(key)];
      at = (node as Node | undefined)?.range?.[0] ?? at;
    }
  }
  return at;
}
