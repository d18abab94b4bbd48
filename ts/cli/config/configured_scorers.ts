/** The scorers of a configuration, as `--scorer` would give them. */
import type { ScorerEntry } from '../../config/index.js';
import type { Scorer } from '../../scorers/scorer.js';
import { readScorerArgument, type ScorerArgument } from '../scorer_argument.js';
import { UsageError, UserError } from '../user_error.js';
import type { LoadedConfig } from './config_file.js';
import type { KeyPath } from './shape.js';

/** Returns the scorers; none where the configuration names none. Throws a {@link UserError} with the line of the key. */
export function configuredScorers(loaded: LoadedConfig): ScorerArgument[] {
  const { scorer, scorers } = loaded.config;
  const entries: [entry: ScorerEntry, path: KeyPath][] =
    scorer === undefined ? (scorers ?? []).map((entry, i) => [entry, ['scorers', i]]) : [[scorer, ['scorer']]];
  const labels = new Set<string>();
  return entries.map(([entry, path]) => {
    const argument = argumentOf(entry, path, loaded);
    if (labels.has(argument.label)) {
      throw new UserError(`${loaded.place(path)}: the scorer ${argument.label} is given twice; delete one of them`);
    }
    labels.add(argument.label);
    return { ...argument, directory: loaded.directory };
  });
}

function argumentOf(entry: ScorerEntry, path: KeyPath, loaded: LoadedConfig): ScorerArgument {
  if (typeof entry !== 'string' && 'scoreAll' in entry) {
    const made = entry as Scorer<unknown, unknown>;
    return { label: made.name, name: 'exact', options: {}, made };
  }
  try {
    return readScorerArgument(textOf(entry));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UserError(`${loaded.place(path)}: ${error.message.replaceAll(/ \(--scorer\)|--scorer /g, '')}`, {
      cause: error,
    });
  }
}

/** Returns the text of the `--scorer` that means the same. */
function textOf(entry: Exclude<ScorerEntry, Scorer<unknown, unknown>>): string {
  if (typeof entry === 'string') return entry;
  if ('strategy' in entry) {
    const { strategy, threshold, judgePrompt } = entry;
    const name = { exact: 'exactMatch', semantic: 'semanticSimilarity', 'llm-judge': 'llmJudge' }[strategy];
    if (strategy === 'exact' && threshold === undefined) return 'exact';
    return withOptions(name, { threshold, rubric: strategy === 'llm-judge' ? judgePrompt : undefined });
  }
  return withOptions((entry as { name: string }).name, (entry as { options?: object }).options ?? {});
}

function withOptions(name: string, options: object): string {
  const text = JSON.stringify(options);
  return text === '{}' ? name : `${name}:${text}`;
}
