/** The command lines of the commands that read a store of runs. */
import { type Given, readFlags, WHOLE_FROM_0, WHOLE_FROM_1 } from './flags.js';
import { storeLocation } from './store_location.js';
import { UsageError } from './user_error.js';

/** A command on a store, checked. */
export type StoreCommand =
  | { name: 'runs'; store: string; filter: RunsFilter; limit: number; json: boolean }
  | { name: 'show'; store: string; run: string; failures: number; json: boolean }
  | { name: 'export'; store: string; run: string; file: string; format: 'jsonl' | 'csv' | undefined; json: boolean }
  | { name: 'delete'; store: string; runs: string[]; json: boolean }
  | { name: 'baseline list'; store: string; json: boolean }
  | {
      name: 'baseline set';
      store: string;
      baseline: string;
      run: string;
      description: string;
      tags: string[];
      json: boolean;
    }
  | { name: 'store check'; store: string; json: boolean };

/** Runs that `ai-evals runs` lists. */
export interface RunsFilter {
  datasetId?: string;
  modelId?: string;
  status?: string;
}

/** Names of the commands, as the command line begins. */
export const STORE_COMMANDS = ['runs', 'show', 'export', 'delete', 'baseline', 'store'] as const;
export type StoreCommandName = (typeof STORE_COMMANDS)[number];

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const SHARED = { store: text, help: { type: 'boolean', short: 'h' } } as const;
export const STORE_FLAGS = {
  runs: { ...SHARED, dataset: text, model: text, status: text, limit: text, json: flag },
  show: { ...SHARED, failures: text, json: flag },
  export: { ...SHARED, format: text, json: flag },
  delete: { ...SHARED, json: flag },
  baseline: { ...SHARED, description: text, tag: { type: 'string', multiple: true }, json: flag },
  store: { ...SHARED, json: flag },
} as const;

/** Reads the arguments after the name of a command; `'help'` when that is all that was asked for. */
export function readStoreCommand(
  name: StoreCommandName,
  args: string[],
  env: NodeJS.ProcessEnv,
): StoreCommand | 'help' {
  const given = readFlags(args, STORE_FLAGS[name]);
  if (given.on('help')) return 'help';
  const store = storeLocation(given, env);
  const json = given.on('json');
  switch (name) {
    case 'runs': {
      expect(given, name, []);
      return { name, store, filter: runsFilter(given), limit: given.number('limit', WHOLE_FROM_1) ?? 20, json };
    }
    case 'show': {
      const [run = ''] = expect(given, name, ['RUN']);
      return { name, store, run, failures: given.number('failures', WHOLE_FROM_0) ?? 5, json };
    }
    case 'export': {
      const [run = '', file = ''] = expect(given, name, ['RUN', 'FILE']);
      return { name, store, run, file, format: formatOf(given.text('format')), json };
    }
    case 'delete': {
      if (given.positionals.length === 0) throw new UsageError('delete needs a RUN: ai-evals delete RUN…');
      return { name, store, runs: given.positionals, json };
    }
    case 'baseline':
      return baselineCommand(given, store, json);
    case 'store': {
      if (given.positionals[0] !== 'check') throw new UsageError('store needs what to do: ai-evals store check');
      expect(given, 'store check', ['check']);
      return { name: 'store check', store, json };
    }
  }
}

function baselineCommand(given: Given, store: string, json: boolean): StoreCommand {
  const [verb = 'list'] = given.positionals;
  if (verb === 'list') {
    expect(given, 'baseline list', given.positionals.length === 0 ? [] : ['list']);
    return { name: 'baseline list', store, json };
  }
  if (verb !== 'set') throw new UsageError(`baseline takes list or set, got ${JSON.stringify(verb)}`);
  const [, baseline = '', run = ''] = expect(given, 'baseline set', ['set', 'NAME', 'RUN']);
  return {
    name: 'baseline set',
    store,
    baseline,
    run,
    description: given.text('description') ?? '',
    tags: given.texts('tag'),
    json,
  };
}

function expect({ positionals }: Given, command: string, names: string[]): string[] {
  const missing = names[positionals.length];
  if (missing !== undefined) throw new UsageError(`${command} needs a ${missing}`);
  const extra = positionals[names.length];
  if (extra !== undefined) throw new UsageError(`${command} takes no ${JSON.stringify(extra)}`);
  const empty = positionals.indexOf('');
  if (empty >= 0) throw new UsageError(`${names[empty]} must not be empty`);
  return positionals;
}

function runsFilter(given: Given): RunsFilter {
  const [datasetId, modelId, status] = [given.text('dataset'), given.text('model'), given.text('status')];
  return {
    ...(datasetId === undefined ? {} : { datasetId }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(status === undefined ? {} : { status }),
  };
}

function formatOf(format: string | undefined): 'jsonl' | 'csv' | undefined {
  if (format === undefined || format === 'jsonl' || format === 'csv') return format;
  throw new UsageError(`--format must be jsonl or csv, got ${JSON.stringify(format)}`);
}
