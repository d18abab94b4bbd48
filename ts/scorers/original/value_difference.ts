/** Differences between two values, part by part, whatever they are made of. */
import { isDeepStrictEqual } from 'node:util';

/** Settings of the comparison of values. */
export interface ComparisonOptions {
  /** True if the order of an object's keys does not matter. */
  ignoreKeyOrder: boolean;
  caseInsensitive: boolean;
  trimWhitespace: boolean;
  /** Paths of parts that are left out: `a.b.0` or `a.b[0]`. */
  ignorePaths: ReadonlySet<string>;
}

/** A path in both notations. */
interface Path {
  dotted: string;
  bracketed: string;
}

/** Values nested deeper than this are compared as a whole. */
const MAX_DEPTH = 200;

/** The comparison of two values. Linear in their parts. */
export class ValueDifference {
  readonly #options: ComparisonOptions;
  /** Parts that cannot be taken apart any further, on either side. */
  parts = 0;
  /** Number of these that are the same on both sides. */
  same = 0;
  /** Paths of the others. */
  readonly paths: string[] = [];

  constructor(left: unknown, right: unknown, options: ComparisonOptions) {
    this.#options = options;
    this.#compare(left, right, { dotted: '', bracketed: '' }, 0);
  }

  #compare(a: unknown, b: unknown, path: Path, depth: number): void {
    const [kind, other] = [kindOf(a), kindOf(b)];
    if (typeof a === 'string' && typeof b === 'string') {
      this.#count(this.#text(a) === this.#text(b), path);
    } else if (kind !== other || kind === 'leaf' || depth > MAX_DEPTH) {
      this.#count(isSameLeaf(a, b), path);
    } else {
      this.#compareMembers(entriesOf(a, kind), entriesOf(b, kind), path, depth, kind);
    }
  }

  #compareMembers(a: Map<unknown, unknown>, b: Map<unknown, unknown>, path: Path, depth: number, kind: Kind): void {
    if (a.size === 0 && b.size === 0) this.#count(true, path);
    const counts = (key: unknown) => !this.#ignores(step(path, String(key), kind));
    const [keysA, keysB] = [[...a.keys()].filter(counts), [...b.keys()].filter(counts)];
    if (kind === 'object' && !this.#options.ignoreKeyOrder) {
      const shared = [keysA.filter((key) => b.has(key)), keysB.filter((key) => a.has(key))];
      if (!isDeepStrictEqual(shared[0], shared[1])) this.#count(false, path);
    }
    for (const key of new Set([...keysA, ...keysB])) {
      const below = step(path, String(key), kind);
      if (a.has(key) && b.has(key)) this.#compare(a.get(key), b.get(key), below, depth + 1);
      else this.#count(false, below);
    }
  }

  #text(value: string): string {
    const trimmed = this.#options.trimWhitespace ? value.trim() : value;
    return this.#options.caseInsensitive ? trimmed.toLowerCase() : trimmed;
  }

  #ignores({ dotted, bracketed }: Path): boolean {
    return this.#options.ignorePaths.has(dotted) || this.#options.ignorePaths.has(bracketed);
  }

  #count(isSame: boolean, path: Path): void {
    this.parts += 1;
    if (isSame) this.same += 1;
    else this.paths.push(path.bracketed || '(the value)');
  }
}

type Kind = 'array' | 'object' | 'map' | 'leaf';

function kindOf(value: unknown): Kind {
  if (typeof value !== 'object' || value === null) return 'leaf';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'map';
  // Instances of other classes (dates, sets, patterns, buffers) have no parts to speak of.
  return Object.prototype.toString.call(value) === '[object Object]' ? 'object' : 'leaf';
}

function entriesOf(value: unknown, kind: Kind): Map<unknown, unknown> {
  if (kind === 'map') return value as Map<unknown, unknown>;
  if (kind === 'array') return new Map((value as unknown[]).map((element, i) => [i, element]));
  return new Map(Object.entries(value as object));
}

function isSameLeaf(a: unknown, b: unknown): boolean {
  // −0 is 0, and NaN is NaN.
  return a === b || isDeepStrictEqual(a, b);
}

function step({ dotted, bracketed }: Path, key: string, kind: Kind): Path {
  const dot = dotted === '' ? '' : '.';
  const last = kind === 'array' ? `[${key}]` : `${dot}${key}`;
  return { dotted: `${dotted}${dot}${key}`, bracketed: `${bracketed}${last}` };
}
