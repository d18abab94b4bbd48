/** The command line of `ai-evals compare`. */
import { readFlags, WHOLE_FROM_0 } from './flags.js';
import { UsageError } from './user_error.js';

export interface CompareOptions {
  fileA: string;
  fileB: string;
  /** The file that takes the comparison as JSON. */
  jsonFile: string | undefined;
  /** The most ids of each kind that are shown. */
  show: number;
}

const FLAGS = {
  json: { type: 'string' },
  show: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the arguments after `compare`; `'help'` when that is all that was asked for. */
export function readCompareOptions(args: string[]): CompareOptions | 'help' {
  const given = readFlags(args, FLAGS);
  if (given.on('help')) return 'help';
  const [fileA, fileB, ...more] = given.positionals;
  if (!fileA || !fileB) throw new UsageError('compare needs two files of results: ai-evals compare A.json B.json');
  if (more.length > 0) throw new UsageError(`compare takes two files, got also ${JSON.stringify(more[0])}`);
  const jsonFile = given.text('json');
  if (jsonFile === '') throw new UsageError('--json must not be empty');
  if (jsonFile === fileA || jsonFile === fileB)
    throw new UsageError(`${jsonFile} (--json) is compared: name another file`);
  return { fileA, fileB, jsonFile, show: given.number('show', WHOLE_FROM_0) ?? 10 };
}
