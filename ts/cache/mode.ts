/** The option `mode`. */
import * as check from '../arguments.js';
import type { CacheMode } from './options.js';

const MODES: readonly unknown[] = ['on', 'replay', 'record', 'off'];

/** The checked option `mode`. */
export function checkedMode(mode: unknown): CacheMode {
  const expected = "'on', 'replay', 'record' or 'off'";
  if (typeof mode !== 'string') check.wrongType('mode', expected, mode);
  return MODES.includes(mode) ? (mode as CacheMode) : check.outOfRange('mode', expected, mode);
}
