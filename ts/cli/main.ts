#!/usr/bin/env node
/** The command `ai-evals`. */
import { AiEvalsError } from '../errors.js';
import { packageVersion } from '../package_root.js';
import { COMMANDS, type Command } from './commands.js';
import { nearest } from './flags.js';
import { HELP } from './help.js';
import { UsageError, UserError } from './user_error.js';

const BAD_USAGE = 2;
/** A failure of the command itself: the native library does not load, or a bug (EX_SOFTWARE of sysexits.h). */
const FAILURE = 70;

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function main([name, ...args]: string[]): Promise<number> {
  switch (name) {
    case '--version':
    case '-v':
      return print(`${packageVersion()}\n`);
    case '--help':
    case '-h':
    case 'help':
      return print(HELP);
    case undefined:
      throw new UsageError('a command is missing: run, compare or serve');
  }
  const command = commandNamed(name);
  if (command === undefined) {
    const near = nearest(name, [...Object.keys(COMMANDS), 'help']);
    throw new UsageError(`there is no command ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  const outcome = await command.run(args, process.env);
  if (outcome === 'help') return print(command.help);
  return outcome === 'version' ? print(`${packageVersion()}\n`) : outcome;
}

function commandNamed(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
}

// A reader that goes away (`ai-evals run | head`) ends the printing, not the run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

main(process.argv.slice(2)).then(exit, (error: unknown) => {
  const usage = error instanceof UsageError;
  if (error instanceof UserError || error instanceof AiEvalsError) {
    process.stderr.write(`ai-evals: ${error.message}\n`);
  } else {
    process.stderr.write(`ai-evals failed unexpectedly. ${error instanceof Error ? error.stack : String(error)}\n`);
  }
  const [, , given = ''] = process.argv;
  const command = commandNamed(given) === undefined ? '' : ` ${given}`;
  if (usage) process.stderr.write(`Try: ai-evals${command} --help\n`);
  exit(error instanceof UserError ? BAD_USAGE : FAILURE);
});

/** Ends the process when what was printed is out. Nothing a run leaves behind (a timer, a kept connection) holds it up. */
function exit(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}
