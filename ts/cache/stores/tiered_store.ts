/** The store of a cache that can be in this thread's heap, in the process's memory or in a file. */
import { resolve } from 'node:path';
import * as check from '../../arguments.js';
import { AiEvalsError } from '../../errors.js';
import type { Encoded } from '../../value/codec.js';
import type { KeyForm } from '../key/key_form.js';
import { KeyedStore } from '../keyed_store.js';
import type { TieredCacheOptions } from '../options.js';
import { ByteTier, type ByteTierOptions } from './byte_tier.js';
import { FileTier } from './file_tier.js';
import { checkedOptions, type Defaults, memoryTier } from './memory_store.js';
import { MemoryTier } from './memory_tier.js';
import type { Tier } from './tier.js';

/** Bytes of a shared cache, and of one namespace of a file, unless they are given. */
const SHARED = { maxBytes: 256 * 1024 * 1024 };
const PERSISTED = { maxSize: 100_000, maxBytes: 1024 ** 3, ttl: 14 * 86_400_000 };

/** `kind` is the class: caches of different classes never share entries. */
export function tieredStore<V, K>(
  kind: string,
  given: TieredCacheOptions<V, K> | undefined,
  defaults: Defaults,
  form: KeyForm<K>,
): KeyedStore<V, K> {
  const { shared, persist, namespace = '', version }: Partial<TieredCacheOptions> = check.options('options', given);
  const outside = shared === undefined ? (persist === undefined ? {} : PERSISTED) : SHARED;
  const { options, store, tier } = checkedOptions(given, { ...defaults, ...outside });
  check.string('namespace', namespace);
  if (version !== undefined) checkVersion(version);
  const { keySize } = form;
  const place = shared === undefined ? { persist } : { shared };
  const checked = { ...store, version, name: `the ${kind} ${JSON.stringify(place)}` };
  if (shared === undefined && persist === undefined) {
    return new KeyedStore<V, K>(memoryTier<V, K>(tier, form), form, checked);
  }
  if (shared !== undefined && persist !== undefined) {
    check.wrongType(
      'shared',
      'left out with persist: a persisted cache is shared by all threads and processes',
      shared,
    );
  }
  if (options.onEvict !== undefined) {
    check.wrongType('onEvict', 'left out with shared or persist: entries leave in other threads too', options.onEvict);
  }
  const bytes: ByteTierOptions = { ...tier, scope: JSON.stringify([kind, namespace, version]) };
  if (shared !== undefined) {
    const name = JSON.stringify([kind, nonEmpty('shared', shared), namespace]);
    return new KeyedStore<V, K>(ByteTier.shared(name, tier.policy, bytes) as Tier<V, K>, form, checked);
  }
  const path = absolute(nonEmpty('persist', persist));
  if (options.policy !== undefined) check.wrongType('policy', "left out with persist: a file's is LRU", options.policy);
  const source = {
    open: () => ByteTier.disk<V, K>(path, `${kind}/${namespace}`, bytes),
    isForeign: () => ByteTier.isForeign(path),
  };
  const memory = new MemoryTier<Encoded, K>({ ...tier, onEvict: undefined, keySize });
  return new KeyedStore<V, K>(new FileTier(source, memory), form, checked);
}

/** The absolute path of `persist`, whatever the working directory is later. */
function absolute(persist: string): string {
  try {
    return resolve(persist);
  } catch (error) {
    throw new AiEvalsError(
      'ERR_STORAGE',
      `persist ${JSON.stringify(persist)} is relative to the working directory, which was removed: give an absolute path`,
      { cause: error },
    );
  }
}

/** A number that is none, or infinite, has no text of its own in a key: it would be the same as no version. */
function checkVersion(version: unknown): void {
  const expected = 'a string or a finite number';
  if (typeof version === 'number' && !Number.isFinite(version)) check.outOfRange('version', expected, version);
  if (typeof version !== 'number' && typeof version !== 'string') check.wrongType('version', expected, version);
}

function nonEmpty(name: string, value: unknown): string {
  const text = check.string(name, value);
  return text === '' ? check.outOfRange(name, 'a text that is not empty', value) : text;
}
