/** A configuration as it was read, and the places of its keys. */
import type { KeyPath } from './shape.js';

/** The value of a configuration file. */
export interface ConfigSource {
  value: unknown;
  /** Returns the line of a key, from 1; `undefined` where it cannot be told. */
  lineOf(path: KeyPath): number | undefined;
}
