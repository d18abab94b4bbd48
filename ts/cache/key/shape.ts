/**
 * The names of an object's members, known again when the next object of the same kind comes along.
 *
 * A tree: from its root, one step per name in the order in which an object has them. Where the steps end, the sorted order
 * is already known, and a number that stands for the set of names: so a configuration that is written for every case of
 * a run costs one comparison of references per name, and no sorting. The tree is bounded; what does not fit is sorted
 * and written out each time.
 */

/** Most names of a shape. */
const MAX_NAMES = 64;
/** Longest name of a shape, in units. */
const MAX_NAME = 64;
/** Most steps in the tree, over all shapes: a few hundred kilobytes. */
const MAX_STEPS = 4096;

/** A set of names as met in one order. */
export interface Shape {
  /** Stands for the set of names in this process, from 1; 0 when there was no room for it. */
  readonly id: number;
  /** Sorted by UTF-16 units. */
  readonly names: readonly string[];
  /** `order[i]`: which of the values, in the order they were met, belongs to `names[i]`. */
  readonly order: readonly number[];
}

/** One step of the tree. */
export class Step {
  /** The step last taken from here: mostly it is taken again. */
  lastName: string | undefined;
  last: Step | undefined;
  #others: Map<string, Step> | undefined;
  #shape: Shape | undefined;
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** The step for `name`, or `undefined` when the tree is full or the name too long. */
  to(name: string): Step | undefined {
    let step = this.#others?.get(name);
    if (step === undefined) {
      if (steps >= MAX_STEPS || this.#names.length >= MAX_NAMES || name.length > MAX_NAME) return undefined;
      steps += 1;
      step = new Step([...this.#names, name]);
      this.#others ??= new Map();
      this.#others.set(name, step);
    }
    this.lastName = name;
    this.last = step;
    return step;
  }

  /** The shape of the names up to here. */
  get shape(): Shape {
    this.#shape ??= shapeOf(this.#names, true);
    return this.#shape;
  }
}

/** The step at which every object starts. */
export const ROOT = new Step([]);

let steps = 0;
/** Ids of sets of names, by the sorted names: every order of the same names has the same id. */
const ids = new Map<string, number>();

/** The shape of `names`. A set of names that has no id gets one only with `learn`. */
export function shapeOf(names: readonly string[], learn = false): Shape {
  const order = names.map((_, i) => i).sort((a, b) => ((names[a] as string) < (names[b] as string) ? -1 : 1));
  const sorted = order.map((i) => names[i] as string);
  if (names.length > MAX_NAMES || names.some((name) => name.length > MAX_NAME)) return { id: 0, names: sorted, order };
  const set = sorted.map((name) => `${name.length}:${name}`).join('');
  let id = ids.get(set);
  // Once the tree is full nothing is learnt: what was written out once is written out for ever.
  if (id === undefined && learn && steps < MAX_STEPS) {
    id = ids.size + 1;
    ids.set(set, id);
  }
  return { id: id ?? 0, names: sorted, order };
}
