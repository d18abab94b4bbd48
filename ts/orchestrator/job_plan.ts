/** The calls of a job: every case of every dataset, by each configuration, as often as the job repeats it. */
import { createHash } from 'node:crypto';
import { wrongType } from '../arguments.js';
import type { RunnerConfig } from '../types.js';
import { plainValue } from './report/plain_report.js';
import type { EvalJob, JobDataset, JobTask } from './types.js';

/** A run: the answers of one configuration to one dataset. */
export interface PlannedRun {
  id: string;
  dataset: JobDataset;
  config: RunnerConfig;
  /** Number of its calls. */
  calls: number;
}

/** A call, and the place of its result. */
export interface PlannedCall {
  task: JobTask;
  run: PlannedRun;
  /** Place of the result within its run. */
  place: number;
  /** With the case's id the key of the result within its run: a case that a dataset holds twice has two. */
  key: number;
}

/** The runs and calls of a job. Calls are in the order in which they start: all answers to a case one after the other. */
export interface JobPlan {
  runs: PlannedRun[];
  calls: PlannedCall[];
}

/** Plans a job. Throws a `TypeError` that names the dataset or case that cannot be used. O(calls). */
export function jobPlan(job: EvalJob, datasets: readonly JobDataset[]): JobPlan {
  checkDatasets(datasets);
  const plan: JobPlan = { runs: [], calls: [] };
  const repeats = job.repeats ?? 1;
  const names = configNames(job.runnerConfigs);
  for (const [d, dataset] of datasets.entries()) {
    const runs = job.runnerConfigs.map((config, c) => ({ id: runIdOf(job.id, d, c), dataset, config, calls: 0 }));
    plan.runs.push(...runs);
    const times = new Map<string, number>();
    for (const testCase of dataset.testCases) {
      const time = times.get(testCase.id) ?? 0;
      times.set(testCase.id, time + 1);
      for (const [c, run] of runs.entries()) {
        for (let repeat = 0; repeat < repeats; repeat += 1) {
          const id = `${testCase.id}-${names[c]}${repeat === 0 ? '' : `~${repeat + 1}`}`;
          const task = { id, testCase, runnerConfig: run.config, datasetId: dataset.id, repeat };
          plan.calls.push({ task, run, place: run.calls, key: time * repeats + repeat });
          run.calls += 1;
        }
      }
    }
  }
  return plan;
}

/** Returns names of configurations: the model's, with `#2` for the second configuration of the same one. */
function configNames(configs: readonly RunnerConfig[]): string[] {
  const times = new Map<string, number>();
  return configs.map(({ modelId }) => {
    const time = (times.get(modelId) ?? 0) + 1;
    times.set(modelId, time);
    return time === 1 ? modelId : `${modelId}#${time}`;
  });
}

/** Returns the id of a run, a UUID that follows from the job's: a job that is resumed finds its runs by it. */
export function runIdOf(jobId: string, dataset: number, config: number): string {
  const bytes = createHash('sha256').update(`${jobId}/${dataset}/${config}`).digest().subarray(0, 16);
  // Version 8 and the variant of RFC 9562.
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Returns the version of a dataset: the stated one, or a digest of its cases. */
export function versionOf({ version, testCases }: JobDataset): string {
  if (version !== undefined && version !== '') return String(version);
  const hash = createHash('sha256');
  for (const { id, input, expected } of testCases) hash.update(JSON.stringify(plainValue({ id, input, expected })));
  return hash.digest('hex').slice(0, 16);
}

function checkDatasets(datasets: readonly JobDataset[]): void {
  const isList: boolean = Array.isArray(datasets);
  if (!isList) wrongType('datasets', 'an array of datasets', datasets);
  for (const [d, dataset] of datasets.entries()) {
    const given = dataset as Partial<JobDataset> | null | undefined;
    if (typeof given?.id !== 'string') wrongType(`datasets[${d}].id`, 'a string', given?.id);
    const { testCases } = dataset;
    const hasCases: boolean = Array.isArray(testCases);
    if (!hasCases) wrongType(`datasets[${d}].testCases`, 'an array', testCases);
    for (const [i, testCase] of testCases.entries()) {
      const id: unknown = (testCase as { id?: unknown } | null | undefined)?.id;
      if (typeof id !== 'string') wrongType(`datasets[${d}].testCases[${i}].id`, 'a string', id);
    }
  }
}
