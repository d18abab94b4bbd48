/** Jobs, their states and their progress. */
import { randomUUID } from 'node:crypto';
import { options, positiveInteger, string, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { oneOf } from '../executor/config.js';
import type { EvalError } from '../types.js';
import { jobConfig } from './job_config.js';
import { isEnded, JOB_STATUSES, mayBecome } from './job_state.js';
import type { EvalJob, JobConfig, JobProgress, JobStatus, QueueStats } from './types.js';

const DAY = 86_400_000;
const COUNTS = ['totalTests', 'completedTests', 'failedTests'] as const;

/** The counts and texts of a job's progress that a caller sets. */
export type ProgressUpdate = Partial<
  Pick<
    JobProgress,
    'totalTests' | 'completedTests' | 'failedTests' | 'currentTest' | 'progress' | 'estimatedTimeRemaining'
  >
>;

interface Entry {
  job: EvalJob;
  progress: JobProgress;
  /** The time when it began to run. */
  began: number | undefined;
}

/**
 * Keeps jobs and their progress. It starts nothing: `EvalOrchestrator` does.
 *
 * A job is `pending`, `running`, and then `completed`, `failed` or `cancelled`. No other way is open, but for a failed job, which
 * may run again. Jobs and progress are handed out as copies.
 */
export class JobManager {
  readonly #maxConcurrent: number;
  readonly #entries = new Map<string, Entry>();

  /** Throws a `RangeError` below 1. */
  constructor(maxConcurrentJobs = 5) {
    this.#maxConcurrent = positiveInteger('maxConcurrentJobs', maxConcurrentJobs);
  }

  /** Creates a job, `pending`; returns its id, a UUID. Throws for a configuration that cannot be used. */
  createJob(config: JobConfig): string {
    const id = randomUUID();
    this.restore(id, config);
    return id;
  }

  /** Creates a job under an id that it had before, such as one of a store. */
  restore(id: string, config: JobConfig): void {
    const now = new Date();
    this.#entries.set(id, {
      job: { ...jobConfig(config), id, createdAt: now, updatedAt: now, status: 'pending' },
      progress: {
        jobId: id,
        status: 'pending',
        totalTests: 0,
        completedTests: 0,
        failedTests: 0,
        progress: 0,
        errors: [],
      },
      began: undefined,
    });
  }

  /** Returns a job; `undefined` when there is none of this id. */
  getJob(id: string): EvalJob | undefined {
    const entry = this.#entries.get(id);
    return entry && { ...entry.job };
  }

  /** Returns all jobs, oldest first. */
  getAllJobs(): EvalJob[] {
    return [...this.#entries.values()].map(({ job }) => ({ ...job }));
  }

  /** Returns the jobs in a state, oldest first. */
  getJobsByStatus(status: JobStatus): EvalJob[] {
    oneOf('status', JOB_STATUSES, status);
    return this.getAllJobs().filter((job) => job.status === status);
  }

  /**
   * Changes the state of a job. `error` is kept for `failed` and forgotten when the job runs again.
   * Throws `Job ID not found`, and `ERR_JOB_STATE` for a way that is not open.
   */
  updateJobStatus(id: string, status: JobStatus, error?: string): void {
    const entry = this.#needed(id);
    oneOf('status', JOB_STATUSES, status);
    const { job, progress } = entry;
    if (!mayBecome(job.status, status)) {
      throw new AiEvalsError(
        'ERR_JOB_STATE',
        `Job ${id} is ${job.status} and cannot become ${status}; create a new job`,
      );
    }
    const isAgain = job.status === 'failed';
    job.status = status;
    job.updatedAt = new Date();
    delete job.error;
    if (status === 'failed' && error !== undefined) job.error = string('error', error);
    if (isAgain) Object.assign(progress, { completedTests: 0, failedTests: 0, progress: 0, errors: [] });
    if (status === 'running') entry.began = Date.now();
    progress.status = status;
    if (isEnded(status)) {
      delete progress.currentTest;
      delete progress.estimatedTimeRemaining;
    }
  }

  /** Returns the progress of a job; `undefined` when there is none of this id. */
  getProgress(id: string): JobProgress | undefined {
    const progress = this.#entries.get(id)?.progress;
    return progress && { ...progress, errors: [...progress.errors] };
  }

  /**
   * Sets counts of a job. `progress` and `estimatedTimeRemaining` follow from them: round(100 × (completed + failed) / total),
   * at most 100, and elapsed / done × rest. Throws `Progress tracking for job ID not found`.
   */
  updateProgress(id: string, update: ProgressUpdate): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      throw new AiEvalsError('ERR_JOB_NOT_FOUND', `Progress tracking for job ${id} not found`);
    }
    const given = options('update', update);
    for (const name of COUNTS) {
      const count = given[name];
      if (count === undefined) continue;
      if (!Number.isSafeInteger(count) || count < 0) wrongType(`update.${name}`, 'a whole number of at least 0', count);
    }
    const { progress } = entry;
    for (const name of COUNTS) progress[name] = given[name] ?? progress[name];
    if (given.currentTest !== undefined) progress.currentTest = string('update.currentTest', given.currentTest);
    const { totalTests, completedTests, failedTests } = progress;
    const done = Math.min(completedTests + failedTests, totalTests);
    progress.progress = totalTests === 0 ? 0 : Math.round((100 * done) / totalTests);
    if (entry.began === undefined || done === 0) return;
    progress.estimatedTimeRemaining = ((Date.now() - entry.began) / done) * (totalTests - done);
  }

  /** Adds an error to the progress of a job; nothing happens when there is none of this id. */
  addError(id: string, error: EvalError): void {
    this.#entries.get(id)?.progress.errors.push(error);
  }

  /**
   * Cancels a job that is pending or running. Rejects with `Job ID not found` or `Cannot cancel job with status S`.
   */
  async cancelJob(id: string): Promise<void> {
    const { status } = this.#needed(id).job;
    if (!mayBecome(status, 'cancelled')) {
      throw new AiEvalsError('ERR_JOB_STATE', `Cannot cancel job with status ${status}`);
    }
    this.updateJobStatus(id, 'cancelled');
  }

  /** Returns whether another job may run now. */
  canStartJob(): boolean {
    return this.getQueueStats().availableSlots > 0;
  }

  /** Returns the oldest pending job; `undefined` when there is none. */
  getNextPendingJob(): EvalJob | undefined {
    return this.getJobsByStatus('pending')[0];
  }

  /** Returns numbers of jobs by state. O(jobs). */
  getQueueStats(): QueueStats {
    const stats = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    for (const { job } of this.#entries.values()) stats[job.status] += 1;
    const availableSlots = Math.max(0, this.#maxConcurrent - stats.running);
    return { ...stats, total: this.#entries.size, maxConcurrent: this.#maxConcurrent, availableSlots };
  }

  /** Forgets jobs that ended more than so many days ago; returns their number. Pending and running ones stay. */
  cleanupOldJobs(days = 30): number {
    if (!(typeof days === 'number' && days >= 0)) wrongType('days', 'a number of at least 0', days);
    const limit = Date.now() - days * DAY;
    const old = this.getAllJobs().filter(({ status, updatedAt }) => isEnded(status) && updatedAt.getTime() < limit);
    for (const { id } of old) this.#entries.delete(id);
    return old.length;
  }

  /** Forgets all jobs. */
  reset(): void {
    this.#entries.clear();
  }

  #needed(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new AiEvalsError('ERR_JOB_NOT_FOUND', `Job ${id} not found`);
    return entry;
  }
}
