/** The runs of a comparison in a result store: one for each model, which a comparison of the same id takes up again. */

import type { TaskRow } from '../../executor/index.js';
import type { EvalResult, EvalStore, NewRun } from '../../store/index.js';
import type { TestCaseInput, TokenUsage } from '../../types.js';
import { toJsonText } from '../../value/form.js';
import type { ModelRunResult } from '../model_runner.js';
import type { Contender } from './contender.js';
import type { Verdict } from './judge.js';
import type { Outcome } from './report.js';

/** Members of a stored answer that the columns do not hold exactly. */
interface AnswerMetadata {
  latency: number;
  cost: number | null;
  tokens: TokenUsage;
}

/** The settings of a comparison that its stored runs are known by. */
export interface StoredSettings {
  id: string;
  datasetId: string;
  datasetVersion: string;
  datasetName: string | undefined;
  scorerConfig: Record<string, unknown>;
}

/** Returns the id of the run of a model. */
export function runIdOf(id: string, name: string): string {
  return `${id}:${name}`;
}

/** Creates the run of a model, or takes it up again. Rejects with `ERR_STORE_RUN_MISMATCH` when it is of something else. */
export async function openRun(store: EvalStore, settings: StoredSettings, { name, config, settings: own }: Contender) {
  const { id, ...rest } = settings;
  const run: NewRun = {
    ...rest,
    id: runIdOf(id, name),
    modelId: config.modelId,
    modelConfig: plain(own),
    runnerType: 'model comparison',
  };
  const there = await store.getRun(run.id!);
  return there ? store.resumeRun(run.id!, run) : store.createRun(run);
}

/** Returns the row of an answer with a verdict. */
export function rowOf(testCase: TestCaseInput, { actual, metadata }: ModelRunResult, verdict: Verdict): TaskRow {
  const { latency, tokenUsage, cost } = metadata;
  const kept: AnswerMetadata = { latency, cost: cost ?? null, tokens: tokenUsage };
  const category = testCase.metadata?.category;
  return {
    ...(category === undefined ? {} : { category }),
    ...{ input: plain(testCase.input), expected: plain(testCase.expected), actual: plain(actual) },
    ...{ passed: verdict.passed, score: verdict.score, latencyMs: Math.max(0, Math.round(latency)), cost: cost ?? 0 },
    ...{ tokenUsage: plain(tokenUsage), metadata: plain(kept) },
  };
}

/** Resolves to the outcomes that are stored. `placeOf` tells the place of a case. */
export async function storedOutcomes(
  store: EvalStore,
  runId: string,
  placeOf: ReadonlyMap<string, number>,
  repeats: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for await (const row of store.results(runId)) {
    const place = placeOf.get(row.testCaseId);
    if (place !== undefined && row.repeat < repeats) outcomes.push(outcomeOf(row, place));
  }
  return outcomes;
}

function outcomeOf({ repeat, passed, score, latencyMs, cost, metadata }: EvalResult, place: number): Outcome {
  const kept = (metadata ?? {}) as Partial<AnswerMetadata>;
  return {
    ...{ place, repeat, passed, score },
    latency: kept.latency ?? latencyMs,
    tokens: kept.tokens,
    cost: kept.cost === undefined ? cost : (kept.cost ?? undefined),
    error: undefined,
  };
}

/** A value as JSON holds it. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'bigint') return value ?? null;
  const text = toJsonText(value);
  return text === undefined ? null : (JSON.parse(text) as unknown);
}
