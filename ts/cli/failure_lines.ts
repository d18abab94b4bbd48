/** The failed cases that the summary shows, with what was expected and what came. */
import { matchText } from '../scoring/match.js';
import type { FailedCase } from './tally.js';
import { printable } from './wording.js';

/** Characters of a text that are shown. */
const SHOWN = 200;

/** Returns a block of lines for each failed case. */
export function failureLines(failures: readonly FailedCase[], width: number): string[] {
  return failures.flatMap(({ id, category, expected, actual }) => {
    const [wanted, came] = aroundDifference(shownText(expected), shownText(actual), SHOWN);
    const line = (label: string, text: string) => folded(label, text, width);
    return [`  ${printable(id)} (${printable(category)})`, ...line('expected', wanted), ...line('actual', came)];
  });
}

function shownText(value: unknown): string {
  let text: string;
  try {
    text = matchText(value);
  } catch {
    return '(nested too deep to be shown)';
  }
  const shown = printable(text);
  return shown === '' ? '(empty)' : shown;
}

/**
 * Shortens two texts to `width` characters around the place where they first differ. Of a text that is much longer than the
 * other one, like an answer with its reasoning, the end is kept, where the answer is.
 */
export function aroundDifference(expected: string, actual: string, width: number): [string, string] {
  const [left, right] = [[...expected], [...actual]];
  if (left.length <= width && right.length > width) return [expected, `…${right.slice(1 - width).join('')}`];
  if (right.length <= width && left.length > width) return [`…${left.slice(1 - width).join('')}`, actual];
  if (left.length <= width) return [expected, actual];
  let same = 0;
  while (same < left.length && same < right.length && left[same] === right[same]) same += 1;
  const start = Math.max(0, same - Math.floor(width / 3));
  const cut = (text: string[]): string => {
    const from = Math.min(start, Math.max(0, text.length - width));
    const [before, after] = [from > 0 ? '…' : '', from + width < text.length ? '…' : ''];
    const end = from + width - after.length;
    return `${before}${text.slice(from + before.length, end).join('')}${after}`;
  };
  return [cut(left), cut(right)];
}

/** `text` behind a label, broken at the width wherever it is. */
function folded(label: string, text: string, width: number): string[] {
  const letters = [...text];
  const room = width - 14;
  const lines: string[] = [];
  for (let at = 0; at < letters.length; at += room) {
    lines.push(`    ${(at === 0 ? label : '').padEnd(10)}${letters.slice(at, at + room).join('')}`);
  }
  return lines;
}
