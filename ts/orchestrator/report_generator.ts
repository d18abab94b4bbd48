/** Reports of jobs, and their export. */
import { options, wrongType } from '../arguments.js';
import type { ExecutionMetrics } from '../executor/types.js';
import { joinCases } from './case_outcome.js';
import { metricsOf } from './metrics.js';
import { recommendationsFor } from './recommendations.js';
import { exportReport } from './report/export_report.js';
import type { ReportOptions } from './report/report_parts.js';
import type { BaselineComparison, EvalReport, JobStatus, Regression, RunSummary, ScoringResult } from './types.js';

/** The parts that a report is made of. */
export interface ReportInput {
  jobId: string;
  runSummaries: readonly RunSummary[];
  scoringResults: readonly ScoringResult[];
  regressions?: readonly Regression[] | undefined;
  comparison?: BaselineComparison | undefined;
  executionMetrics?: ExecutionMetrics | undefined;
  /** Calls that a cancelled job did not make. */
  notRun?: number | undefined;
  status: JobStatus;
}

/** Makes reports of the results and verdicts of a job. */
export class ReportGenerator {
  /**
   * Makes a report. Every result counts once: as passed, failed, or an error (the call failed, the scorer threw, or there is
   * no verdict). A verdict belongs to the result of its `runId`, or else to the first of its case that has none.
   * O(results + verdicts).
   */
  generateReport(input: ReportInput): EvalReport {
    const { jobId, runSummaries, scoringResults, comparison, executionMetrics, notRun, status } = options(
      'input',
      input,
    );
    const runs = list('runSummaries', runSummaries);
    const scorings = list('scoringResults', scoringResults);
    const regressions = [...(input.regressions ?? comparison?.regressions ?? [])];
    const metrics = metricsOf(joinCases(runs, scorings).map(({ outcome }) => outcome));
    const { totalTests, passed, failed, errors, accuracy, avgLatency, totalCost } = metrics;
    return {
      jobId: String(jobId),
      summary: {
        totalTests,
        passed,
        failed,
        errors,
        ...(notRun ? { notRun } : {}),
        accuracy,
        avgLatency,
        totalCost,
        duration: wallTime(runs),
        status: status ?? 'completed',
      },
      runSummaries: [...runs],
      scoringResults: [...scorings],
      metrics,
      regressions,
      ...(comparison === undefined ? {} : { comparison: withoutMetrics(comparison) }),
      recommendations: recommendationsFor(metrics, regressions, executionMetrics),
      ...(executionMetrics === undefined ? {} : { executionMetrics }),
      generatedAt: new Date(),
    };
  }

  /** Writes a report, or its parsed JSON, as text. Both give the same. */
  exportReport(report: EvalReport, options: ReportOptions): string {
    return exportReport(report, options);
  }
}

function list<T>(name: string, value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? value : wrongType(name, 'an array', value);
}

function withoutMetrics({ metrics: _, ...rest }: BaselineComparison): Omit<BaselineComparison, 'metrics'> {
  return rest;
}

/** Returns the time from the first start to the last end, in milliseconds; without times, the longest of the durations. */
function wallTime(runs: readonly RunSummary[]): number {
  const starts = runs.map(({ startTime }) => new Date(startTime).getTime());
  const ends = runs.map(({ endTime }) => new Date(endTime).getTime());
  const duration = Math.max(0, ...ends) - Math.min(...starts);
  if (runs.length > 0 && [...starts, ...ends].every(Number.isFinite) && duration >= 0) return duration;
  return Math.max(0, ...runs.map(({ totalDuration }) => totalDuration).filter(Number.isFinite));
}
