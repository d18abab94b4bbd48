/** Results of a run as a file, in the order of the dataset. */
import { outOfRange } from '../arguments.js';
import { ResultWriter } from '../stream/index.js';
import type { ResultRows } from './result_rows.js';
import type { EvalResult, ExportOptions } from './types.js';

/** Columns of a CSV file. */
const COLUMNS: (keyof EvalResult)[] = [
  'id',
  'runId',
  'testCaseId',
  'repeat',
  'index',
  'category',
  'input',
  'expected',
  'actual',
  'passed',
  'score',
  'confidence',
  'explanation',
  'latencyMs',
  'tokenUsage',
  'cost',
  'metadata',
  'createdAt',
];

/** Rows written at once: more would hold up the event loop while they become text. */
const ROWS_A_WRITE = 100;

/** Returns the format of a file: what is asked for, else what its name says. */
export function exportFormat(file: string | URL, format: ExportOptions['format']): 'jsonl' | 'csv' {
  if (format === 'jsonl' || format === 'csv') return format;
  if (format !== undefined) outOfRange('format', "'jsonl' or 'csv'", format);
  return /\.csv(\.gz|\.zst)?$/i.test(String(file)) ? 'csv' : 'jsonl';
}

/** Writes `rows` to `file`, which takes its name when it is whole; resolves to their number. */
export async function exportRows(rows: ResultRows, file: string | URL, format: 'jsonl' | 'csv'): Promise<number> {
  const options = format === 'csv' ? { format, columns: COLUMNS, escapeFormulas: true } : { format };
  const writer = ResultWriter.toFile<EvalResult>(file, { ...options, batchSize: ROWS_A_WRITE });
  try {
    let written = 0;
    for await (const batch of rows.batches(ROWS_A_WRITE)) {
      await writer.writeMany(batch);
      written += batch.length;
    }
    await writer.close();
    return written;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
