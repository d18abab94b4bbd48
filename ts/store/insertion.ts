/**
 * Rows of a call, packed into batches. What always holds: a batch is packed whole before any of it is sent, and a row that
 * is refused ends the rows.
 */
import { wrongType } from '../arguments.js';
import { turnDue } from '../event_loop_turn.js';
import { type PackedResults, ResultBatch } from './result_batch.js';
import type { NewResult } from './types.js';

/** A row as it may come: in `saveRun` the run is known. */
export type GivenRow = Omit<NewResult, 'runId'> & { runId?: string };
/** A source of rows. */
export type RowSource = Iterable<GivenRow> | AsyncIterable<GivenRow>;

/** A packed batch and the place of its first row in the call. */
export interface Batch {
  packed: PackedResults;
  first: number;
}

/** Texts of a batch, in UTF-16 units, above which no more rows are added. */
const MOST_UNITS = 4 * 1024 * 1024;

/** Returns `rows`, checked to be a source. */
export function rowSource(name: string, rows: RowSource): RowSource {
  const iterates =
    typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows);
  return iterates ? rows : wrongType(name, 'an iterable of results', rows);
}

/** Packs the rows of `source`, `batchSize` at most in a batch. The event loop gets its turns. */
export async function* packedBatches(
  source: RowSource,
  options: { name: string; batchSize: number; maxRowBytes: number; runId?: string; signal?: AbortSignal | undefined },
): AsyncGenerator<Batch, void> {
  const { name, batchSize, maxRowBytes, runId, signal } = options;
  const batch = new ResultBatch(name, maxRowBytes);
  let place = 0;
  signal?.throwIfAborted();
  for await (const row of source) {
    signal?.throwIfAborted();
    const added = batch.add(row, place, runId);
    if (added) await added;
    place += 1;
    if (batch.rows >= batchSize || batch.units >= MOST_UNITS) {
      yield { first: place - batch.rows, packed: batch.take() };
      signal?.throwIfAborted();
    }
    const turn = turnDue();
    if (turn) await turn;
  }
  signal?.throwIfAborted();
  if (batch.rows > 0) yield { first: place - batch.rows, packed: batch.take() };
}
