/** Keys that leave the process. */
import { native } from '../native.js';
import { keyRead, keyText, page, writeKey } from './content_key.js';

/**
 * The digest of `(input, modelConfig)` in hexadecimal (256 bits, BLAKE3): the same in every process, on every machine and
 * in every later version, for what is to be looked up in a file or a database. Equal content is what it is for a
 * `ResponseCache`. Cost: O(size), about 1 µs per kilobyte.
 *
 * @throws TypeError naming the path of a part without content.
 */
export function stableKey(input: unknown, modelConfig?: unknown): string {
  const structure = writeKey('input', input, 'modelConfig', modelConfig, true);
  const digest = native.stableKey(page, structure, keyText());
  keyRead();
  return digest.toString('hex');
}
