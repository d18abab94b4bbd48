/** Iteration over the results of a run, page by page. */
import { positiveInteger } from '../arguments.js';
import type { EvalResult, Page } from './types.js';

/** Rows that iteration reads at once: more would hold up the event loop while they are parsed. */
const ROWS_A_READ = 250;

/** Results of a run, read as they are taken; one batch is held. */
export interface ResultRows extends AsyncIterable<EvalResult> {
  /** Gives the results in arrays of `n`, the last one shorter. `n`: 1–10,000, default 1000. */
  batches(n?: number): AsyncIterable<EvalResult[]>;
}

/** Returns the rows of a query; `read` reads the page behind a cursor. */
export function resultRows(read: (limit: number, cursor: string | undefined) => Promise<Page<EvalResult>>): ResultRows {
  async function* batches(n: number): AsyncGenerator<EvalResult[], void> {
    let cursor: string | undefined;
    do {
      const { items, next } = await read(n, cursor);
      if (items.length > 0) yield items;
      cursor = next;
    } while (cursor !== undefined);
  }
  return {
    batches: (n = 1000) => batches(positiveInteger('n', n, 10_000)),
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches(ROWS_A_READ)) yield* batch;
    },
  };
}
