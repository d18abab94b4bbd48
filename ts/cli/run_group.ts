/** The runs of one command in the store: opened, found again, and resumed together. */
import { randomUUID } from 'node:crypto';
import type { EvalRun, EvalStore } from '../store/index.js';
import type { Endpoint } from './endpoint.js';
import type { RunCommand, RunOptions } from './run_options.js';
import { datasetIdOf, nameOf, type RunGroup } from './run_record.js';
import { openForRun, runNamed, told } from './store_location.js';
import { UserError } from './user_error.js';

const PAGE = 1000;

/** The runs that a command takes up. */
export interface OpenedGroup extends RunGroup {
  /** Returns the id of the run to go on with; `undefined` where a new one is made. */
  resumes(options: RunOptions, endpoint: Endpoint | undefined): string | undefined;
}

/** Opens the store, and finds the runs to be resumed. Rejects with a {@link UserError}. */
export async function openGroup(location: string, command: RunCommand): Promise<OpenedGroup> {
  const store = await openForRun(location).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${error.message}\nTo run without keeping the run: --no-store`, { cause: error });
  });
  try {
    if (command.resume === undefined) return { store, group: randomUUID(), resumes: () => undefined };
    const id = await runNamed(store, command.resume);
    const run = (await told(store.getRun(id)))!;
    if (command.retriesErrors && run.status === 'running') {
      throw new UserError(`run ${id} has not come to its end; go on with it, errors included: --resume ${id}`);
    }
    const group = groupOf(run);
    // One run is taken up as it is named; what differs is told.
    if (command.runs.length === 1) return { store, group: group ?? randomUUID(), resumes: () => id };
    const siblings = group === undefined ? [run] : await runsOfGroup(store, group);
    const found = (options: RunOptions, endpoint: Endpoint | undefined) =>
      siblings.find(
        (other) => other.datasetId === datasetIdOf(options.dataset) && modelOf(other) === nameOf(options, endpoint),
      )?.id;
    return { store, group: group ?? randomUUID(), resumes: found };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Returns the group of a run; `undefined` where it has none. */
export function groupOf({ metadata }: EvalRun): string | undefined {
  const { group } = (metadata ?? {}) as { group?: unknown };
  return typeof group === 'string' ? group : undefined;
}

/** Returns the name of a run's model within its group. */
export function modelOf({ metadata, modelId }: EvalRun): string {
  const { model } = (metadata ?? {}) as { model?: unknown };
  return typeof model === 'string' ? model : modelId;
}

/** Resolves to the runs of a group, the oldest first. O(runs of the store). */
export async function runsOfGroup(store: EvalStore, group: string): Promise<EvalRun[]> {
  const found: EvalRun[] = [];
  let cursor: string | undefined;
  do {
    const page = await told(store.listRuns({}, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) }));
    found.push(...page.items.filter((run) => groupOf(run) === group));
    cursor = page.next;
  } while (cursor !== undefined);
  return found.reverse();
}
