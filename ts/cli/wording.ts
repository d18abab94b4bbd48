/** Figures as people read them. */

/** `312 ms`, `1.31 s`, `2 min 05 s`. */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
    : `${Math.floor(seconds / 3600)} h ${String(Math.floor(seconds / 60) % 60).padStart(2, '0')} min`;
}

/** `88.5%`; never 100% or 0% by rounding alone. */
export function percent(share: number): string {
  const shown = (share * 100).toFixed(1);
  if (shown === '100.0' && share < 1) return '99.9%';
  if (shown === '0.0' && share > 0) return '0.1%';
  return `${shown}%`;
}

/** Bounds of a share: `68.6 to 80.5%`. */
export function percentBounds({ low, high }: { low: number; high: number }): string {
  return `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}%`;
}

/** `61,234`. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** `$12.30`, `$0.018`: cents, or two digits that count below a dollar. */
export function dollars(amount: number): string {
  if (amount === 0) return '$0';
  const digits = amount >= 1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(amount)));
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** `case`, `cases`. */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** `text` on one line without control characters, so that a dataset or a server cannot steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

/** `text`, {@link printable}, in at most `width` columns. */
export function shortened(text: string, width: number): string {
  const letters = [...printable(text)];
  return letters.length <= width ? letters.join('') : `${letters.slice(0, width - 1).join('')}…`;
}

/** `text` broken at spaces into lines of at most `width` columns. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
