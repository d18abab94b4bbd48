/**
 * The runs of a job in a store. What always holds: an answer with a verdict is stored at most a moment after it came, once
 * for each call; a job that did not come to its end can be resumed, and pays for no stored answer again.
 */
import type { EvalStore } from '../store/eval_store.js';
import type { RunWriter } from '../store/run_writer.js';
import type { EvalResult, NewRun } from '../store/types.js';
import type { CallOutcome } from './job_execution.js';
import { type JobPlan, type PlannedCall, type PlannedRun, runIdOf, versionOf } from './job_plan.js';
import { plainValue } from './report/plain_report.js';
import { outcomeOf, rowOf } from './result_row.js';
import type { EvalJob, JobConfig } from './types.js';

/** The runs of one job. */
export class StoredRuns {
  readonly #store: EvalStore;
  readonly #job: EvalJob;
  readonly #writers = new Map<PlannedRun, RunWriter>();
  readonly #rows = new Map<string, EvalResult>();
  #pending: Promise<unknown>[] = [];
  #lost: unknown;

  private constructor(store: EvalStore, job: EvalJob) {
    this.#store = store;
    this.#job = job;
  }

  /**
   * Creates the runs of a job, or takes them up. Rejects with `ERR_STORE_RUN_MISMATCH` when dataset, model or scorer are not
   * those of the stored runs, and with `ERR_STORE_RUN_BUSY` while another process has them.
   */
  static async open(store: EvalStore, job: EvalJob, plan: JobPlan): Promise<StoredRuns> {
    const stored = new StoredRuns(store, job);
    for (const run of plan.runs) await stored.#open(run);
    return stored;
  }

  async #open(run: PlannedRun): Promise<void> {
    const created = newRun(this.#job, run);
    if ((await this.#store.getRun(run.id)) === undefined) await this.#store.createRun(created);
    else {
      await this.#store.resumeRun(run.id, created);
      for await (const row of this.#store.results(run.id))
        this.#rows.set(rowKey(run.id, row.testCaseId, row.repeat), row);
    }
    this.#writers.set(run, this.#store.writer(run.id));
  }

  /** Returns the stored outcome of a call; `undefined` when there is none. */
  find({ run, task, key }: PlannedCall): CallOutcome | undefined {
    const row = this.#rows.get(rowKey(run.id, task.testCase.id, key));
    if (row === undefined) return undefined;
    const { input, expected } = task.testCase;
    const place = { datasetId: run.dataset.id, modelId: run.config.modelId, runId: run.id };
    const repeat = task.repeat === 0 ? {} : { repeat: task.repeat };
    return outcomeOf(row, { input, expected, ...place, ...repeat, scorerConfig: this.#job.scorerConfig });
  }

  /** Stores an outcome. One without a verdict is for {@link finish}: until then a resumed job tries it again. */
  add({ run, key, place }: PlannedCall, outcome: CallOutcome): void {
    const stored = new Promise((resolve) => resolve(this.#writers.get(run)!.write(rowOf(outcome, key, place))));
    this.#pending.push(
      stored.catch((error: unknown) => {
        this.#lost ??= error;
      }),
    );
  }

  /**
   * Stores what waits, with the calls that came to no verdict, and ends the runs. Rejects when a result could not be stored;
   * its runs then stay unfinished, to be resumed.
   */
  async finish(
    status: 'completed' | 'cancelled',
    outcomes: Iterable<readonly [PlannedCall, CallOutcome]>,
  ): Promise<void> {
    for (const [call, outcome] of outcomes) this.add(call, outcome);
    await this.leave();
    if (this.#lost !== undefined) throw this.#lost;
    for (const run of this.#writers.keys()) await this.#store.finishRun(run.id, { status });
  }

  /** Stores what waits, and leaves the runs to be resumed. */
  async leave(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    await Promise.all(this.#pending);
    this.#pending = [];
  }
}

/** Resolves to the configuration of a job that the store has; `undefined` when it has none of this id. */
export async function storedJob(
  store: EvalStore,
  jobId: string,
): Promise<{ config: JobConfig; isCancelled: boolean } | undefined> {
  const run = await store.getRun(runIdOf(jobId, 0, 0));
  const kept = (run?.metadata as { orchestrator?: { config: JobConfig } } | undefined)?.orchestrator;
  return kept && { config: kept.config, isCancelled: run?.status === 'cancelled' };
}

function newRun(job: EvalJob, { id, dataset, config }: PlannedRun): NewRun {
  const { id: jobId, createdAt: _, updatedAt: __, status: ___, error: ____, ...jobConfig } = job;
  return {
    id,
    datasetId: dataset.id,
    datasetVersion: versionOf(dataset),
    datasetName: dataset.name ?? dataset.id,
    modelId: config.modelId,
    modelConfig: plainValue(config),
    runnerType: 'orchestrator',
    scorerConfig: plainValue(job.scorerConfig),
    metadata: { orchestrator: { jobId, config: plainValue(jobConfig) } },
  };
}

function rowKey(runId: string, testCaseId: string, repeat: number): string {
  return `${runId} ${repeat} ${testCaseId}`;
}
