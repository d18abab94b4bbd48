/**
 * One execution of a job. What always holds:
 *
 * - every call of the plan is made once, or found in the store, or not made because the job was cancelled;
 * - after `cancel` nothing starts, what runs is told, and what was answered is kept and scored;
 * - at most `concurrency` calls are in flight, and as many answers are being scored.
 */

import { evalError } from '../executor/eval_error.js';
import type { ParallelExecutor } from '../executor/index.js';
import type { EvalError, RunResult } from '../types.js';
import { CallMeter } from './call_meter.js';
import { errorOf } from './case_outcome.js';
import type { JobManager } from './job_manager.js';
import type { JobPlan, PlannedCall, PlannedRun } from './job_plan.js';
import { JobScoring } from './job_scoring.js';
import { sum } from './metrics.js';
import type { ReportInput } from './report_generator.js';
import { answered, failed } from './run_result.js';
import type { StoredRuns } from './stored_runs.js';
import type { EvalJob, JobScorer, RunFunction, RunSummary, ScoringResult } from './types.js';

/** The parts that an execution needs. */
export interface ExecutionParts {
  job: EvalJob;
  plan: JobPlan;
  run: RunFunction;
  scorer: JobScorer | undefined;
  jobs: JobManager;
  executor: ParallelExecutor;
  grace: number;
  controller: AbortController;
  stored: StoredRuns | undefined;
  /** Called after every call. It must not throw. */
  progressed: () => void;
}

/** The result of a call with its verdict. */
export interface CallOutcome {
  result: RunResult;
  /** Left out of a call that failed. */
  scoring?: ScoringResult;
}

/** The results of an execution. */
export type Executed = Pick<ReportInput, 'runSummaries' | 'scoringResults' | 'executionMetrics' | 'notRun'>;

/** Executes a job. */
export class JobExecution {
  readonly #parts: ExecutionParts;
  readonly #outcomes: Map<PlannedRun, (CallOutcome | undefined)[]>;
  readonly #times: Map<PlannedRun, { start: number; end: number }>;
  readonly #scoring: JobScoring;
  readonly #concurrency: number;
  readonly #meter = new CallMeter(performance.now());
  readonly #begun = Date.now();
  readonly #scored: Promise<void>[] = [];
  readonly #withoutVerdict: (readonly [PlannedCall, CallOutcome])[] = [];
  #completed = 0;
  #failed = 0;

  constructor(parts: ExecutionParts) {
    const { job, plan, scorer, controller, grace } = parts;
    this.#parts = parts;
    this.#concurrency = job.parallel === false ? 1 : (job.concurrency ?? 10);
    const { signal } = controller;
    this.#scoring = new JobScoring(scorer, job.scorerConfig, { concurrency: this.#concurrency, signal, grace });
    this.#outcomes = new Map(plan.runs.map((run) => [run, new Array(run.calls)]));
    this.#times = new Map(plan.runs.map((run) => [run, { start: Number.POSITIVE_INFINITY, end: 0 }]));
  }

  /** Makes the calls that the store has no result of, and resolves when all answers are scored. */
  async execute(): Promise<Executed> {
    const { plan, stored } = this.#parts;
    try {
      const open: PlannedCall[] = [];
      for (const call of plan.calls) {
        const outcome = stored?.find(call);
        if (outcome === undefined) open.push(call);
        else this.#put(call, outcome);
      }
      this.#progress({ totalTests: plan.calls.length });
      const calls = open.values();
      await Promise.all(Array.from({ length: Math.min(this.#concurrency, open.length) }, () => this.#lane(calls)));
      await Promise.all(this.#scored);
    } finally {
      await this.#scoring.close();
    }
    return this.#executed();
  }

  /** Stores the calls that came to no verdict, and ends the stored runs. */
  async finish(status: 'completed' | 'cancelled'): Promise<void> {
    await this.#parts.stored?.finish(status, this.#withoutVerdict);
  }

  /** Makes one call after the other. */
  async #lane(calls: Iterator<PlannedCall>): Promise<void> {
    const { signal } = this.#parts.controller;
    while (!signal.aborted) {
      const { value: call, done } = calls.next() as IteratorResult<PlannedCall, undefined>;
      if (done) return;
      const result = await this.#call(call);
      if (result === undefined) return;
      if (errorOf(result) !== undefined) {
        this.#put(call, { result });
        this.#withoutVerdict.push([call, { result }]);
        this.#progress({});
        continue;
      }
      this.#completed += 1;
      this.#progress({});
      await this.#scoring.room();
      this.#scored.push(this.#score(call, result));
    }
  }

  /** Makes a call; resolves to nothing when the job was cancelled before there was an answer. */
  async #call(call: PlannedCall): Promise<RunResult | undefined> {
    const { executor, controller, run } = this.#parts;
    const { task } = call;
    let hasStarted = false;
    const start = () => {
      if (!hasStarted) this.#meter.started(performance.now());
      hasStarted = true;
    };
    this.#meter.queued(performance.now());
    const { result, error, executionTime } = await executor.add(
      task,
      (_, context) => {
        start();
        this.#began(call);
        return run(task, context);
      },
      { signal: controller.signal },
    );
    start();
    // A call that ended by itself at the moment of the cancel is kept.
    if (error?.message === 'aborted' && controller.signal.aborted) return undefined;
    this.#meter.ended(executionTime);
    const times = this.#times.get(call.run)!;
    times.end = Math.max(times.end, Date.now());
    if (error !== undefined) return failed(call, error, executionTime);
    try {
      return answered(call, result, executionTime);
    } catch (thrown) {
      const { message } = thrown as Error;
      return failed(call, evalError('execution', 'error', message, false, task.testCase.id), executionTime);
    }
  }

  #began({ run, task }: PlannedCall): void {
    const times = this.#times.get(run)!;
    times.start = Math.min(times.start, Date.now());
    this.#parts.jobs.updateProgress(this.#parts.job.id, { currentTest: task.testCase.id });
  }

  async #score(call: PlannedCall, result: RunResult): Promise<void> {
    const { score, error } = await this.#scoring.score(result);
    const { repeat } = call.task;
    const scoring: ScoringResult = {
      testCaseId: result.testCaseId,
      datasetId: call.run.dataset.id,
      modelId: call.run.config.modelId,
      runId: call.run.id,
      ...(repeat === 0 ? {} : { repeat }),
      score,
      scorerConfig: this.#parts.job.scorerConfig,
      ...(error === undefined ? {} : { error }),
    };
    const outcome = { result, scoring };
    this.#outcomes.get(call.run)![call.place] = outcome;
    if (error === undefined) this.#parts.stored?.add(call, outcome);
    else {
      this.#parts.jobs.addError(this.#parts.job.id, error);
      this.#withoutVerdict.push([call, outcome]);
    }
  }

  /** Takes an outcome that needs no scoring. */
  #put(call: PlannedCall, outcome: CallOutcome): void {
    const error = errorOf(outcome.result);
    if (error === undefined) this.#completed += 1;
    else {
      this.#failed += 1;
      this.#parts.jobs.addError(this.#parts.job.id, asEvalError(outcome.result.metadata.error!, call));
    }
    this.#outcomes.get(call.run)![call.place] = outcome;
  }

  #progress(more: { totalTests?: number }): void {
    const counts = { completedTests: this.#completed, failedTests: this.#failed };
    this.#parts.jobs.updateProgress(this.#parts.job.id, { ...more, ...counts });
    this.#parts.progressed();
  }

  #executed(): Executed {
    const { plan } = this.#parts;
    const outcomes = [...this.#outcomes.values()].flat().filter((outcome) => outcome !== undefined);
    const notRun = plan.calls.length - outcomes.length;
    return {
      runSummaries: plan.runs.map((run) => this.#summary(run)),
      scoringResults: outcomes.flatMap(({ scoring }) => scoring ?? []),
      executionMetrics: this.#meter.metrics(performance.now(), this.#concurrency),
      ...(notRun === 0 ? {} : { notRun }),
    };
  }

  #summary(run: PlannedRun): RunSummary {
    const results = this.#outcomes.get(run)!.flatMap((outcome) => outcome?.result ?? []);
    const { start, end } = this.#times.get(run)!;
    const [startTime, endTime] = start > end ? [this.#begun, this.#begun] : [start, end];
    return {
      datasetId: run.dataset.id,
      runId: run.id,
      config: run.config,
      results,
      startTime: new Date(startTime),
      endTime: new Date(endTime),
      totalDuration: endTime - startTime,
      totalCost: sum(results.flatMap(({ metadata }) => (Number.isFinite(metadata.cost) ? metadata.cost! : []))),
      totalTokens: sum(
        results.flatMap(({ metadata }) =>
          Number.isFinite(metadata.tokenUsage?.total) ? metadata.tokenUsage.total : [],
        ),
      ),
    };
  }
}

function asEvalError(error: string | EvalError, { task }: PlannedCall): EvalError {
  return typeof error === 'string' ? evalError('execution', 'error', error, false, task.testCase.id) : error;
}
