/** Comparison of models: every case by every model, several times, on one executor. */
import { randomUUID } from 'node:crypto';
import {
  callable,
  signal as checkedSignal,
  options as checkOptions,
  nonNegativeInteger,
  outOfRange,
  positiveInteger,
  string,
  wrongType,
} from '../../arguments.js';
import { type ExecutionResult, type ExecutionTask, ParallelExecutor, type TaskContext } from '../../executor/index.js';
import type { TestCaseInput } from '../../types.js';
import { digestOf } from '../dataset_file.js';
import { loadDataset } from '../load_dataset.js';
import type { ModelRunnerOptions, ModelRunResult } from '../model_runner.js';
import { openRun, rowOf, runIdOf, type StoredSettings, storedOutcomes } from './comparison_run.js';
import { type Contender, contendersOf } from './contender.js';
import { type Judge, judgeOf, type Verdict } from './judge.js';
import { figuresOf, type Outcome } from './report.js';
import type { ComparedDataset, ComparisonReport, ModelComparisonOptions } from './types.js';

/** An answer, with its verdict or the reason why it has none. */
interface Judged {
  answer: ModelRunResult;
  verdict: Verdict | undefined;
  problem: string | undefined;
  /** The tokens, where an executor looks for them. */
  metadata: ModelRunResult['metadata'];
}

/**
 * Compares models: every model answers every case `repeats` times, on one executor, and every answer is judged.
 *
 * ```ts
 * const report = await runModelComparison({
 *   dataset: 'everyday',
 *   models: ['gpt-4o-mini', 'gpt-4.1-nano'],
 *   scorer: exactMatch(),
 *   repeats: 3,
 * });
 * console.log(formatComparisonReport(report));
 * ```
 *
 * - Every call counts once. One that fails, or whose answer cannot be judged, is an error: not a pass, and shown apart.
 * - A winner is named only where it is better than each other model by more than chance.
 * - With `store` every answer is kept as it comes. Calling again with the same `id` asks only for what is missing.
 *
 * Rejects for options that cannot be used, and with `ERR_STORE_RUN_MISMATCH` where `id` is of another comparison.
 */
// biome-ignore lint/suspicious/noExplicitAny: the input is what the cases hold
export async function runModelComparison<TInput = any, TOutput = any>(
  options: ModelComparisonOptions<TInput, TOutput>,
): Promise<ComparisonReport> {
  const given = checkOptions('options', options) as ModelComparisonOptions;
  const { dataset, models, scorer, store, executor, onProgress, signal, limits, rateLimit, ...rest } = given;
  const { repeats = 1, concurrency = 5, retries = 3, id = randomUUID(), confidence = 0.95, ...shared } = rest;
  positiveInteger('repeats', repeats);
  if (!(confidence > 0 && confidence < 1)) outOfRange('confidence', 'a number above 0 and below 1', confidence);
  if (onProgress !== undefined) callable('onProgress', onProgress);
  const contenders = contendersOf(models, shared as ModelRunnerOptions<unknown, unknown>);
  const judge = judgeOf(scorer);
  const cases = await datasetOf(dataset);
  const run = new ComparisonRun({
    contenders,
    judge,
    cases,
    repeats,
    signal: checkedSignal('signal', signal),
    onProgress,
    executor:
      executor ??
      new ParallelExecutor({
        concurrency,
        ...{ retries: { maxAttempts: nonNegativeInteger('retries', retries) + 1 } },
        ...{ rateLimit: rateLimit ?? {}, limits, keyOf: ({ runnerConfig }: ExecutionTask) => runnerConfig.modelId },
      }),
  });
  const startTime = new Date();
  const start = performance.now();
  const settings: StoredSettings = {
    id: string('id', id),
    ...{ datasetId: cases.id, datasetVersion: cases.version, datasetName: cases.name },
    scorerConfig: { ...judge.settings, repeats },
  };
  if (store) for (const contender of contenders) await openRun(store, settings, contender);
  const outcomes = await run.all(store, id);
  const notRun = contenders.length * cases.testCases.length * repeats - outcomes.flat().length;
  const isCancelled = signal?.aborted === true && notRun > 0;
  if (store && !isCancelled) for (const { name } of contenders) await store.finishRun(runIdOf(id, name));
  const all = contenders.map(({ name }, i) => ({ name, outcomes: outcomes[i]! }));
  const report: ComparisonReport = {
    ...{ id, datasetId: cases.id, datasetVersion: cases.version, cases: cases.testCases.length, repeats, confidence },
    ...{ status: isCancelled ? 'cancelled' : 'completed', notRun, startTime },
    ...{ endTime: new Date(), duration: performance.now() - start },
    ...figuresOf(cases.testCases, all, repeats, confidence),
  };
  if (store) report.runIds = Object.fromEntries(contenders.map(({ name }) => [name, runIdOf(id, name)]));
  return report;
}

/** The name under which code written against the original calls {@link runModelComparison}: models always run in parallel. */
export const runParallelComparison = runModelComparison;

type CheckedDataset = ComparedDataset & { version: string };

/** Resolves to the cases. An empty list is refused: no model is better on nothing. */
async function datasetOf(given: ModelComparisonOptions['dataset']): Promise<CheckedDataset> {
  const dataset =
    typeof given === 'string'
      ? await loadDataset(given)
      : Array.isArray(given)
        ? { id: 'cases', testCases: given as readonly TestCaseInput[] }
        : (given as ComparedDataset);
  if (typeof dataset !== 'object' || dataset === null || !Array.isArray(dataset.testCases)) {
    return wrongType('dataset', 'a dataset, its path or id, or an array of cases', given);
  }
  const ids = new Set<string>();
  for (const [i, testCase] of dataset.testCases.entries()) {
    const id: unknown = (testCase as TestCaseInput | null)?.id;
    if (typeof id !== 'string') wrongType(`testCases[${i}].id`, 'a text', id);
    if (ids.has(id as string)) outOfRange(`testCases[${i}].id`, 'an id that no other case has', id);
    ids.add(id as string);
  }
  if (ids.size === 0) outOfRange('dataset', 'a dataset with at least one case', given);
  const { id, name } = dataset;
  const version = dataset.version ?? digestOf(dataset.testCases as Parameters<typeof digestOf>[0]);
  return { id: string('dataset.id', id), name, version, testCases: dataset.testCases };
}

interface Parts {
  contenders: readonly Contender[];
  judge: Judge;
  cases: CheckedDataset;
  repeats: number;
  executor: ParallelExecutor;
  signal: AbortSignal | undefined;
  onProgress: ((done: number, total: number) => void) | undefined;
}

/** The calls of a comparison. */
class ComparisonRun {
  readonly #parts: Parts;
  readonly #placeOf: ReadonlyMap<string, number>;
  #done = 0;
  #total = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#placeOf = new Map(parts.cases.testCases.map(({ id }, place) => [id, place]));
  }

  /** Makes the calls, and resolves to the outcomes of each model. Calls that an abort forestalled have none. */
  async all(store: ModelComparisonOptions['store'], id: string): Promise<Outcome[][]> {
    const { contenders, repeats } = this.#parts;
    const before = store
      ? await Promise.all(
          contenders.map(({ name }) => storedOutcomes(store, runIdOf(id, name), this.#placeOf, repeats)),
        )
      : contenders.map(() => []);
    this.#total = contenders.length * this.#placeOf.size * repeats - before.flat().length;
    return Promise.all(
      contenders.map(async (contender, i) => {
        const made = await this.#calls(contender, store && { store, runId: runIdOf(id, contender.name) });
        return [...before[i]!, ...made];
      }),
    );
  }

  async #calls(
    contender: Contender,
    place: { store: NonNullable<ModelComparisonOptions['store']>; runId: string } | undefined,
  ): Promise<Outcome[]> {
    const { executor, signal } = this.#parts;
    const call = (task: ExecutionTask, context: TaskContext) => this.#call(contender, task, context);
    const options = { signal: signal ?? null, onProgress: this.#progress() };
    const tasks = this.#tasks(contender);
    if (!place) {
      const results = await executor.executeTasks(tasks, call, options);
      return results.flatMap((result) => this.#outcomeOf(result));
    }
    const results = await executor.executeTasks(tasks, call, {
      ...options,
      store: {
        ...place,
        // What has no verdict is tried again by a run that takes this one up.
        toResult: ({ task, result }) => result?.verdict && rowOf(task.testCase, result.answer, result.verdict),
      },
    });
    return results.flatMap((result) => (result.stored ? [] : this.#outcomeOf(result)));
  }

  #progress(): () => void {
    const { onProgress } = this.#parts;
    return () => {
      this.#done += 1;
      onProgress?.(this.#done, this.#total);
    };
  }

  /** Tasks of later cases have a lower priority, so that the models keep pace with each other. */
  #tasks({ name, config }: Contender): ExecutionTask[] {
    const { cases, repeats } = this.#parts;
    return cases.testCases.flatMap((testCase, place) =>
      Array.from({ length: repeats }, (_, repeat) => ({
        id: repeats === 1 ? `${testCase.id}-${name}` : `${testCase.id}-${name}-${repeat + 1}`,
        ...{ testCase, datasetId: cases.id, repeat, priority: -(place * repeats + repeat) },
        runnerConfig: { ...config, modelId: name },
      })),
    );
  }

  async #call({ run, config }: Contender, task: ExecutionTask, context: TaskContext): Promise<Judged> {
    const { testCase, repeat = 0 } = task;
    const answer = (await run({ testCase, runnerConfig: config, repeat }, context)) as ModelRunResult;
    const { metadata } = answer;
    const failed = metadata.error as unknown;
    if (failed !== undefined) {
      const problem = typeof failed === 'string' ? failed : ((failed as Error).message ?? 'no answer');
      return { answer, metadata, problem, verdict: undefined };
    }
    try {
      return { answer, metadata, verdict: await this.#parts.judge.judge(answer, testCase), problem: undefined };
    } catch (error) {
      // The answer was paid for; asking for it again would not help.
      const problem = `the scorer failed: ${error instanceof Error ? error.message : String(error)}`;
      return { answer, metadata, problem, verdict: undefined };
    }
  }

  #outcomeOf({ task, result, error }: ExecutionResult<unknown, Judged>): Outcome[] {
    const { testCase, repeat = 0 } = task;
    const place = this.#placeOf.get(testCase.id)!;
    if (result === undefined) {
      if (this.#parts.signal?.aborted) return [];
      const none = { latency: undefined, tokens: undefined, cost: undefined };
      return [{ place, repeat, passed: false, score: 0, ...none, error: error?.message ?? 'no answer' }];
    }
    const { answer, verdict, problem } = result;
    const { latency, tokenUsage: tokens, cost } = answer.metadata;
    const { passed, score } = verdict ?? { passed: false, score: 0 };
    return [{ place, repeat, passed, score, latency, tokens, cost, error: problem }];
  }
}
