/** The channel `ai-evals:cache` of `node:diagnostics_channel`. It costs next to nothing while nobody has subscribed. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { CacheRequest } from './options.js';

/**
 * A message of the channel:
 * - `'hit'` and `'miss'`: a lookup that counts;
 * - `'set'`: a value was given to be stored;
 * - `'compute'`: a function was started to compute a missing value;
 * - `'refresh-error'`: computing a new value for an expired one has failed, with `error`.
 */
export interface CacheEvent {
  event: 'hit' | 'miss' | 'set' | 'compute' | 'refresh-error';
  /** The cache in words, such as `the ResponseCache {"persist":"answers.db"}`. */
  cache: string;
  /** The arguments that name the entry. */
  request: CacheRequest;
  error?: unknown;
}

/** The channel. */
export const cacheEvents: Channel = channel('ai-evals:cache');
