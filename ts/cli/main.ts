#!/usr/bin/env node
/** The command `ai-evals`. */
import { AiEvalsError } from '../errors.js';
import { packageVersion } from '../package_root.js';
import { readCompareOptions } from './compare_options.js';
import { nearest } from './flags.js';
import { COMPARE_HELP, HELP, RUN_HELP, STORE_HELP } from './help.js';
import { readRunOptions } from './run_options.js';
import { serve } from './serve.js';
import { readStoreCommand, STORE_COMMANDS } from './store_options.js';
import { UsageError, UserError } from './user_error.js';

const COMMANDS: readonly string[] = ['run', 'compare', 'serve', ...STORE_COMMANDS];
const BAD_USAGE = 2;
/** A failure of the command itself: the native library does not load, or a bug (EX_SOFTWARE of sysexits.h). */
const FAILURE = 70;

function printVersion(): number {
  process.stdout.write(`${packageVersion()}\n`);
  return 0;
}

async function main([command, ...args]: string[]): Promise<number> {
  switch (command) {
    case 'run': {
      const options = readRunOptions(args, process.env);
      if (options === 'version') return printVersion();
      // Only now, so that help and usage errors need no native library.
      if (options !== 'help') return (await import('./run.js')).run(options, process.env);
      process.stdout.write(RUN_HELP);
      return 0;
    }
    case 'compare': {
      const options = readCompareOptions(args, process.env);
      if (options !== 'help') return (await import('./compare.js')).compare(options, process.env);
      process.stdout.write(COMPARE_HELP);
      return 0;
    }
    case 'serve':
      return serve(args);
    case 'runs':
    case 'show':
    case 'export':
    case 'delete':
    case 'baseline':
    case 'store': {
      const options = readStoreCommand(command, args, process.env);
      if (options !== 'help') return (await import('./store_commands.js')).storeCommand(options, process.env);
      process.stdout.write(STORE_HELP);
      return 0;
    }
    case '--version':
    case '-v':
      return printVersion();
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(HELP);
      return 0;
    case undefined:
      throw new UsageError('a command is missing: run, compare or serve');
    default: {
      const near = nearest(command, [...COMMANDS, 'help']);
      throw new UsageError(`there is no command ${command}${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
  }
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
  const command = COMMANDS.includes(given) ? ` ${given}` : '';
  if (usage) process.stderr.write(`Try: ai-evals${command} --help\n`);
  exit(error instanceof UserError ? BAD_USAGE : FAILURE);
});

/** Ends the process when what was printed is out. Nothing a run leaves behind (a timer, a kept connection) holds it up. */
function exit(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}
