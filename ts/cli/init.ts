/** `ai-evals init`: a configuration and a first dataset, which run as they are. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findConfig } from './config/config_file.js';
import { readFlags } from './flags.js';
import { CONFIG_FORMATS, type ConfigFormat, FIRST_DATASET, firstDataset, newConfig } from './project_files.js';
import { INIT_FLAGS } from './project_options.js';
import { UsageError, UserError } from './user_error.js';

/** A file to be made. */
export interface NewFile {
  path: string;
  text: string;
}

/** Makes the files and resolves to the exit code. */
export async function init(args: string[]): Promise<number | 'help'> {
  const given = readFlags(args, INIT_FLAGS);
  if (given.on('help')) return 'help';
  const [directory = '.', ...more] = given.positionals;
  if (more.length > 0) throw new UsageError(`init takes one DIRECTORY, got also ${JSON.stringify(more[0])}`);
  const files = [
    configFile(directory, given.text('format'), given.on('force')),
    { path: join(directory, FIRST_DATASET), text: firstDataset() },
  ];
  makeFiles(files, given.on('force'));
  const created = files.map(({ path }) => path);
  if (given.on('json')) process.stdout.write(`${JSON.stringify({ created })}\n`);
  else {
    const there = directory === '.' ? '' : `cd ${directory} && `;
    process.stdout.write(`${created.map((path) => `made ${path}\n`).join('')}Run it: ${there}ai-evals run\n`);
  }
  return 0;
}

/** Returns a new configuration for a directory. Throws a {@link UserError} where there is one of another form. */
export function configFile(directory: string, asked: string | undefined, force: boolean): NewFile {
  const format = asked ?? 'ts';
  if (!(CONFIG_FORMATS as readonly string[]).includes(format)) {
    throw new UsageError(`--format must be one of ${CONFIG_FORMATS.join(', ')}, got ${JSON.stringify(format)}`);
  }
  const path = join(directory, `ai-evals.config.${format}`);
  const other = existsSync(directory) ? findConfig(directory) : undefined;
  if (other !== undefined && !(force && other === path)) {
    throw new UserError(
      `there is a configuration already: ${other}; ${other === path ? 'to write over it: --force' : 'delete it first'}`,
    );
  }
  return { path, text: newConfig(format as ConfigFormat) };
}

/** Writes all files, or none where one of them is there already and `force` is not given. Throws a {@link UserError}. */
export function makeFiles(files: readonly NewFile[], force: boolean): void {
  const there = files.find(({ path }) => existsSync(path));
  if (there && !force) throw new UserError(`${there.path} is there already; to write over it: --force`);
  for (const { path, text } of files) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
    } catch (error) {
      throw new UserError(`${path} cannot be written: ${(error as Error).message}`, { cause: error });
    }
  }
}
