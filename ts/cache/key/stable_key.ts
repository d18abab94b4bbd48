/** Keys that leave the process. */
import { native } from '../../native.js';
import { page, withKey, writeKey } from './content_key.js';

const digest = Buffer.alloc(32);

/**
 * Returns the digest of `(input, modelConfig)` in hexadecimal (256 bits, BLAKE3): the same in every process, on every machine and
 * in every later version, for what is to be looked up in a file or a database. Equal content is what it is for a
 * `ResponseCache`. Cost: O(size), about 1 µs per kilobyte.
 *
 * @throws TypeError naming the path of a part without content.
 */
export function stableKey(input: unknown, modelConfig?: unknown): string {
  const written = writeKey('input', input, 'modelConfig', modelConfig, true);
  withKey(written, (structure, text) => native.stableKey(page, structure, text, digest));
  return digest.toString('hex');
}
