/** A store in this thread's heap, from the options of a cache. */
import * as check from '../arguments.js';
import type { KeyForm } from './key_form.js';
import { KeyedStore, type StoreOptions } from './keyed_store.js';
import { MemoryTier } from './memory_tier.js';
import { checkedMode } from './mode.js';
import type { CacheOptions, TieredCacheOptions } from './options.js';

/** What stands for options that are absent (not for `null`). */
export interface Defaults {
  maxSize: number;
  maxBytes?: number;
  ttl: number;
}

/** Options of every cache, checked. */
export function checkedOptions<V, K>(given: CacheOptions<V, K> | undefined, defaults: Defaults) {
  const options: Partial<TieredCacheOptions<V, K>> = check.options('options', given);
  const { maxSize = defaults.maxSize, ttl = defaults.ttl, policy = 'lru', onEvict, mode = 'on' } = options;
  const { maxBytes = defaults.maxBytes ?? Number.POSITIVE_INFINITY, shouldCache, staleWhileRevalidate = 0 } = options;
  check.positiveInteger('maxSize', maxSize);
  check.positiveNumber('ttl', ttl);
  check.positiveNumber('maxBytes', maxBytes);
  if (typeof policy !== 'string') check.wrongType('policy', "'lru' or 'tinylfu'", policy);
  if (policy !== 'lru' && policy !== 'tinylfu') check.outOfRange('policy', "'lru' or 'tinylfu'", policy);
  const store: StoreOptions<V> = {
    name: 'a cache in memory',
    mode: checkedMode(mode),
    shouldCache: shouldCache === undefined ? undefined : check.callable('shouldCache', shouldCache),
    stale: check.nonNegativeNumber('staleWhileRevalidate', staleWhileRevalidate),
    version: undefined,
  };
  const tier = {
    maxSize,
    maxBytes,
    ttl,
    stale: store.stale,
    policy,
    onEvict: onEvict === undefined ? undefined : check.callable('onEvict', onEvict),
    missCost: options.missCost,
  } as const;
  return { options, store, tier };
}

/** The store of a cache that can only be in this thread's heap. */
export function memoryStore<V, K>(
  given: CacheOptions<V, K> | undefined,
  defaults: Defaults,
  form: KeyForm<K>,
): KeyedStore<V, K, MemoryTier<V, K>> {
  const { options, store, tier } = checkedOptions(given, defaults);
  for (const name of ['shared', 'persist', 'namespace', 'version'] as const) {
    if (options[name] !== undefined) {
      check.wrongType(
        name,
        'left out: only a ResponseCache or an EmbeddingCache can be shared or persisted',
        options[name],
      );
    }
  }
  return new KeyedStore(new MemoryTier({ ...tier, keySize: form.keySize }), form, store);
}
