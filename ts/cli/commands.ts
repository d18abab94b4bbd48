/** The commands: their flags, what stands behind them, and how each is run. One table for parsing, help and completion. */
import type { ParseArgsConfig } from 'node:util';
import * as help from './help.js';
import { CONFIG_FLAGS, DATASET_FLAGS, INIT_FLAGS, REPORT_FLAGS } from './project_options.js';
import { RUN_FLAGS } from './run_options.js';
import { STORE_FLAGS } from './store_options.js';

/** A command of the command line. */
export interface Command {
  summary: string;
  flags: NonNullable<ParseArgsConfig['options']>;
  /** The words that may stand behind it. */
  verbs?: readonly string[];
  help: string;
  /** Resolves to the exit code. */
  run(args: string[], env: NodeJS.ProcessEnv): Promise<number | 'help' | 'version'>;
}

const HELP_FLAG = { help: { type: 'boolean', short: 'h' } } as const;

function ofStore(name: keyof typeof STORE_FLAGS, summary: string, verbs?: readonly string[]): Command {
  return {
    summary,
    flags: STORE_FLAGS[name],
    ...(verbs === undefined ? {} : { verbs }),
    help: help.STORE_HELP,
    run: async (args, env) => {
      const { readStoreCommand } = await import('./store_options.js');
      const command = readStoreCommand(name, args, env);
      return command === 'help' ? command : (await import('./store_commands.js')).storeCommand(command, env);
    },
  };
}

/** Every command, by its name. Modules of the engine are loaded by `run` alone: help and usage errors need none. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  init: {
    summary: 'make a configuration and a first dataset',
    flags: INIT_FLAGS,
    help: help.INIT_HELP,
    run: async (args) => (await import('./init.js')).init(args),
  },
  run: {
    summary: 'run an evaluation',
    flags: RUN_FLAGS,
    help: help.RUN_HELP,
    run: async (args, env) => (await import('./run_command.js')).runCommand(args, env),
  },
  compare: {
    summary: 'say what changed between two runs, or compare models',
    flags: {
      ...RUN_FLAGS,
      models: { type: 'string', multiple: true },
      metric: { type: 'string' },
      show: { type: 'string' },
    },
    help: help.COMPARE_HELP,
    run: async (args, env) => (await import('./compare_command.js')).compareCommand(args, env),
  },
  report: {
    summary: 'write a report of a run',
    flags: REPORT_FLAGS,
    help: help.REPORT_HELP,
    run: async (args, env) => {
      const command = (await import('./report_options.js')).readReportOptions(args, env);
      return command === 'help' ? command : (await import('./report_command.js')).reportCommand(command, env);
    },
  },
  runs: ofStore('runs', 'list the runs that are kept'),
  show: ofStore('show', 'show a run and its failed cases'),
  export: ofStore('export', 'write the results of a run to a file'),
  delete: ofStore('delete', 'delete runs'),
  baseline: ofStore('baseline', 'list baselines, or set one', ['list', 'set']),
  store: ofStore('store', 'check the store of runs', ['check']),
  dataset: {
    summary: 'list, show, validate or create datasets',
    flags: DATASET_FLAGS,
    verbs: ['list', 'show', 'validate', 'create'],
    help: help.DATASET_HELP,
    run: async (args) => (await import('./dataset_command.js')).datasetCommand(args),
  },
  config: {
    summary: 'make, check or show a configuration',
    flags: CONFIG_FLAGS,
    verbs: ['init', 'validate', 'show'],
    help: help.CONFIG_HELP,
    run: async (args, env) => (await import('./config_command.js')).configCommand(args, env),
  },
  serve: {
    summary: 'run the local model server alone',
    flags: { port: { type: 'string' }, latency: { type: 'string' }, json: { type: 'boolean' }, ...HELP_FLAG },
    help: help.SERVE_HELP,
    run: async (args) => (await import('./serve.js')).serve(args),
  },
  completion: {
    summary: 'print the completion script of a shell',
    flags: { json: { type: 'boolean' }, ...HELP_FLAG },
    verbs: ['bash', 'zsh', 'fish'],
    help: help.COMPLETION_HELP,
    run: async (args) => (await import('./completion.js')).completion(args),
  },
};
