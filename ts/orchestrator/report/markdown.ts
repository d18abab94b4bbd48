/** A report as Markdown, such as for a comment on a pull request. */
import { type PlainReport, textOf, wellFormed } from './plain_report.js';
import type { ReportParts } from './report_parts.js';
import { type Cell, regressionTable, summaryRows, type Table, tablesOf } from './tables.js';

/** Writes the summary as a table, then the other tables under headings. Regressions are always there, if there are any. */
export function markdownReport(report: PlainReport, parts: ReportParts): string {
  const tables = tablesOf(report, parts).filter(({ title }) => title !== 'Regressions');
  const regressions = regressionTable(report);
  const summary: Table = {
    title: 'Summary',
    columns: ['Figure', 'Value'],
    rows: summaryRows(report).map(([name, value]) => [name, value]),
  };
  return [
    `# Evaluation report ${inert(textOf(report.jobId))}`.trimEnd(),
    ...[summary, ...(regressions.rows.length > 0 ? [regressions] : []), ...tables].map(tableText),
    '',
  ].join('\n\n');
}

function tableText({ title, columns, rows }: Table): string {
  const lines = [columns.map(inert), columns.map(() => '---'), ...rows.map((row) => row.map(cellText))];
  return [`## ${title}`, '', ...lines.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}

function cellText(cell: Cell): string {
  return typeof cell === 'string' ? inert(cell) : cell.number;
}

/** Returns text that Markdown and HTML read as itself, in one line: no markup, no link, no mention of anybody. */
function inert(text: string): string {
  return wellFormed(text)
    .replace(/[\\`*_[\]|#~<>&@$]/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replace(/(https?|ftp|www)([:.])/gi, (_, scheme: string, sign: string) => `${scheme}&#${sign.charCodeAt(0)};`)
    .replace(/\r\n|[\r\n\u2028\u2029]/g, '<br>');
}
