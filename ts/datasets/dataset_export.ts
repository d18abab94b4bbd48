/** A dataset as the text of a file. */
import { outOfRange } from '../arguments.js';
import { cellText, checkTsvCell, inertCellText, rowText } from '../stream/file_format.js';
import { toJsonText } from '../value/form.js';
import type { Dataset } from './dataset.js';

/** Options of an export. */
export interface ExportDatasetOptions {
  /**
   * - `'json'` (default): the whole dataset.
   * - `'jsonl'`: a case a line, without the header.
   * - `'csv'`, `'tsv'`: a row each, metadata as `metadata.NAME`. Values other than texts are their JSON text.
   */
  format?: 'json' | 'jsonl' | 'csv' | 'tsv' | undefined;
  /** A file to write, besides. */
  path?: string | undefined;
  /** Puts an apostrophe before texts that a spreadsheet takes for formulas. Default `false`: loading gives the same again. */
  escapeFormulas?: boolean | undefined;
}

/** Returns a dataset as text. O(its size). */
export function datasetText(
  dataset: Dataset,
  { format = 'json', escapeFormulas = false }: ExportDatasetOptions,
): string {
  const { testCases, metadata, ...header } = dataset;
  if (format === 'json') return `${toJsonText({ ...metadata, ...header, testCases })}\n`;
  if (format === 'jsonl') return testCases.map((testCase) => `${toJsonText(testCase)}\n`).join('');
  if (format !== 'csv' && format !== 'tsv') return outOfRange('format', "'json', 'jsonl', 'csv' or 'tsv'", format);
  const names = [...new Set(testCases.flatMap((testCase) => Object.keys(testCase.metadata)))];
  const columns = ['id', 'input', 'expected', ...names.map((name) => `metadata.${name}`)];
  const rows = testCases.map(({ id, input, expected, metadata: facts }) => [
    ...[id, input, expected],
    ...names.map((name) => (name === 'tags' && Array.isArray(facts.tags) ? facts.tags.join('|') : facts[name])),
  ]);
  const text = escapeFormulas ? inertCellText : cellText;
  const lines = rows.map((row) => {
    const cells = row.map(text);
    if (format === 'tsv') for (const [i, cell] of cells.entries()) checkTsvCell(columns[i]!, cell);
    return rowText(format, cells);
  });
  return [rowText(format, columns), ...lines].join('');
}
