/** `ai-evals run --interactive`: the plan, and a question before anything is called. */
import { createInterface } from 'node:readline/promises';
import { planOf, planText } from './dry_run.js';
import type { RunCommand } from './run_options.js';
import { styleFor } from './style.js';
import { UsageError } from './user_error.js';

/** Resolves to whether the person says yes. Rejects with a {@link UsageError} where nobody can be asked. */
export async function isConfirmed(command: RunCommand, env: NodeJS.ProcessEnv): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError('--interactive needs a terminal; --dry-run shows the plan anywhere');
  }
  process.stderr.write(planText(await planOf(command, env), styleFor(process.stderr, env).bold));
  const keyboard = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const said = await keyboard.question('Run it? [y/N] ');
    return /^\s*y(es)?\s*$/i.test(said);
  } finally {
    keyboard.close();
  }
}
