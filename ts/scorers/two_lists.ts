/** Two lists of texts on their way to a native scorer (`src/scoring/two_lists.rs`). */
import { packNumbers } from './packed_numbers.js';

/** Appends the texts of two lists and of figures beside them; returns their number. */
export function pushLists(
  texts: string[],
  expected: readonly string[],
  actual: readonly string[],
  figures: readonly number[] = [],
): number {
  const elements = [...expected, ...actual];
  const lengths = elements.map((element) => element.length);
  const head = [expected.length, elements.length].concat(lengths, figures);
  texts.push(packNumbers(head), elements.join(''), '');
  return 3;
}
