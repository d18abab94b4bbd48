/** A report as CSV (RFC 4180, lines end with a line feed): a block a table, with an empty line between. */
import { type PlainReport, wellFormed } from './plain_report.js';
import type { ReportParts } from './report_parts.js';
import { type Cell, type Table, tablesOf } from './tables.js';

/** A text that a spreadsheet takes for a formula. */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** Writes the table of categories first, without a title; the title of another is a line before it. */
export function csvReport(report: PlainReport, parts: ReportParts): string {
  const [first, ...others] = tablesOf(report, parts);
  const blocks = [tableLines(first!), ...others.map((table) => [cellText(table.title), ...tableLines(table)])];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function tableLines({ columns, rows }: Table): string[] {
  return [columns, ...rows].map((row) => row.map(cellText).join(','));
}

function cellText(cell: Cell): string {
  if (typeof cell !== 'string') return cell.number;
  const text = wellFormed(cell);
  const inert = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
