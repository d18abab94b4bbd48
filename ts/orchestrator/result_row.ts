/** Results of a job as rows of a store, and back. */
import type { EvalResult, NewResult } from '../store/types.js';
import type { RunResult } from '../types.js';
import { errorOf, scoreOf, UNCATEGORIZED } from './case_outcome.js';
import type { CallOutcome } from './job_execution.js';
import { plainValue, textOf } from './report/plain_report.js';
import type { AnswerScore, ScorerConfig, ScoringResult } from './types.js';

const MAX_INT = 2 ** 31 - 1;

/** Members of a result that the columns do not hold. */
interface Kept {
  metadata: Record<string, unknown>;
  score?: AnswerScore;
  scoringError?: ScoringResult['error'];
}

/** Makes a row of an outcome. `place` is that in the dataset, `key` tells answers to the same case apart. */
export function rowOf({ result, scoring }: CallOutcome, key: number, place: number): Omit<NewResult, 'runId'> {
  const { metadata } = result;
  const score = scoring?.error === undefined ? scoring?.score : undefined;
  const number = score && scoreOf(score);
  const explanation = errorOf(result) ?? scoring?.error?.message ?? score?.explanation;
  const kept = { metadata, ...(scoring && { score: scoring.score, scoringError: scoring.error }) };
  return {
    testCaseId: result.testCaseId,
    repeat: key,
    index: place,
    category: metadata.category ?? UNCATEGORIZED,
    input: plainValue(result.input),
    expected: plainValue(result.expected),
    actual: plainValue(result.actual),
    passed: score?.passed ?? false,
    score: number ?? 0,
    ...(Number.isFinite(score?.confidence) ? { confidence: score!.confidence! } : {}),
    ...(explanation === undefined ? {} : { explanation: textOf(explanation) }),
    latencyMs: Math.min(MAX_INT, Math.max(0, Number.isFinite(metadata.latency) ? metadata.latency : 0)),
    tokenUsage: plainValue(metadata.tokenUsage ?? {}),
    cost: Number.isFinite(metadata.cost) ? metadata.cost! : 0,
    metadata: { orchestrator: plainValue(kept) },
  };
}

/** Makes an outcome of a row; `undefined` of one that another program wrote. */
export function outcomeOf(
  row: EvalResult,
  facts: Omit<ScoringResult, 'testCaseId' | 'score'> &
    Pick<RunResult, 'input' | 'expected'> & { scorerConfig: ScorerConfig },
): CallOutcome | undefined {
  const kept = (row.metadata as { orchestrator?: Kept } | undefined)?.orchestrator;
  if (kept === undefined) return undefined;
  const { input, expected, ...place } = facts;
  const { timestamp, ...metadata } = kept.metadata;
  const result = {
    testCaseId: row.testCaseId,
    input,
    expected,
    actual: row.actual,
    metadata: { ...metadata, timestamp: new Date(timestamp as string) } as RunResult['metadata'],
  };
  if (kept.score === undefined) return { result };
  const { scoringError: error } = kept;
  return { result, scoring: { testCaseId: row.testCaseId, ...place, score: kept.score, ...(error && { error }) } };
}
