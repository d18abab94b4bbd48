/** `ai-evals compare`: of two runs that are there, or of models that are run first. */
import { readCompareOptions } from './compare_options.js';
import { readConfiguredRun } from './run_command.js';
import { UsageError } from './user_error.js';

/** Resolves to the exit code. */
export async function compareCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number | 'help' | 'version'> {
  if (!args.some((arg) => /^(--models?(=|$)|-m)/.test(arg))) {
    const options = readCompareOptions(args, env);
    if (options === 'help') return options;
    return (await import('./compare.js')).compare(options, env);
  }
  const asRun = args.map((arg) => arg.replace(/^--models(?==|$)/, '--model'));
  const read = await readConfiguredRun(asRun, env);
  if (read === 'help' || read === 'version') return read;
  const { command } = read;
  const models = new Set(command.runs.map(({ choice }) => choice));
  if (models.size < 2) throw new UsageError('compare needs two models or more: --models a,b');
  if (command.watch || command.dryRun) throw new UsageError('--watch and --dry-run are flags of ai-evals run');
  return (await import('./run.js')).run(command, env, { compares: true });
}
