/** The configuration of a command: found, read and checked. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import type { EvalConfig } from '../../config/index.js';
import { UserError } from '../user_error.js';
import { CONFIG } from './config_shape.js';
import type { ConfigSource } from './config_source.js';
import { readJsonConfig } from './json_config.js';
import { type KeyPath, pathText, problems } from './shape.js';

/** A configuration and the file that holds it. */
export interface LoadedConfig {
  /** The path as it is shown. */
  file: string;
  /** The directory that its paths are relative to. */
  directory: string;
  config: EvalConfig;
  /** Returns the place of a key for a message: `ai-evals.config.ts:12: models[0].name`. */
  place(path: KeyPath): string;
}

const ENDINGS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'yaml', 'yml', 'json'] as const;

/** The most problems that are told at once. */
const MOST_PROBLEMS = 20;

/**
 * Returns the path of the configuration of a directory; `undefined` where there is none. Throws a {@link UserError} where
 * there are several.
 */
export function findConfig(directory: string): string | undefined {
  const found = ENDINGS.map((ending) => `ai-evals.config.${ending}`).filter((name) =>
    existsSync(join(directory, name)),
  );
  if (found.length > 1) {
    throw new UserError(
      `there are several configurations: ${found.join(', ')}; name one with --config, or delete the others`,
    );
  }
  return found[0] === undefined ? undefined : join(directory, found[0]);
}

/** Reads and checks a configuration. Rejects with a {@link UserError} that names file, line and key. */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const full = resolve(path);
  const near = relative(process.cwd(), full);
  const file = near.startsWith('..') ? path : near;
  const { value, lineOf } = await read(file, full);
  const place = (keys: KeyPath): string => {
    const key = keys.length === 0 ? '' : `: ${pathText(keys)}`;
    return `${file}:${lineOf(keys) ?? 1}${key}`;
  };
  const found = problems(CONFIG, value);
  const config = value as EvalConfig;
  if (found.length === 0 && config.scorer !== undefined && config.scorers !== undefined) {
    found.push({ path: ['scorers'], message: 'excludes scorer; keep one of them' });
  }
  if (found.length > 0) {
    const lines = found.slice(0, MOST_PROBLEMS).map(({ path: keys, message }) => `${place(keys)}: ${message}`);
    const more = found.length > MOST_PROBLEMS ? [`… and ${found.length - MOST_PROBLEMS} more`] : [];
    throw new UserError([...lines, ...more].join('\n'));
  }
  return { file, directory: dirname(full), config, place };
}

async function read(file: string, path: string): Promise<ConfigSource> {
  const source = textOf(file, path);
  switch (extname(path).slice(1).toLowerCase()) {
    case 'json':
      return readJsonConfig(file, source);
    case 'yaml':
    case 'yml':
      return (await import('./yaml_config.js')).readYamlConfig(file, source);
    case 'ts':
    case 'mts':
    case 'cts':
    case 'js':
    case 'mjs':
    case 'cjs':
      return (await import('./program_config.js')).readProgramConfig(file, path, source);
    default:
      throw new UserError(`${file} is no configuration; its name must end with one of .${ENDINGS.join(', .')}`);
  }
}

function textOf(file: string, path: string): string {
  try {
    if (statSync(path).isDirectory()) throw new Error('it is a directory');
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
          ? 'it is not UTF-8'
          : message;
    throw new UserError(`${file} (--config) cannot be read: ${reason}`, { cause: error });
  }
}
