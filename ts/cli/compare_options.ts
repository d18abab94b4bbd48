/** The command line of `ai-evals compare`. */
import { readFlags, WHOLE_FROM_0, withDefaultFor } from './flags.js';
import { storeLocation } from './store_location.js';
import { UsageError } from './user_error.js';

export interface CompareOptions {
  /** A file that `--json` wrote, or a run of the store. */
  runA: string;
  runB: string;
  /** The URL or path of the store of runs. */
  store: string;
  /** The file that takes the comparison as JSON; `-` for the standard output, in place of the text. */
  jsonFile: string | undefined;
  /** The scorer that is compared alone, or `passed`: the verdicts alone. */
  metric: string | undefined;
  /** The most ids of each kind that are shown. */
  show: number;
}

const FLAGS = {
  metric: { type: 'string' },
  store: { type: 'string' },
  json: { type: 'string' },
  show: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the arguments after `compare`; `'help'` when that is all that was asked for. */
export function readCompareOptions(args: string[], env: NodeJS.ProcessEnv): CompareOptions | 'help' {
  const given = readFlags(withDefaultFor('json', '-', args), FLAGS);
  if (given.on('help')) return 'help';
  const [runA, runB, ...more] = given.positionals;
  if (!runA || !runB) {
    throw new UsageError('compare needs two files of results, or two runs: ai-evals compare A.json B.json');
  }
  if (more.length > 0) throw new UsageError(`compare takes two runs, got also ${JSON.stringify(more[0])}`);
  const jsonFile = given.text('json');
  if (jsonFile === '') throw new UsageError('--json must not be empty');
  if (jsonFile !== undefined && (jsonFile === runA || jsonFile === runB))
    throw new UsageError(`${jsonFile} (--json) is compared: name another file`);
  const metric = given.text('metric');
  return {
    runA,
    runB,
    store: storeLocation(given, env),
    jsonFile,
    metric,
    show: given.number('show', WHOLE_FROM_0) ?? 10,
  };
}
