/** Rows of CSV (RFC 4180) and TSV (IANA `text/tab-separated-values`). */
import { AiEvalsError } from '../errors.js';
import { toJsonText } from '../value/form.js';

/** Returns the row of these cells, with its line end. TSV has no quotes: a tab or a line end in a cell is refused. */
export function rowText(format: 'csv' | 'tsv', cells: readonly string[]): string {
  // An empty line is no row.
  if (format === 'csv') return cells.length === 1 && cells[0] === '' ? '""\r\n' : `${cells.map(quoted).join(',')}\r\n`;
  return `${cells.join('\t')}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Throws `ERR_STORAGE` when TSV cannot hold `text`, the member `name` of a result. */
export function checkTsvCell(name: string, text: string): void {
  if (!/[\t\r\n]/.test(text)) return;
  const reason = `the member ${JSON.stringify(name)} holds a tab or a line end, which TSV cannot`;
  throw new AiEvalsError('ERR_STORAGE', `${reason}; write CSV or JSON lines`);
}

/**
 * Returns the text of a cell: nothing for `undefined` and `null`, strings as they are, everything else its JSON form (see
 * `value/form.ts`) without quotes around it. Half a surrogate pair, which UTF-8 lacks, is its escape `\ud83d`.
 */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return wellFormed(value);
  const text = toJsonText(value) ?? '';
  if (text === 'null') return '';
  return wellFormed(text.startsWith('"') ? (JSON.parse(text) as string) : text);
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
