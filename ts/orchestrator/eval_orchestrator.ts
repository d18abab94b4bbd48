/** Jobs: datasets × models, executed, scored, compared with a baseline and reported. */
import { callable, signal as checkedSignal, options as checkOptions, positiveInteger } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { ParallelExecutor } from '../executor/index.js';
import type { EvalStore } from '../store/eval_store.js';
import { BaselineComparator } from './baseline_comparator.js';
import { JobExecution } from './job_execution.js';
import { JobManager } from './job_manager.js';
import { jobPlan } from './job_plan.js';
import type { ReportOptions } from './report/report_parts.js';
import { ReportGenerator } from './report_generator.js';
import { RunningJobs } from './running_jobs.js';
import { StoredBaselines } from './stored_baselines.js';
import { StoredRuns, storedJob } from './stored_runs.js';
import type {
  Baseline,
  BaselineComparison,
  EvalJob,
  EvalReport,
  GivenMetrics,
  JobConfig,
  JobDataset,
  JobProgress,
  JobScorer,
  OrchestratorOptions,
  QueueStats,
  RunFunction,
} from './types.js';

/** Options of one `executeJob`. */
export interface ExecuteOptions {
  /** Cancels the job, as `cancelJob` does. */
  signal?: AbortSignal | undefined;
  /** Called before the first call and after every one. One that throws is reported as a process warning, once. */
  onProgress?: ((progress: JobProgress) => void) | undefined;
}

/** A job under way. */
interface UnderWay {
  controller: AbortController;
  /** Settles when the execution is over. */
  ended: Promise<unknown>;
}

/**
 * Runs jobs: every case of every dataset by every configuration, scored, compared with a baseline, and reported.
 *
 * ```ts
 * const orchestrator = new EvalOrchestrator({ workerConfig: { rateLimit: { requestsPerMinute: 500 } } });
 * const id = orchestrator.createJob({
 *   datasetIds: ['triage'],
 *   runnerConfigs: [{ modelId: 'openai/gpt-4o' }, { modelId: 'openai/gpt-4o-mini' }],
 *   scorerConfig: { strategy: 'exact' },
 * });
 * const report = await orchestrator.executeJob(id, [dataset], run, exactMatch());
 * console.log(orchestrator.exportReport(report, { format: 'markdown' }));
 * ```
 *
 * Jobs know nothing of each other, but share the limits of `workerConfig`. With a `store`, answers are kept as they come:
 * {@link resumeJob} takes up a job of a process that died.
 */
export class EvalOrchestrator {
  readonly #jobs: JobManager;
  readonly #running: RunningJobs;
  readonly #executor: ParallelExecutor;
  readonly #grace: number;
  readonly #store: EvalStore | undefined;
  readonly #comparator: BaselineComparator;
  readonly #baselines: StoredBaselines | undefined;
  readonly #reports = new ReportGenerator();
  readonly #finished = new Map<string, EvalReport>();
  readonly #underWay = new Map<string, UnderWay>();

  /** Throws a `RangeError` or `TypeError` for options that cannot be used. */
  constructor(options?: OrchestratorOptions) {
    const { maxConcurrentJobs = 5, workerConfig, store, thresholds } = checkOptions('options', options);
    this.#jobs = new JobManager(positiveInteger('options.maxConcurrentJobs', maxConcurrentJobs));
    this.#running = new RunningJobs(maxConcurrentJobs);
    const concurrency = workerConfig?.concurrency ?? Number.POSITIVE_INFINITY;
    this.#executor = new ParallelExecutor({ ...checkOptions('options.workerConfig', workerConfig), concurrency });
    // A timer takes no more than 2^31 − 1 milliseconds.
    this.#grace = Math.min(workerConfig?.grace ?? 1000, 2 ** 31 - 1);
    this.#comparator = new BaselineComparator(thresholds);
    this.#store = store ?? undefined;
    if (store) {
      const storedRunOf = (id: string) => this.#finished.get(id)?.runSummaries[0]?.runId ?? id;
      this.#baselines = new StoredBaselines(store, this.#comparator, storedRunOf);
    }
  }

  /** Creates a job, `pending`; returns its id, a UUID. Throws for a configuration that cannot be used. */
  createJob(config: JobConfig): string {
    return this.#jobs.createJob(config);
  }

  /** Returns a job; `undefined` when there is none of this id. */
  getJob(id: string): EvalJob | undefined {
    return this.#jobs.getJob(id);
  }

  /** Returns the progress of a job; `undefined` when there is none of this id. */
  getProgress(id: string): JobProgress | undefined {
    return this.#jobs.getProgress(id);
  }

  /** Returns numbers of jobs by state. */
  getQueueStats(): QueueStats {
    return this.#jobs.getQueueStats();
  }

  /**
   * Cancels a job that is pending or running: from now on none of its calls starts, and those that run have their `signal`
   * aborted. Its `executeJob` resolves to a report of what was answered. Rejects with `Job ID not found` or
   * `Cannot cancel job with status S`.
   */
  async cancelJob(id: string): Promise<void> {
    await this.#jobs.cancelJob(id);
    this.#underWay.get(id)?.controller.abort(new DOMException('The job was cancelled.', 'AbortError'));
  }

  /**
   * Takes up a job of the store under its id, after the process that ran it died or its execution failed. `executeJob` then
   * makes the calls that have no stored answer. Resolves to the id.
   *
   * Rejects with `Job not found: ID`; with `ERR_JOB_STATE` when it was cancelled; with `ERR_UNSUPPORTED` without a store.
   */
  async resumeJob(id: string): Promise<string> {
    if (this.#store === undefined) {
      throw new AiEvalsError('ERR_UNSUPPORTED', 'resumeJob needs a store; pass one as new EvalOrchestrator({ store })');
    }
    if (this.#jobs.getJob(id) !== undefined) return id;
    const stored = await storedJob(this.#store, id);
    if (stored === undefined) throw notFound(id);
    if (stored.isCancelled) throw new AiEvalsError('ERR_JOB_STATE', `Job ${id} was cancelled; create a new job`);
    this.#jobs.restore(id, stored.config);
    return id;
  }

  /**
   * Executes a job. Calls are made for each dataset × case × runnerConfig × repeat, at most `concurrency` of the job at once;
   * answers are scored as they come. While `maxConcurrentJobs` others run, the job waits as `pending`.
   *
   * - `run(task, { signal })` makes a call. What it throws, and a result with `metadata.error`, is an error of that case.
   * - `scorer(result, scorerConfig, { signal })`, or a scorer of `@aah/ai-evals/scorers`. What it throws is an error of that
   *   case. Default: `createScorer(scorerConfig)`.
   *
   * Resolves to the report, of status `completed` or `cancelled`. Rejects with `Job not found: ID`; for a job that is final or
   * under way; for a baseline that there is not, before any call; and where the store fails. The job is then `failed`, and may
   * be executed again.
   */
  // biome-ignore lint/suspicious/noExplicitAny: code written against the original reads fields of any case
  async executeJob<TInput = any, TOutput = any>(
    jobId: string,
    datasets: readonly JobDataset<TInput, TOutput>[],
    run: RunFunction<TInput, TOutput>,
    scorer?: JobScorer<TOutput>,
    options?: ExecuteOptions,
  ): Promise<EvalReport<TOutput>> {
    const job = this.#executable(jobId);
    callable('run', run);
    const { signal, onProgress } = checkOptions('options', options);
    checkedSignal('options.signal', signal);
    if (onProgress !== undefined) callable('options.onProgress', onProgress);
    const controller = new AbortController();
    const execution = this.#execute(job, datasets, run as RunFunction, scorer as JobScorer, controller, onProgress);
    this.#underWay.set(jobId, { controller, ended: execution });
    const cancel = () => void this.cancelJob(jobId).catch(() => {});
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
    try {
      return await execution;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#underWay.delete(jobId);
    }
  }

  /** Compares metrics with a baseline, the active one by default; see `BaselineComparator.compareToBaseline`. */
  compareToBaseline(metrics: GivenMetrics, runId: string, baselineId?: string): BaselineComparison {
    return this.#comparator.compareToBaseline(metrics, runId, baselineId);
  }

  /**
   * Stores metrics as a baseline; returns its id. With a store it is kept there too, in place of one of the same name; `runId`
   * then has to be that of a stored run, or of a job. {@link flush} says when, and whether, it is stored.
   */
  storeBaseline(name: string, description: string, runId: string, metrics: GivenMetrics): string {
    const id = this.#comparator.storeBaseline({ name, description, runId, metrics });
    if (this.#baselines !== undefined) {
      for (const other of this.#comparator.getAllBaselines()) {
        if (other.name === name && other.id !== id) this.#comparator.deleteBaseline(other.id);
      }
      this.#baselines.save(this.#comparator.getBaseline(id)!);
    }
    return id;
  }

  /** Makes a baseline the active one, which jobs without one of their own are compared with. */
  setActiveBaseline(id: string): void {
    const before = this.#comparator.getActiveBaseline();
    this.#comparator.setActiveBaseline(id);
    if (before !== undefined && before.id !== id) this.#baselines?.save({ ...before, isActive: false });
    this.#baselines?.save(this.#comparator.getBaseline(id)!);
  }

  /** Returns the active baseline; `undefined` when there is none. */
  getActiveBaseline(): Baseline | undefined {
    return this.#comparator.getActiveBaseline();
  }

  /** Returns all baselines. With a store, those of earlier processes are there after {@link loadBaselines}. */
  getAllBaselines(): Baseline[] {
    return this.#comparator.getAllBaselines();
  }

  /** Reads the baselines of the store. `executeJob` does so by itself. */
  async loadBaselines(): Promise<void> {
    await this.#baselines?.load();
  }

  /** Resolves when all baselines are in the store. Rejects when one could not be stored. */
  async flush(): Promise<void> {
    await this.#baselines?.flush();
  }

  /** Returns the report of a job that is completed or cancelled. Throws for any other. */
  generateReport(jobId: string): EvalReport {
    const report = this.#finished.get(jobId);
    if (report !== undefined) return report;
    const job = this.#jobs.getJob(jobId);
    if (job === undefined) throw notFound(jobId);
    const reason = job.error === undefined ? '' : ` (${job.error})`;
    throw new AiEvalsError(
      'ERR_JOB_STATE',
      `Job ${jobId} is ${job.status}${reason} and has no report; execute it first`,
    );
  }

  /** Writes a report, or its parsed JSON, as text. */
  exportReport(report: EvalReport, options: ReportOptions): string {
    return this.#reports.exportReport(report, options);
  }

  /** Forgets jobs that ended more than so many days ago, with their reports; returns their number. */
  cleanupOldJobs(days = 30): number {
    const removed = this.#jobs.cleanupOldJobs(days);
    for (const id of this.#finished.keys()) if (this.#jobs.getJob(id) === undefined) this.#finished.delete(id);
    return removed;
  }

  /** Cancels all jobs, waits for their ends, and stores baselines that are not yet stored. */
  async close(): Promise<void> {
    const ends = [...this.#underWay.values()].map(({ ended }) => ended.catch(() => {}));
    for (const id of this.#underWay.keys()) await this.cancelJob(id).catch(() => {});
    await Promise.all(ends);
    await this.flush();
  }

  /** Calls {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #executable(id: string): EvalJob {
    const job = this.#jobs.getJob(id);
    if (job === undefined) throw notFound(id);
    if (this.#underWay.has(id)) throw new AiEvalsError('ERR_JOB_STATE', `Job ${id} is being executed already`);
    if (job.status !== 'pending' && job.status !== 'failed') {
      throw new AiEvalsError('ERR_JOB_STATE', `Job ${id} is ${job.status} and cannot be executed; create a new job`);
    }
    return job;
  }

  async #execute(
    job: EvalJob,
    datasets: readonly JobDataset[],
    run: RunFunction,
    scorer: JobScorer | undefined,
    controller: AbortController,
    onProgress: ExecuteOptions['onProgress'],
  ): Promise<EvalReport> {
    const { id } = job;
    let hasTurn = false;
    let stored: StoredRuns | undefined;
    try {
      if (job.status === 'failed') this.#jobs.updateJobStatus(id, 'pending');
      const plan = jobPlan(job, datasets);
      warnOfMissing(job, datasets);
      await this.#baselines?.load();
      const baselineId = this.#baselineOf(job);
      hasTurn = await this.#running.turn(controller.signal);
      if (hasTurn && !controller.signal.aborted) {
        this.#jobs.updateJobStatus(id, 'running');
        if (this.#store !== undefined) stored = await StoredRuns.open(this.#store, job, plan);
      }
      const progressed = this.#teller(id, onProgress);
      const parts = { job, plan, run, scorer, controller, stored, progressed };
      const shared = { jobs: this.#jobs, executor: this.#executor, grace: this.#grace };
      const execution = new JobExecution({ ...parts, ...shared });
      const executed = await execution.execute();
      const ended = () => (controller.signal.aborted ? 'cancelled' : 'completed');
      await execution.finish(ended());
      // It may have been cancelled while its last results were stored.
      const status = ended();
      const report = this.#report(job, executed, status, baselineId);
      if (status === 'completed') this.#jobs.updateJobStatus(id, 'completed');
      this.#finished.set(id, report);
      return report;
    } catch (error) {
      await stored?.leave().catch(() => {});
      if (!controller.signal.aborted) this.#jobs.updateJobStatus(id, 'failed', messageOf(error));
      throw error;
    } finally {
      if (hasTurn) this.#running.end();
    }
  }

  #report(
    job: EvalJob,
    executed: Awaited<ReturnType<JobExecution['execute']>>,
    status: 'completed' | 'cancelled',
    baselineId: string | undefined,
  ): EvalReport {
    const input = { jobId: job.id, ...executed, status };
    const report = this.#reports.generateReport(input);
    if (baselineId === undefined) return report;
    const runs = report.runSummaries;
    const runId = runs.length === 1 ? runs[0]!.runId : job.id;
    const comparison = this.#comparator.compareToBaseline(report.metrics, runId, baselineId);
    return this.#reports.generateReport({ ...input, comparison });
  }

  /** Returns the id of the baseline that a job is compared with. Throws when it names one that there is not. */
  #baselineOf({ baseline }: EvalJob): string | undefined {
    if (baseline === undefined) return this.#comparator.getActiveBaseline()?.id;
    const all = this.#comparator.getAllBaselines();
    const found = all.find(({ id }) => id === baseline) ?? all.findLast(({ name }) => name === baseline);
    if (found === undefined) throw new AiEvalsError('ERR_BASELINE_NOT_FOUND', `Baseline ${baseline} not found`);
    return found.id;
  }

  /** Returns the function that tells of progress, and never throws. */
  #teller(id: string, onProgress: ExecuteOptions['onProgress']): () => void {
    if (onProgress === undefined) return () => {};
    let hasWarned = false;
    return () => {
      try {
        onProgress(this.#jobs.getProgress(id)!);
      } catch (error) {
        if (!hasWarned) {
          process.emitWarning(`onProgress threw; the job goes on. ${messageOf(error)}`, { type: 'ListenerError' });
        }
        hasWarned = true;
      }
    };
  }
}

/** Warns of datasets that a job names and nobody passed. */
function warnOfMissing({ id, datasetIds }: EvalJob, datasets: readonly JobDataset[]): void {
  const missing = datasetIds.filter((name) => !datasets.some((dataset) => dataset.id === name));
  if (missing.length === 0) return;
  process.emitWarning(
    `Job ${id} names datasets that executeJob was not given: ${missing.join(', ')}. They are not run.`,
  );
}

function notFound(id: string): AiEvalsError {
  return new AiEvalsError('ERR_JOB_NOT_FOUND', `Job not found: ${id}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
