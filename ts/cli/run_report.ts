/** Reports of runs: those under way and those of the store, in the form of `ReportGenerator`. */
import {
  type EvalReport,
  ReportGenerator,
  type ReportInput,
  type RunSummary,
  type ScoringResult,
} from '../orchestrator/index.js';
import type { EvalResult, EvalRun, EvalStore } from '../store/index.js';
import type { RunResult, TokenUsage } from '../types.js';
import { told } from './store_location.js';
import type { CaseResult, CaseScores } from './tally.js';

/** The run that a report tells of. */
export interface ReportedRun {
  runId: string;
  datasetId: string;
  modelId: string;
  /** Texts of `--scorer`. */
  scorers: readonly string[];
  startTime: Date;
}

/** Gathers the results of one run. Holds all of them in memory. */
export class RunReport {
  readonly #run: ReportedRun;
  /** By the place in the dataset. */
  readonly #results: { result: RunResult; scoring: ScoringResult }[] = [];
  #cost = 0;
  #tokens = 0;

  constructor(run: ReportedRun) {
    this.#run = run;
  }

  /** Adds a result; `index` is its place in the dataset. */
  add(index: number, given: CaseResult): void {
    const { runId, datasetId, modelId, scorers } = this.#run;
    const { id, repeat, category, input, expected, actual, passed, score, scores, error } = given;
    this.#cost += given.cost ?? 0;
    this.#tokens += given.tokens?.total ?? 0;
    const metadata = {
      modelId,
      // A kept answer took no call, and an unknown price is no price of 0: both are left out.
      ...(given.latencyMs === null ? {} : { latency: given.latencyMs }),
      ...(given.tokens === null ? {} : { tokenUsage: given.tokens }),
      ...(given.cost === null ? {} : { cost: given.cost }),
      timestamp: this.#run.startTime,
      category,
      cached: given.cached,
      ...(error === null ? {} : { error }),
    } as unknown as RunResult['metadata'];
    const explanations = Object.entries(scores).flatMap(([name, { explanation }]) =>
      explanation === undefined ? [] : [`${name}: ${explanation}`],
    );
    const scoring: ScoringResult = {
      testCaseId: id,
      datasetId,
      modelId,
      runId,
      ...(repeat ? { repeat } : {}),
      score: {
        passed,
        score,
        ...(explanations.length === 0 ? {} : { explanation: explanations.join('\n') }),
        breakdown: Object.fromEntries(Object.entries(scores).map(([name, each]) => [name, each.score])),
      },
      scorerConfig: { strategy: 'custom', type: scorers.join(', ') },
    };
    this.#results[index] = { result: { testCaseId: id, input, expected, actual, metadata }, scoring };
  }

  /** Returns the parts of a report. */
  parts(endTime: Date, durationMs: number): { summary: RunSummary; scorings: ScoringResult[] } {
    const { runId, datasetId, modelId, startTime } = this.#run;
    const rows = this.#results.filter(() => true);
    return {
      summary: {
        runId,
        datasetId,
        config: { modelId },
        results: rows.map(({ result }) => result),
        startTime,
        endTime,
        totalDuration: durationMs,
        totalCost: this.#cost,
        totalTokens: this.#tokens,
      },
      scorings: rows.filter(({ result }) => result.metadata.error === undefined).map(({ scoring }) => scoring),
    };
  }
}

/** Makes the report of several runs. */
export function reportOf(
  jobId: string,
  parts: readonly ReturnType<RunReport['parts']>[],
  rest: Pick<ReportInput, 'status'> & Partial<Pick<ReportInput, 'regressions' | 'comparison' | 'executionMetrics'>>,
): EvalReport {
  return new ReportGenerator().generateReport({
    jobId,
    runSummaries: parts.map(({ summary }) => summary),
    scoringResults: parts.flatMap(({ scorings }) => scorings),
    ...rest,
  });
}

/** Resolves to the parts of a report of a stored run. Errors are not in the store. Holds its results in memory. */
export async function storedParts(store: EvalStore, run: EvalRun): Promise<ReturnType<RunReport['parts']>> {
  const { scorers } = (run.scorerConfig ?? {}) as { scorers?: unknown };
  const report = new RunReport({
    runId: run.id,
    datasetId: run.datasetId,
    modelId: run.modelId,
    scorers: Array.isArray(scorers) ? scorers.map(String) : [],
    startTime: run.startTime,
  });
  const read = async (): Promise<void> => {
    let position = 0;
    for await (const row of store.results(run.id, { order: 'dataset' })) {
      report.add(position, resultOf(row));
      position += 1;
    }
  };
  await told(read());
  return report.parts(run.endTime ?? run.updatedAt, run.durationMs ?? 0);
}

function resultOf(row: EvalResult): CaseResult {
  const kept = (row.metadata ?? {}) as {
    scores?: CaseScores;
    latencyMs?: number | null;
    cost?: number | null;
    tokens?: TokenUsage | null;
    cached?: boolean;
  };
  return {
    id: row.testCaseId,
    ...(row.repeat > 0 ? { repeat: row.repeat } : {}),
    category: row.category ?? '',
    input: row.input,
    expected: row.expected,
    actual: row.actual,
    passed: row.passed,
    score: row.score,
    scores: kept.scores ?? {},
    error: null,
    latencyMs: kept.latencyMs === undefined ? row.latencyMs : kept.latencyMs,
    tokens: kept.tokens ?? null,
    cost: kept.cost === undefined ? row.cost : kept.cost,
    cached: kept.cached ?? false,
  };
}
