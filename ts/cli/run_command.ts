/** `ai-evals run` with its configuration: read in the order in which mistakes are cheapest to tell. */
import type { LoadedConfig } from './config/config_file.js';
import { type RunCommand, readRunOptions } from './run_options.js';

/** A command that is ready to be run, and the configuration behind it. */
export interface ConfiguredRun {
  command: RunCommand;
  config: LoadedConfig | undefined;
}

/**
 * Reads the arguments after `run` or `compare`, and the configuration: that of `--config`, else that of the working
 * directory, if there is one. Rejects with a `UserError` that names a flag, or file, line and key.
 */
export async function readConfiguredRun(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<ConfiguredRun | 'help' | 'version'> {
  // Without a configuration first: a wrong flag is told before any file is read or run.
  const alone = readRunOptions(args, env, undefined, { isPreview: true });
  if (alone === 'help' || alone === 'version') return alone;
  const config = await configOf(alone);
  const command = readRunOptions(args, env, config) as RunCommand;
  return { command, config };
}

/** `ai-evals run`; resolves to the exit code. */
export async function runCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number | 'help' | 'version'> {
  const read = await readConfiguredRun(args, env);
  if (read === 'help' || read === 'version') return read;
  const { command, config } = read;
  if (command.watch) return (await import('./watch.js')).watch(args, command, config);
  // Only now, so that help and usage errors need no native library.
  if (command.dryRun) return (await import('./dry_run.js')).dryRun(command, env);
  if (command.interactive && !(await (await import('./confirmation.js')).isConfirmed(command, env))) return 0;
  return (await import('./run.js')).run(command, env);
}

async function configOf({ configFile, findsConfig }: RunCommand): Promise<LoadedConfig | undefined> {
  if (configFile === undefined && !findsConfig) return undefined;
  const { findConfig, loadConfig } = await import('./config/config_file.js');
  const file = configFile ?? findConfig(process.cwd());
  return file === undefined ? undefined : loadConfig(file);
}
