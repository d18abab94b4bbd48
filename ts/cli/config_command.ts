/** `ai-evals config`: configurations made, checked and shown. */
import { findConfig, type LoadedConfig, loadConfig } from './config/config_file.js';
import { configuredScorers } from './config/configured_scorers.js';
import { type Given, readFlags } from './flags.js';
import { configFile, makeFiles } from './init.js';
import { CONFIG_FLAGS } from './project_options.js';
import { readRunOptions } from './run_options.js';
import { UsageError, UserError } from './user_error.js';

/** Runs `config init`, `config validate` or `config show` and resolves to the exit code. */
export async function configCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number | 'help'> {
  const given = readFlags(args, CONFIG_FLAGS);
  if (given.on('help')) return 'help';
  const [verb, named, ...more] = given.positionals;
  if (more.length > 0) throw new UsageError(`config ${verb} takes no ${JSON.stringify(more[0])}`);
  switch (verb) {
    case 'init': {
      const file = configFile(named ?? '.', given.text('format'), given.on('force'));
      makeFiles([file], given.on('force'));
      process.stdout.write(given.on('json') ? `${JSON.stringify({ created: [file.path] })}\n` : `made ${file.path}\n`);
      return 0;
    }
    case 'validate': {
      const loaded = await checked(given, named, env);
      const { file } = loaded;
      process.stdout.write(given.on('json') ? `${JSON.stringify({ file, valid: true })}\n` : `${file} is valid\n`);
      return 0;
    }
    case 'show': {
      const loaded = await checked(given, named, env);
      process.stdout.write(`${JSON.stringify(effective(loaded, env), null, given.on('json') ? 0 : 2)}\n`);
      return 0;
    }
    default:
      throw new UsageError(`config takes init, validate or show, got ${JSON.stringify(verb ?? '')}`);
  }
}

/** The configuration that is meant, checked as `run` would check it, but for the datasets' content. */
async function checked(given: Given, named: string | undefined, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const flag = given.text('config');
  if (flag !== undefined && named !== undefined)
    throw new UsageError('name the configuration once: FILE or --config FILE');
  const file = flag ?? named ?? findConfig(process.cwd());
  if (file === undefined) {
    throw new UserError(
      'there is no configuration in this directory; make one: ai-evals config init, or name it: --config FILE',
    );
  }
  const loaded = await loadConfig(file);
  readRunOptions([], env, loaded);
  return loaded;
}

/** The settings that a run takes, with their defaults. */
function effective(loaded: LoadedConfig, env: NodeJS.ProcessEnv): object {
  const command = readRunOptions([], env, loaded) as Exclude<ReturnType<typeof readRunOptions>, string>;
  const { runs, fields, repeat, tolerance, threshold, minPassRate, store, cacheMode, cacheFile, baseline, report } =
    command;
  const { timeout, retries, concurrency, requestsPerMinute, tokensPerMinute } = command;
  const scorers = configuredScorers(loaded).map(({ label }) => label);
  return {
    file: loaded.file,
    name: command.name,
    datasets: [...new Set(runs.map(({ dataset }) => dataset))],
    models: [...new Set(runs.map(({ choice }) => choice))].filter(({ modelId }) => modelId !== undefined),
    runner: { timeout, retries, concurrency, requestsPerMinute, tokensPerMinute },
    scorers: scorers.length > 0 ? scorers : ['auto'],
    threshold,
    tolerance,
    fields: Object.fromEntries(Object.entries(fields).map(([name, path]) => [name, path?.text])),
    repeat,
    limit: Number.isFinite(command.limit) ? command.limit : undefined,
    minPassRate,
    allowErrors: Number.isFinite(command.allowErrors) ? command.allowErrors : true,
    baseline,
    output: { ...report, json: command.jsonFile, jsonLines: command.linesFile, showFailures: command.showFailures },
    store: store ?? false,
    cache: cacheMode === 'off' ? false : { file: cacheFile, mode: cacheMode },
  };
}
