/** The line of a record, found after the fact, so that reading a dataset need not carry line numbers along. */
import { createReadStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Returns `:17` for the record with this index (from 0) in a JSONL file, ` (case 17)` where lines say nothing. */
export async function recordPlace(file: string, index: number): Promise<string> {
  // A pipe cannot be read again.
  if (/\.(jsonl|ndjson)$/i.test(file) && statSync(file, { throwIfNoEntry: false })?.isFile()) {
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
