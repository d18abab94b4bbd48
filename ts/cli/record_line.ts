/** Finds the line of a record after the fact, so that reading a dataset need not carry line numbers along. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** `:17` for the record with this index (from 0) in a JSONL file, ` (case 17)` where lines say nothing. */
export async function recordPlace(file: string, index: number): Promise<string> {
  if (/\.(jsonl|ndjson)$/i.test(file)) {
    const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
    let [line, record] = [0, -1];
    for await (const text of lines) {
      line += 1;
      if (text.trim() !== '') record += 1;
      if (record === index) {
        lines.close();
        return `:${line}`;
      }
    }
  }
  return ` (case ${index + 1})`;
}
