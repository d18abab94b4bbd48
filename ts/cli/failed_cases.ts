/** The cases of an earlier run that were answered and not passed, for `--only-failed`. */
import { existsSync } from 'node:fs';
import type { EvalRun, EvalStore } from '../store/index.js';
import { groupOf, modelOf, runsOfGroup } from './run_group.js';
import type { RunCommand, RunOptions } from './run_options.js';
import { datasetIdOf } from './run_record.js';
import { readResults } from './saved_results.js';
import { openExisting, runNamed, told } from './store_location.js';
import { UserError } from './user_error.js';

/** Returns the ids that a run is to ask. `model`: the name of its model, where it is known. */
export type FailedCases = (options: RunOptions, model: string | undefined) => ReadonlySet<string>;

/**
 * Resolves to the failed cases of a file of `--json`, or of a run of the store and those of its group. A run with the same
 * dataset and model tells what is asked; without one, all of that dataset do. Rejects with a {@link UserError} where there
 * is no such file or run, or where no case failed.
 */
export async function failedCases(name: string, { readStore }: RunCommand): Promise<FailedCases> {
  if (existsSync(name) || /[./\\]/.test(name)) {
    const ids = new Set<string>();
    for (const { id, passed, error } of readResults(name).values()) if (!passed && error === null) ids.add(id);
    if (ids.size === 0) throw new UserError(`no case failed in ${name} (--only-failed)`);
    return () => ids;
  }
  const store = await openExisting(readStore);
  try {
    const id = await runNamed(store, name);
    const run = (await told(store.getRun(id)))!;
    const group = groupOf(run);
    const runs = group === undefined ? [run] : await runsOfGroup(store, group);
    const failed = new Map<EvalRun, Set<string>>();
    for (const each of runs) failed.set(each, await told(failedIds(store, each.id)));
    if (![...failed.values()].some(({ size }) => size > 0)) {
      throw new UserError(`no case failed in run ${id} (--only-failed)`);
    }
    return (options, model) => {
      const ofDataset = runs.filter(({ datasetId }) => datasetId === datasetIdOf(options.dataset));
      const ofModel = ofDataset.filter((each) => modelOf(each) === model);
      const chosen = ofModel.length > 0 ? ofModel : ofDataset;
      return new Set(chosen.flatMap((each) => [...failed.get(each)!]));
    };
  } finally {
    await store.close();
  }
}

async function failedIds(store: EvalStore, runId: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { testCaseId } of store.results(runId, { passed: false })) ids.add(testCaseId);
  return ids;
}
