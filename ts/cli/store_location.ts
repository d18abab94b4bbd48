/** The store that a command means, and its opening. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AiEvalsError } from '../errors.js';
import type { EvalStore, StoreOptions } from '../store/index.js';
import type { Given } from './flags.js';
import { hideDirectoryOf } from './local_directory.js';
import { UsageError, UserError } from './user_error.js';

/** The file that keeps runs, below the directory of the run. */
const DEFAULT_FILE = join('.ai-evals', 'runs.db');

/** Returns the URL or path of the store: `--store`, `AI_EVALS_STORE`, or the default file. */
export function storeLocation(given: Given, env: NodeJS.ProcessEnv): string {
  const asked = given.text('store');
  if (asked === '') throw new UsageError('--store must not be empty');
  return asked ?? (env.AI_EVALS_STORE || DEFAULT_FILE);
}

/** Returns the path of a location that is a SQLite file; `undefined` for others. */
export function fileOf(location: string): string | undefined {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]+):(.*)$/is.exec(location) ?? [];
  if (scheme === undefined) return location;
  if (!/^(sqlite|file)$/i.test(scheme) || rest === undefined || rest.startsWith(':memory:')) return undefined;
  const path = rest.replace(/^\/\/(?=\/)/, '').replace(/\?.*$/s, '');
  return path === '' ? undefined : path;
}

/** Opens the store of a run, and makes its directory. Throws a {@link UserError}. */
export async function openForRun(location: string): Promise<EvalStore> {
  const file = fileOf(location);
  if (file !== undefined) {
    try {
      mkdirSync(dirname(resolve(file)), { recursive: true });
    } catch (error) {
      throw new UserError(`the store ${file} cannot be made: ${(error as Error).message}`, { cause: error });
    }
    hideDirectoryOf(file);
  }
  return open(location, {});
}

/** Opens a store that has to be there. Throws a {@link UserError}. */
export async function openExisting(location: string, options: StoreOptions = {}): Promise<EvalStore> {
  const file = fileOf(location);
  if (file !== undefined && !existsSync(file)) {
    throw new UserError(`there is no store at ${file}; name one with --store URL, or keep a run first: ai-evals run`);
  }
  return open(location, options);
}

async function open(location: string, options: StoreOptions): Promise<EvalStore> {
  const { EvalStore } = await import('../store/index.js');
  const isUrl = /^[a-z][a-z0-9+.-]+:/i.test(location);
  return told(EvalStore.open(isUrl ? location : `sqlite:${location}`, options));
}

/** Resolves as `call` does; an error of the store becomes a {@link UserError} that is told in one line. */
export async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const isTold = error instanceof AiEvalsError || error instanceof RangeError || error instanceof TypeError;
    throw isTold ? new UserError(error.message, { cause: error }) : error;
  }
}

/** Resolves to the id of a run that is there: `last` is the newest one. */
export async function runNamed(store: EvalStore, name: string): Promise<string> {
  if (name === 'last') {
    const { items } = await told(store.listRuns({}, { limit: 1 }));
    if (items[0] === undefined) throw new UserError(`there is no run in ${store.url}`);
    return items[0].id;
  }
  if ((await told(store.getRun(name))) === undefined) {
    throw new UserError(`there is no run ${name} in ${store.url}; ai-evals runs lists them`);
  }
  return name;
}
