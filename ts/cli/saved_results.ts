/** The results of earlier runs, read from the files that `--json` writes. */
import { readFileSync } from 'node:fs';
import type { CaseResult } from './tally.js';
import { UserError } from './user_error.js';

/** One result, as far as comparisons need it. */
export type SavedResult = Pick<CaseResult, 'id' | 'passed' | 'error' | 'scores'>;

/**
 * Reads a file of `--json`; resolves to its results by id. The second result of an id is named `ID (2)`. Throws a
 * {@link UserError} with the path for what is no such file. Holds the whole file in memory.
 */
export function readResults(file: string): Map<string, SavedResult> {
  const { results, runs } = (parsed(file) ?? {}) as { results?: unknown; runs?: unknown };
  if (Array.isArray(runs)) {
    throw new UserError(`${file}: holds ${runs.length} runs; name one of them in the store (ai-evals runs lists them)`);
  }
  if (!Array.isArray(results))
    throw new UserError(`${file}: there are no results in it; name a file that --json wrote`);
  return savedResults(results.map((result, i) => checked(result, `${file}: results[${i}]`)));
}

/** Returns results by id, in their order. The second result of an id is named `ID (2)`. */
export function savedResults(results: readonly SavedResult[]): Map<string, SavedResult> {
  const byId = new Map<string, SavedResult>();
  const times = new Map<string, number>();
  for (const { id, passed, error, scores } of results) {
    const time = (times.get(id) ?? 0) + 1;
    times.set(id, time);
    byId.set(time === 1 ? id : `${id} (${time})`, { id, passed, error, scores });
  }
  return byId;
}

function parsed(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UserError(`${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function checked(result: unknown, place: string): SavedResult {
  const { id, passed, error = null, scores = {} } = (result ?? {}) as Partial<Record<keyof CaseResult, unknown>>;
  if (typeof id !== 'string') throw new UserError(`${place}.id is no text`);
  if (typeof passed !== 'boolean') throw new UserError(`${place}.passed is neither true nor false`);
  if (error !== null && typeof error !== 'string') throw new UserError(`${place}.error is neither null nor a text`);
  if (typeof scores !== 'object' || scores === null) throw new UserError(`${place}.scores is not an object`);
  for (const [name, score] of Object.entries(scores as Record<string, Partial<CaseResult['scores'][string]> | null>)) {
    if (!Number.isFinite(score?.score))
      throw new UserError(`${place}.scores[${JSON.stringify(name)}].score is not a number`);
    if (typeof score?.passed !== 'boolean') {
      throw new UserError(`${place}.scores[${JSON.stringify(name)}].passed is neither true nor false`);
    }
  }
  return { id, passed, error, scores: scores as CaseResult['scores'] };
}
