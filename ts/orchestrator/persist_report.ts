/** Reports made in memory, stored afterwards. */
import type { EvalStore } from '../store/eval_store.js';
import type { NewResult } from '../store/types.js';
import { joinCases } from './case_outcome.js';
import { plainValue } from './report/plain_report.js';
import { rowOf } from './result_row.js';
import type { EvalReport } from './types.js';

/**
 * Stores a report: a run for each of its `runSummaries`, under their ids, with its own verdicts; each in one transaction.
 * Resolves to the ids. Rejects with `ERR_STORE_CONFLICT` when the store has one of them.
 */
export async function persistEvalReport(report: EvalReport, store: EvalStore): Promise<string[]> {
  const joined = joinCases(report.runSummaries, report.scoringResults);
  const ids: string[] = [];
  for (const run of report.runSummaries) {
    const times = new Map<string, number>();
    const results: Omit<NewResult, 'runId'>[] = [];
    for (const { result, scoring, run: of } of joined) {
      if (of !== run || result === undefined) continue;
      const key = times.get(result.testCaseId) ?? 0;
      times.set(result.testCaseId, key + 1);
      results.push(rowOf({ result, ...(scoring && { scoring }) }, key, results.length));
    }
    const { id } = await store.saveRun({
      run: {
        id: run.runId,
        datasetId: run.datasetId,
        datasetVersion: '',
        modelId: run.config.modelId,
        modelConfig: plainValue(run.config),
        runnerType: 'orchestrator',
        scorerConfig: plainValue(report.scoringResults[0]?.scorerConfig ?? {}),
        startTime: new Date(run.startTime),
        endTime: new Date(run.endTime),
        durationMs: Math.round(run.totalDuration),
        status: report.summary.status,
        metadata: { jobId: report.jobId },
      },
      results,
    });
    ids.push(id);
  }
  return ids;
}
