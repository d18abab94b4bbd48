/** Configurations that are programs: TypeScript and JavaScript modules with a default export. */
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../user_error.js';
import type { ConfigSource } from './config_source.js';
import { keyLine } from './key_place.js';
import { SourceMistake, withoutTypes } from './typescript_source.js';

let isHooked = false;

/** Runs a configuration. Rejects with a {@link UserError}, with the line of a mistake or of what it throws. */
export async function readProgramConfig(file: string, path: string, source: string): Promise<ConfigSource> {
  try {
    withoutTypes(source);
  } catch (error) {
    if (!(error instanceof SourceMistake)) throw error;
    throw new UserError(`${file}:${error.line}: ${error.message}`, { cause: error });
  }
  if (!isHooked) {
    isHooked = true;
    register(pathToFileURL(join(__dirname, 'typescript_hooks_thread.js')));
  }
  let value: unknown;
  try {
    const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
    value = defaultOf(module);
    if (typeof value === 'function') value = await (value as () => unknown)();
  } catch (error) {
    throw new UserError(`${file}${placeIn(error, path)}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (value === undefined) {
    throw new UserError(`${file}:1: has no default export; write: export default defineConfig({ … })`);
  }
  return { value, lineOf: (keyPath) => keyLine(source, keyPath) };
}

/** A CommonJS module that was compiled from an ES module holds its default export in `exports.default`. */
function defaultOf(module: { default?: unknown }): unknown {
  const exported = module.default as { __esModule?: unknown; default?: unknown } | undefined;
  return exported?.__esModule === true ? exported.default : exported;
}

/** `:12`, the line of the configuration in which the error arose, where its stack names one. */
function placeIn(error: unknown, path: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const name of [pathToFileURL(path).href, path]) {
    const at = stack.indexOf(`${name}:`);
    const [, line] = at < 0 ? [] : (/^:(\d+)/.exec(stack.slice(at + name.length)) ?? []);
    if (line !== undefined) return `:${line}`;
  }
  return '';
}
