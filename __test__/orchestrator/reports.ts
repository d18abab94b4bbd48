/** Reports that tests share, made by hand in the original's shapes. */
import type { Metrics, RunResult, RunSummary, ScoringResult } from '@aah/ai-evals/orchestrator';

export const NOW = new Date('2026-01-01T00:00:00Z');

/** Metrics without errors, over which `more` goes. */
export function metrics(more: Partial<Metrics> = {}): Metrics {
  return {
    ...{ totalTests: 10, passed: 9, failed: 1, errors: 0, accuracy: 90, passRate: 90 },
    ...{ avgScore: 0.9, avgLatency: 100, totalCost: 1, breakdown: {} },
    ...more,
  };
}

/** A result; `metadata` goes over an answer of 10 ms that cost 0.01 $. */
export function result(
  testCaseId: string,
  metadata: Partial<RunResult['metadata']> = {},
  more: object = {},
): RunResult {
  const tokenUsage = { prompt: 1, completion: 1, total: 2 };
  return {
    ...{ testCaseId, input: `in ${testCaseId}`, expected: 'yes', actual: 'yes' },
    metadata: { modelId: 'm', latency: 10, tokenUsage, cost: 0.01, timestamp: NOW, ...metadata },
    ...more,
  };
}

/** A run of `results`. */
export function run(results: RunResult[], more: Partial<RunSummary> = {}): RunSummary {
  return {
    ...{ datasetId: 'd', runId: 'r', config: { modelId: 'm' }, results },
    ...{ startTime: NOW, endTime: NOW, totalDuration: 0, totalCost: 0, totalTokens: 0 },
    ...more,
  };
}

/** A verdict. */
export function scoring(testCaseId: string, passed: boolean, more: Partial<ScoringResult> = {}): ScoringResult {
  return { testCaseId, score: { passed, score: Number(passed) }, scorerConfig: { strategy: 'exact' }, ...more };
}
