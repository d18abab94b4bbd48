/** A store in this thread's heap, from the options of a cache. */
import * as check from '../../arguments.js';
import type { KeyForm } from '../key/key_form.js';
import { KeyedStore, type StoreOptions } from '../keyed_store.js';
import {
  type CacheOptions,
  checkedMode,
  checkedWindow,
  type ResponseCacheOptions,
  type TieredCacheOptions,
} from '../options.js';
import { MemoryTier, type MemoryTierOptions } from './memory_tier.js';
import { TextTier } from './text_tier.js';

/** Values of options that are absent. */
export interface Defaults {
  maxSize: number;
  maxBytes?: number;
  ttl: number;
}

/** Checks the options of every cache. */
export function checkedOptions<V, K>(given: CacheOptions<V, K> | undefined, defaults: Defaults) {
  const options: Partial<TieredCacheOptions<V, K>> & Pick<ResponseCacheOptions, 'explain'> = check.options(
    'options',
    given,
  );
  const { maxSize = defaults.maxSize, ttl = defaults.ttl, policy = 'lru', onEvict, mode = 'on' } = options;
  const { maxBytes = defaults.maxBytes ?? Number.POSITIVE_INFINITY, shouldCache, staleWhileRevalidate = 0 } = options;
  const { ttlOf, onRefreshError, explain = false } = options;
  if (maxSize !== Number.POSITIVE_INFINITY) check.positiveInteger('maxSize', maxSize);
  else if (maxBytes === Number.POSITIVE_INFINITY) {
    check.outOfRange('maxSize', 'a whole number of at least 1, or Infinity together with maxBytes', maxSize);
  }
  check.positiveNumber('ttl', ttl);
  check.positiveNumber('maxBytes', maxBytes);
  if (typeof policy !== 'string') check.wrongType('policy', "'lru' or 'tinylfu'", policy);
  if (policy !== 'lru' && policy !== 'tinylfu') check.outOfRange('policy', "'lru' or 'tinylfu'", policy);
  const store: StoreOptions<V> = {
    name: 'a cache in memory',
    mode: checkedMode(mode),
    shouldCache: shouldCache === undefined ? undefined : check.callable('shouldCache', shouldCache),
    stale: checkedWindow(staleWhileRevalidate),
    ttlOf: ttlOf === undefined ? undefined : check.callable('ttlOf', ttlOf),
    onRefreshError: onRefreshError === undefined ? undefined : check.callable('onRefreshError', onRefreshError),
    version: undefined,
    explain: typeof explain === 'boolean' ? explain : check.wrongType('explain', 'a boolean', explain),
  };
  const tier = {
    maxSize: Math.min(maxSize, Number.MAX_SAFE_INTEGER),
    maxBytes,
    ttl,
    stale: store.stale,
    policy,
    onEvict: onEvict === undefined ? undefined : check.callable('onEvict', onEvict),
    missCost: options.missCost,
  } as const;
  return { options, store, tier };
}

/** Makes the tier of a cache in this thread's heap. */
export function memoryTier<V, K>(
  options: Omit<MemoryTierOptions<V, K>, 'keySize'>,
  form: KeyForm<K>,
): MemoryTier<V, K> {
  const { keySize } = form;
  if (!form.isText) return new MemoryTier({ ...options, keySize });
  // A form of a text has texts for keys: K is string.
  return new TextTier<V>({ ...options, keySize } as MemoryTierOptions<V, string>) as unknown as MemoryTier<V, K>;
}

/** Makes the store of a cache that can only be in this thread's heap. */
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
  return new KeyedStore(memoryTier(tier, form), form, store);
}
