/**
 * A report as one HTML page. It loads nothing and runs nothing: its policy is `default-src 'none'`, and the one style sheet
 * is allowed by its hash. Links lead into the page.
 */
import { createHash } from 'node:crypto';
import { type PlainReport, textOf, wellFormed } from './plain_report.js';
import type { ReportParts } from './report_parts.js';
import { type Cell, regressionTable, summaryRows, type Table, tablesOf } from './tables.js';

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
nav a { margin-right: 1rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
`;

/** Writes the page: summary, categories, regressions, and what else is asked for. */
export function htmlReport(report: PlainReport, parts: ReportParts): string {
  const others = tablesOf(report, parts).filter(({ title }) => title !== 'Regressions');
  const tables = [others[0]!, regressionTable(report), ...others.slice(1)];
  const title = `Evaluation report ${textOf(report.jobId)}`.trimEnd();
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p>${escaped(textOf(report.generatedAt))}</p>
<nav>${['Summary', ...tables.map((table) => table.title)].map((name) => `<a href="#${idOf(name)}">${escaped(name)}</a>`).join('')}</nav>
<h2 id="summary">Summary</h2>
<table><tbody>
${summaryRows(report)
  .map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`)
  .join('\n')}
</tbody></table>
${tables.map(tableText).join('\n')}
</body>
</html>
`;
}

function tableText({ title, columns, rows }: Table): string {
  const heading = `<h2 id="${idOf(title)}">${escaped(title)}</h2>`;
  if (rows.length === 0) return `${heading}\n<p>None.</p>`;
  const head = columns.map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cellText).join('')}</tr>`).join('\n');
  return `${heading}\n<table><thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table>`;
}

function cellText(cell: Cell): string {
  return typeof cell === 'string' ? `<td>${escaped(cell)}</td>` : `<td class="number">${escaped(cell.number)}</td>`;
}

function idOf(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return wellFormed(text)
    .replaceAll('\0', '\ufffd')
    .replace(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}
