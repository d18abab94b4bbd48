/** Outcomes of cases: results and verdicts put together. */
import type { RunResult } from '../types.js';
import type { AnswerScore, CaseOutcome, RunSummary, ScoringResult } from './types.js';

/** The category of cases that have none. */
export const UNCATEGORIZED = 'uncategorized';

/** An outcome with the result and the verdict that it is made of. */
export interface JoinedCase {
  run: RunSummary | undefined;
  result: RunResult | undefined;
  scoring: ScoringResult | undefined;
  outcome: CaseOutcome;
}

/** Returns the score of a verdict, 0–1; `undefined` where it is no number. */
export function scoreOf({ score, value, passed }: AnswerScore): number | undefined {
  const given = score ?? value;
  if (given === undefined || given === null) return typeof passed === 'boolean' ? Number(passed) : undefined;
  return finite(given);
}

/** Returns the reason why a result is no answer; `undefined` for an answer. */
export function errorOf(result: RunResult | undefined): string | undefined {
  const error: unknown = result?.metadata?.error;
  if (error === undefined || error === null || error === '') return undefined;
  if (typeof error === 'string') return error;
  const message: unknown = (error as { message?: unknown }).message;
  return typeof message === 'string' ? message : String(error);
}

/** Returns the model's name of each run: with `#2` where the same dataset was run on the same model before. */
export function modelLabels(runs: readonly RunSummary[]): string[] {
  const times = new Map<string, number>();
  return runs.map(({ datasetId, config }) => {
    const modelId = String(config?.modelId ?? 'unknown');
    const key = JSON.stringify([datasetId, modelId]);
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);
    return time === 1 ? modelId : `${modelId}#${time}`;
  });
}

/**
 * Puts each result together with its verdict, in the order of `runs`. A verdict that names no run goes to the first result of
 * its case without one. Verdicts without a result are cases too. O(results + verdicts).
 */
export function joinCases(runs: readonly RunSummary[], scorings: readonly ScoringResult[]): JoinedCase[] {
  const open = new Map<string, ScoringResult[]>();
  for (const scoring of scorings) {
    const waiting = open.get(scoring.testCaseId);
    if (waiting === undefined) open.set(scoring.testCaseId, [scoring]);
    else waiting.push(scoring);
  }
  const labels = modelLabels(runs);
  const joined = runs.flatMap((run, i) =>
    run.results.map((result): JoinedCase => {
      const scoring = errorOf(result) === undefined ? takeScoring(open.get(result.testCaseId), run) : undefined;
      return { run, result, scoring, outcome: outcomeOf(result, scoring, run.datasetId, labels[i]) };
    }),
  );
  for (const scoring of [...open.values()].flat()) {
    const outcome = outcomeOf(undefined, scoring, scoring.datasetId, scoring.modelId);
    joined.push({ run: undefined, result: undefined, scoring, outcome });
  }
  return joined;
}

function takeScoring(waiting: ScoringResult[] | undefined, run: RunSummary): ScoringResult | undefined {
  const at = waiting?.findIndex(
    ({ runId, datasetId, modelId }) =>
      (runId ?? run.runId) === run.runId &&
      (datasetId ?? run.datasetId) === run.datasetId &&
      (modelId ?? run.config?.modelId) === run.config?.modelId,
  );
  return at === undefined || at < 0 ? undefined : waiting!.splice(at, 1)[0];
}

function outcomeOf(
  result: RunResult | undefined,
  scoring: ScoringResult | undefined,
  datasetId: string | undefined,
  modelId: string | undefined,
): CaseOutcome {
  const metadata: Partial<RunResult['metadata']> | null | undefined = result?.metadata;
  const isAnswered = result !== undefined && errorOf(result) === undefined;
  const isJudged = scoring !== undefined && !scoring.error && typeof scoring.score?.passed === 'boolean';
  const score = isJudged ? scoreOf(scoring.score) : undefined;
  const latency = isAnswered ? finite(metadata?.latency) : undefined;
  const cost = finite(metadata?.cost);
  return {
    testCaseId: String(result?.testCaseId ?? scoring?.testCaseId),
    ...(datasetId === undefined ? {} : { datasetId }),
    ...(modelId === undefined ? {} : { modelId }),
    category: categoryOf(result, scoring),
    passed: isJudged && scoring.score.passed,
    ...(isJudged ? {} : { error: true as const }),
    ...(score === undefined ? {} : { score }),
    ...(latency === undefined ? {} : { latency }),
    ...(cost === undefined ? {} : { cost }),
  };
}

interface Categorized {
  category?: unknown;
  metadata?: { category?: unknown } | null;
  testCase?: { metadata?: { category?: unknown } | null } | null;
}

/** Returns `metadata.category`, of the result or of the test case that it holds. */
function categoryOf(result: RunResult | undefined, scoring: ScoringResult | undefined): string {
  const [given, scored] = [result as Categorized | undefined, scoring as Categorized | undefined];
  const category =
    given?.metadata?.category ?? given?.testCase?.metadata?.category ?? scored?.metadata?.category ?? scored?.category;
  return category === undefined || category === null || category === '' ? UNCATEGORIZED : String(category);
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
