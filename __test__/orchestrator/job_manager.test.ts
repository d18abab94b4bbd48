import { type EvalError, type JobConfig, JobManager, type JobStatus } from '@aah/ai-evals/orchestrator';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';

const config: JobConfig = {
  datasetIds: ['d'],
  runnerConfigs: [{ modelId: 'm' }],
  scorerConfig: { strategy: 'exact' },
};
const STATUSES: JobStatus[] = ['pending', 'running', 'completed', 'failed', 'cancelled'];
const failure: EvalError = { type: 'execution', severity: 'error', message: 'down', retryable: true };

/** Returns a manager with one job in a state. */
function jobIn(status: JobStatus): { jobs: JobManager; id: string } {
  const jobs = new JobManager();
  const id = jobs.createJob(config);
  if (status !== 'pending') jobs.updateJobStatus(id, 'running');
  if (status !== 'pending' && status !== 'running') jobs.updateJobStatus(id, status, 'why');
  return { jobs, id };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('createJob', () => {
  it('gives ids that are UUIDs, and the defaults', () => {
    const jobs = new JobManager();
    const ids = Array.from({ length: 100 }, () => jobs.createJob(config));
    expect(new Set(ids).size).toBe(100);
    expect(ids[0]).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(jobs.getJob(ids[0]!)).toMatchObject({ status: 'pending', parallel: true, concurrency: 10 });
  });

  it.each([
    [{ runnerConfigs: undefined }, /config\.runnerConfigs must be an array/],
    [{ runnerConfigs: [{}] }, /runnerConfigs\[0\]\.modelId must be a string/],
    [{ datasetIds: [1] }, /datasetIds\[0\] must be a string/],
    [{ concurrency: 0 }, /concurrency must be a whole number/],
    [{ concurrency: Number.NaN }, /concurrency/],
    [{ repeats: 1.5 }, /repeats/],
    [{ parallel: 'no' }, /parallel must be a boolean/],
  ])('refuses %o', (more, message) => {
    expect(() => new JobManager().createJob({ ...config, ...more } as JobConfig)).toThrow(message);
  });

  it('copies the configuration, and hands jobs out as copies', () => {
    const jobs = new JobManager();
    const id = jobs.createJob(config);
    jobs.getJob(id)!.status = 'completed';
    expect(jobs.getJob(id)!.status).toBe('pending');
  });
});

describe('updateJobStatus', () => {
  it('opens no other way than the model, and keeps error only while a job is failed', () => {
    const model: Record<JobStatus, JobStatus[]> = {
      pending: ['running', 'failed', 'cancelled'],
      running: ['completed', 'failed', 'cancelled'],
      failed: ['pending', 'running'],
      completed: [],
      cancelled: [],
    };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.constantFrom(...STATUSES)), { maxLength: 60 }), (steps) => {
        const jobs = new JobManager(2);
        const ids = Array.from({ length: 4 }, () => jobs.createJob(config));
        const states: JobStatus[] = ids.map(() => 'pending');
        for (const [at, status] of steps) {
          const change = () => jobs.updateJobStatus(ids[at]!, status, 'why');
          if (model[states[at]!].includes(status)) {
            change();
            states[at] = status;
          } else expect(change).toThrow(/cannot become/);
          const count = (one: JobStatus) => states.filter((state) => state === one).length;
          const running = count('running');
          expect(jobs.getQueueStats()).toEqual({
            ...Object.fromEntries(STATUSES.map((one) => [one, count(one)])),
            ...{ total: 4, maxConcurrent: 2, availableSlots: Math.max(0, 2 - running) },
          });
          expect(jobs.canStartJob()).toBe(running < 2);
          expect(jobs.getNextPendingJob()?.id).toBe(ids[states.indexOf('pending')]);
        }
        expect(ids.map((id) => jobs.getJob(id)!.status)).toEqual(states);
        expect(ids.map((id) => jobs.getProgress(id)!.status)).toEqual(states);
        expect(ids.map((id) => jobs.getJob(id)!.error)).toEqual(
          states.map((s) => (s === 'failed' ? 'why' : undefined)),
        );
      }),
    );
  });

  it('clears error and counts when a failed job runs again', () => {
    const { jobs, id } = jobIn('running');
    jobs.updateProgress(id, { totalTests: 2, completedTests: 1, failedTests: 1 });
    jobs.addError(id, failure);
    jobs.updateJobStatus(id, 'failed', 'why');
    jobs.updateJobStatus(id, 'running');
    expect(jobs.getJob(id)).not.toHaveProperty('error');
    expect(jobs.getProgress(id)).toMatchObject({ completedTests: 0, failedTests: 0, progress: 0, errors: [] });
  });

  it('throws for an id and a state that there are not', () => {
    const { jobs, id } = jobIn('pending');
    expect(() => jobs.updateJobStatus('x', 'running')).toThrow('Job x not found');
    expect(() => jobs.updateJobStatus(id, 'done' as JobStatus)).toThrow(/one of 'pending'/);
  });
});

describe('cancelJob', () => {
  it.each(STATUSES)('of a job that is %s', async (status) => {
    const { jobs, id } = jobIn(status);
    if (status === 'pending' || status === 'running') {
      await jobs.cancelJob(id);
      expect(jobs.getJob(id)!.status).toBe('cancelled');
    } else await expect(jobs.cancelJob(id)).rejects.toThrow(`Cannot cancel job with status ${status}`);
  });

  it('rejects for an id that there is not', async () => {
    await expect(new JobManager().cancelJob('x')).rejects.toThrow('Job x not found');
  });
});

describe('updateProgress', () => {
  it('counts failed calls, never passes 100, and rounds', () => {
    const { jobs, id } = jobIn('running');
    const after = (update: object) => {
      jobs.updateProgress(id, update);
      return jobs.getProgress(id)!.progress;
    };
    expect(after({ totalTests: 3, completedTests: 1 })).toBe(33);
    expect(after({ failedTests: 1 })).toBe(67);
    expect(after({ completedTests: 476 })).toBe(100);
  });

  it('estimates the time that remains as elapsed / done × rest', () => {
    vi.useFakeTimers({ now: 0 });
    const { jobs, id } = jobIn('running');
    jobs.updateProgress(id, { totalTests: 10 });
    expect(jobs.getProgress(id)).not.toHaveProperty('estimatedTimeRemaining');
    vi.setSystemTime(300);
    jobs.updateProgress(id, { completedTests: 2, failedTests: 1, currentTest: 'c' });
    expect(jobs.getProgress(id)).toMatchObject({ estimatedTimeRemaining: 700, currentTest: 'c' });
  });

  it('refuses counts that are none, and takes nothing of such an update', () => {
    const { jobs, id } = jobIn('running');
    for (const bad of [-1, 1.5, Number.NaN, '1']) {
      const update = { totalTests: 5, failedTests: bad as number };
      expect(() => jobs.updateProgress(id, update)).toThrow(/failedTests must be/);
    }
    expect(jobs.getProgress(id)!.totalTests).toBe(0);
    expect(() => jobs.updateProgress('x', {})).toThrow('Progress tracking for job x not found');
  });

  it('hands out errors as copies; an unknown id of addError is no error', () => {
    const { jobs, id } = jobIn('running');
    jobs.addError('x', failure);
    jobs.addError(id, failure);
    jobs.getProgress(id)!.errors.pop();
    expect(jobs.getProgress(id)!.errors).toEqual([failure]);
    expect(jobs.getProgress('x')).toBeUndefined();
  });
});

describe('cleanupOldJobs', () => {
  it('forgets jobs that ended so long ago, and no others', () => {
    vi.useFakeTimers({ now: 0 });
    const jobs = new JobManager();
    const ids = STATUSES.map(() => jobs.createJob(config));
    for (const [i, status] of STATUSES.entries()) {
      if (status !== 'pending') jobs.updateJobStatus(ids[i]!, 'running');
      if (i > 1) jobs.updateJobStatus(ids[i]!, status);
    }
    vi.setSystemTime(30 * 86_400_000);
    expect(jobs.cleanupOldJobs()).toBe(0);
    vi.setSystemTime(30 * 86_400_000 + 1);
    expect(jobs.cleanupOldJobs()).toBe(3);
    expect(jobs.getAllJobs().map(({ status }) => status)).toEqual(['pending', 'running']);
    jobs.reset();
    expect(jobs.getQueueStats().total).toBe(0);
  });

  it('refuses days that are none', () => {
    expect(() => new JobManager().cleanupOldJobs(Number.NaN)).toThrow(/days must be/);
  });
});
