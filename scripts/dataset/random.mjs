// Seeded random choices: the same seed gives the same dataset on every machine and Node version.

/** A generator of uniform 32-bit numbers (mulberry32, Tommy Ettinger, public domain) and choices made with it. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from `low` to `high`, both included. */
  integer(low, high) {
    return low + (this.next() % (high - low + 1));
  }

  /** True in `percent` of the calls. */
  chance(percent) {
    return this.next() % 100 < percent;
  }

  pick(list) {
    return list[this.next() % list.length];
  }

  /** A copy of `list` in random order (Fisher–Yates). */
  shuffled(list) {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i -= 1) {
      const j = this.integer(0, i);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  }
}

const FIRST = ['Amara', 'Bruno', 'Chiyo', 'Dalia', 'Edvin', 'Farah', 'Goran', 'Hana', 'Imre', 'Jora', 'Kaito', 'Lotte'];
const LAST = ['Abara', 'Bergen', 'Castell', 'Dvorak', 'Egede', 'Farkas', 'Grieve', 'Holm', 'Ibarra', 'Juhasz', 'Kest'];

/** A first name. */
export const firstName = (random) => random.pick(FIRST);

/** A full name. */
export const fullName = (random) => `${random.pick(FIRST)} ${random.pick(LAST)}`;
