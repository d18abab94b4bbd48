/** The texts of a pair, as a native scorer takes them. */

/**
 * Appends the texts of a pair to `texts`, those expected first and the answer last, and returns their number; 0 if there
 * is no answer. `place` is put before the argument's name in an error.
 */
export type ReadPair<E, A> = (expected: E, actual: A, place: string, texts: string[]) => number;
