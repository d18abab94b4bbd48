/** The results of earlier runs, read from a store. */
import type { SavedResult } from './saved_results.js';
import { openExisting, runNamed, told } from './store_location.js';
import type { CaseScores } from './tally.js';

/**
 * Reads the results of a run by id, or of the newest one (`last`). The second result of an id is named `ID (2)`, as in
 * files. Rejects with a `UserError` when there is no such store or run. Holds verdicts and scores in memory.
 */
export async function readStoredResults(run: string, location: string): Promise<Map<string, SavedResult>> {
  const store = await openExisting(location);
  try {
    const byId = new Map<string, SavedResult>();
    const times = new Map<string, number>();
    const read = async (): Promise<void> => {
      for await (const { testCaseId: id, passed, metadata } of store.results(await runNamed(store, run))) {
        const time = (times.get(id) ?? 0) + 1;
        times.set(id, time);
        byId.set(time === 1 ? id : `${id} (${time})`, { id, passed, error: null, scores: scoresOf(metadata) });
      }
    };
    await told(read());
    return byId;
  } finally {
    await store.close();
  }
}

/** The scores that `ai-evals run` keeps; results of others have none. */
function scoresOf(metadata: unknown): CaseScores {
  const { scores } = (metadata ?? {}) as { scores?: CaseScores };
  const isScores = (value: unknown) => typeof (value as { score?: unknown } | null)?.score === 'number';
  return typeof scores === 'object' && scores !== null && Object.values(scores).every(isScores) ? scores : {};
}
