/** A runner as a class: prompt, form and parsing of the answers of one kind of cases. */
import {
  callable,
  signal as checkedSignal,
  options as checkOptions,
  iterable,
  positiveInteger,
  wrongType,
} from '../../arguments.js';
import { type ExecutionResult, type ExecutionTask, ParallelExecutor } from '../../executor/index.js';
import type { RunnerConfig, TestCaseInput } from '../../types.js';
import type { OutputSchema } from '../model/output_schema.js';
import {
  type AnswerContext,
  type ModelRunner,
  type ModelRunnerOptions,
  type ModelRunResult,
  modelRunner,
  type RunnerContext,
  type RunnerTask,
} from '../model_runner.js';
import type { Prompt } from '../prompt.js';

/** Options of a runner. `runnerConfig` goes before `temperature` (0.7), `maxTokens` (2000) and `timeout` (30,000 ms). */
export type RunnerOptions = Omit<ModelRunnerOptions<unknown, unknown>, 'prompt' | 'parse' | 'schema'>;

/** Options of {@link BaseRunner.runDataset}. */
export interface RunDatasetOptions {
  /** `true` makes several calls at once. Default `false`: one after the other. */
  parallel?: boolean | undefined;
  /** Calls in flight at once, with `parallel`. Default 5. */
  concurrency?: number | undefined;
  /** Called after every case with the number of those done, failed ones included, and of all. */
  onProgress?: ((completed: number, total: number) => void) | undefined;
  /** Starts nothing more and aborts the calls under way. The cases left end with `metadata.error`. */
  signal?: AbortSignal | undefined;
}

/** Attempts of a case: the first, and the three that `retries` stands for where it is left out. */
const ATTEMPTS = 4;

/**
 * A runner of one kind of cases, to be extended:
 *
 * ```ts
 * class CapitalRunner extends BaseRunner<{ country: string }, string> {
 *   preparePrompt({ country }: { country: string }) {
 *     return `Name the capital of ${country}, and nothing else.`;
 *   }
 * }
 * const results = await new CapitalRunner().runDataset(cases, { modelId: 'gpt-4o-mini' }, { parallel: true });
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export abstract class BaseRunner<TInput = any, TOutput = any> {
  readonly #options: RunnerOptions;
  #runner: ModelRunner<TInput, TOutput> | undefined;
  #executor: ParallelExecutor | undefined;

  /** Throws `TypeError` or `RangeError` for an option that cannot be used. */
  constructor(options: RunnerOptions = {}) {
    this.#options = options;
    // Checks the options now, and not at the first case.
    modelRunner(options as Parameters<typeof modelRunner>[0]);
  }

  /** Returns the prompt of a case. What it throws is the error of the case. */
  abstract preparePrompt(input: TInput, testCase: TestCaseInput<TInput>): Prompt | PromiseLike<Prompt>;

  /** Returns the form of the answers; `undefined` (default) for text. */
  getOutputSchema(): OutputSchema | undefined {
    return undefined;
  }

  /**
   * Returns the output of an answer: of its value where there is a schema, else of its text. Default: that itself. What it
   * throws is the error of the case.
   */
  parseOutput(answer: unknown, _context: AnswerContext<TInput>): TOutput | PromiseLike<TOutput> {
    return answer as TOutput;
  }

  /** The model that is asked; `undefined` where the task names it. */
  get modelId(): string | undefined {
    return this.#asked.modelId;
  }

  /** Settings that change answers, as JSON. */
  get settings(): Readonly<Record<string, unknown>> {
    return this.#asked.settings;
  }

  /** Asks the model about the case of a task, once. Rejects as a {@link ModelRunner} does: for executors. */
  readonly run = (task: RunnerTask<TInput>, context?: RunnerContext): Promise<ModelRunResult<TOutput>> => {
    return this.#asked(task, context);
  };

  /**
   * Asks the model about a case, again after failures that can pass (`config.retries`, default 3). Never rejects: a case
   * without an answer has `metadata.error`, a text, and `actual` `{}`.
   */
  async runTestCase(
    testCase: TestCaseInput<TInput>,
    config?: RunnerConfig,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<ModelRunResult<TOutput>> {
    const start = performance.now();
    try {
      this.#executor ??= newExecutor(Number.POSITIVE_INFINITY);
      const signal = checkedSignal('signal', options?.signal);
      const result = await this.#executor.add(this.#taskOf(testCase, config), this.run, signal ? { signal } : {});
      return this.#resultOf(result);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return this.#failure(testCase, config, message, performance.now() - start);
    }
  }

  /**
   * Runs every case and resolves to one result for each, in order, as {@link runTestCase} gives it. Rejects with
   * `TypeError` or `RangeError` for arguments that cannot be used.
   */
  async runDataset(
    cases: Iterable<TestCaseInput<TInput>>,
    config?: RunnerConfig,
    options?: RunDatasetOptions,
  ): Promise<ModelRunResult<TOutput>[]> {
    const { parallel = false, concurrency = 5, onProgress, signal } = checkOptions('options', options);
    if (typeof parallel !== 'boolean') wrongType('parallel', 'true or false', parallel);
    positiveInteger('concurrency', concurrency);
    if (onProgress !== undefined) callable('onProgress', onProgress);
    const tasks = [...iterable('cases', cases)].map((testCase) => this.#taskOf(testCase, config));
    const results = await newExecutor(parallel ? concurrency : 1).executeTasks(tasks, this.run, {
      signal: checkedSignal('signal', signal) ?? null,
      onProgress: ({ completed, failed, total }) => onProgress?.(completed + failed, total),
    });
    return results.map((result) => this.#resultOf(result));
  }

  get #asked(): ModelRunner<TInput, TOutput> {
    const schema = this.getOutputSchema();
    this.#runner ??= modelRunner<TOutput, TInput>({
      ...(this.#options as ModelRunnerOptions<TInput, TOutput>),
      ...(schema === undefined ? {} : { schema }),
      prompt: (input, testCase) => this.preparePrompt(input, testCase),
      parse: (text, context) => this.parseOutput(schema === undefined ? text : context.value, context),
    });
    return this.#runner;
  }

  #taskOf(testCase: TestCaseInput<TInput>, config: RunnerConfig | undefined): ExecutionTask<TInput> {
    const runnerConfig = { ...config, modelId: config?.modelId ?? this.modelId ?? '' };
    return { id: testCase.id, testCase, runnerConfig };
  }

  #resultOf({ task, result, error, executionTime }: ExecutionResult<unknown, ModelRunResult<TOutput>>) {
    const { testCase, runnerConfig } = task;
    return result ?? this.#failure(testCase, runnerConfig, error?.message ?? 'no answer', executionTime);
  }

  #failure(
    testCase: TestCaseInput<TInput> | undefined,
    config: RunnerConfig | undefined,
    error: string,
    latency: number,
  ): ModelRunResult<TOutput> {
    return {
      testCaseId: testCase?.id ?? '',
      input: testCase?.input,
      expected: testCase?.expected,
      actual: {} as TOutput,
      metadata: {
        modelId: config?.modelId ?? this.modelId ?? '',
        latency,
        tokenUsage: { prompt: 0, completion: 0, total: 0 },
        timestamp: new Date(),
        finishReason: 'error',
        usageReported: false,
        error,
      },
    };
  }
}

function newExecutor(concurrency: number): ParallelExecutor {
  return new ParallelExecutor({ concurrency, rateLimit: {}, retries: { maxAttempts: ATTEMPTS } });
}
