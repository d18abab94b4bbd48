/** A function that asks a model about test cases, for an executor. */
import {
  callable,
  options as checkOptions,
  nonNegativeNumber,
  positiveInteger,
  positiveNumber,
  string,
  wrongType,
} from '../arguments.js';
import type { ExecutionTask, HeadersLike } from '../executor/index.js';
import type { RunnerConfig, RunResult, TestCaseInput } from '../types.js';
import { AnswerFormError } from './model/answer_json.js';
import { type Conversation, converse } from './model/conversation.js';
import type { ToolCall } from './model/language_model.js';
import { checkedSource, idOfSource, type ModelSource, modelOf } from './model/model_source.js';
import { type AnswerForm, answerForm, type OutputSchema, type SchemaOutput } from './model/output_schema.js';
import { Toolbox, type ToolRun, type ToolSet } from './model/tools.js';
import { checkedPrices, costOfUsage, type PriceTable } from './prices.js';
import { messagesOf, type PromptSource } from './prompt.js';

/** An answer, as `parse` is given it besides its text. */
export interface AnswerContext<TInput = unknown> {
  testCase: TestCaseInput<TInput>;
  /** The value that `schema` found in the answer; without one `undefined`. */
  value: unknown;
  /** Tools that were run while the model answered. */
  toolRuns: readonly ToolRun[];
  /** Tools that the model called last and that have no `execute`. */
  toolCalls: readonly ToolCall[];
  finishReason: string;
}

/** Options of {@link modelRunner}. The task's `runnerConfig` goes before `temperature`, `maxTokens` and `timeout`. */
export interface ModelRunnerOptions<TInput, TOutput> {
  /** The model to ask. Default: the one that `runnerConfig.modelId` names, at `OPENAI_BASE_URL`. */
  model?: ModelSource | undefined;
  /** The prompt of a case, by a function or a template. Default: its input. */
  prompt?: PromptSource<TInput> | undefined;
  /** A message of the system before the prompt. Default: none. */
  system?: string | undefined;
  /** Makes the output of an answer. What it throws is the error of the case. Default: the text, or the value of `schema`. */
  parse?: ((text: string, context: AnswerContext<TInput>) => TOutput | PromiseLike<TOutput>) | undefined;
  /** The form of the answer. It is sent to the model, and the answer is checked. Default: any text. */
  schema?: OutputSchema | undefined;
  /** `false` asks for the schema by words in the system message, for servers that know no `response_format`. Default true. */
  useStructuredOutput?: boolean | undefined;
  /** Tools that the model may call. Those with `execute` are run and their results sent back. Default: none. */
  tools?: ToolSet | undefined;
  /** Answers of the model to one case, calls of tools included, from 1. Default 5. */
  maxSteps?: number | undefined;
  /** From 0; `null` sends none, for models that take none. Default 0.7. */
  temperature?: number | null | undefined;
  /** The longest answer, in tokens; `null` sends no bound. Default 2000. */
  maxTokens?: number | null | undefined;
  /** Milliseconds for a case, tools included; then its call is aborted. Default 30,000. */
  timeout?: number | undefined;
  /** Start of the random numbers, sent as `seed` plus the repeat of the task. Default: none is sent. */
  seed?: number | undefined;
  /** Prices by model, before those of {@link PRICES}. */
  prices?: PriceTable | undefined;
}

/** Facts about the answer of a model. */
export interface ModelRunMetadata extends Omit<RunResult['metadata'], 'cost' | 'error'> {
  /** US dollars; left out where the model's price or its use of tokens is unknown. */
  cost?: number | undefined;
  /** Why there is no output, although the model answered. */
  error?: string;
  finishReason: string;
  /** `false` where the provider did not report tokens: `tokenUsage` is then 0 without meaning it. */
  usageReported: boolean;
  /** The text of the answer, where `actual` is something else. */
  text?: string;
  /** Tools that were run. */
  toolRuns?: ToolRun[];
}

/** The result of asking a model about a case. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface ModelRunResult<TOutput = any> extends Omit<RunResult<TOutput>, 'metadata'> {
  metadata: ModelRunMetadata;
}

/** A task, as far as a runner reads it. Its expected output may have another form than the answer: that is the scorer's to judge. */
export type RunnerTask<TInput> = Pick<ExecutionTask<TInput>, 'testCase'> & {
  runnerConfig?: RunnerConfig | undefined;
  repeat?: number | undefined;
};

/** The context of a call, such as the one that an executor hands over. */
export interface RunnerContext {
  signal?: AbortSignal | undefined;
  observe?(headers: HeadersLike): void;
}

/** A function that asks a model about the case of a task. */
// biome-ignore lint/suspicious/noExplicitAny: as for RunResult
export interface ModelRunner<TInput = any, TOutput = any> {
  /**
   * Asks the model. Rejects where it gives no answer, with an error that tells an executor whether to try again. An answer
   * without the form that was asked for is a result with `metadata.error`: it was paid for.
   */
  (task: RunnerTask<TInput>, context?: RunnerContext): Promise<ModelRunResult<TOutput>>;
  /** The model that is asked; `undefined` where the task names it. */
  readonly modelId: string | undefined;
  /** Settings that change answers, as JSON: for the `modelConfig` of a stored run. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const DEFAULTS = { temperature: 0.7, maxTokens: 2000, timeout: 30_000, maxSteps: 5 };

/**
 * Makes a function that asks a model about test cases, for `ParallelExecutor.executeTasks`, `executeJob` and
 * `runModelComparison`.
 *
 * ```ts
 * const run = modelRunner({ model: openai('gpt-4o-mini'), prompt: 'Answer in one word: {{input.question}}' });
 * const results = await executor.executeTasks(tasks, run);
 * ```
 *
 * Throws `TypeError` or `RangeError` for an option that cannot be used.
 */
// biome-ignore lint/suspicious/noExplicitAny: the input is what the cases hold
export function modelRunner<TSchema extends OutputSchema, TInput = any>(
  options: ModelRunnerOptions<TInput, SchemaOutput<TSchema>> & { schema: TSchema; parse?: undefined },
): ModelRunner<TInput, SchemaOutput<TSchema>>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export function modelRunner<TOutput, TInput = any>(
  options: ModelRunnerOptions<TInput, TOutput> & {
    parse: (text: string, context: AnswerContext<TInput>) => TOutput | PromiseLike<TOutput>;
  },
): ModelRunner<TInput, TOutput>;
// biome-ignore lint/suspicious/noExplicitAny: as above
export function modelRunner<TInput = any>(
  options?: ModelRunnerOptions<TInput, string> & { parse?: undefined; schema?: undefined },
): ModelRunner<TInput, string>;
export function modelRunner<TInput, TOutput>(
  options?: ModelRunnerOptions<TInput, TOutput>,
): ModelRunner<TInput, TOutput> {
  const asked = new AskedModel(options);
  const { modelId, settings } = asked;
  return Object.assign((task: RunnerTask<TInput>, context?: RunnerContext) => asked.run(task, context ?? {}), {
    modelId,
    settings,
  });
}

class AskedModel<TInput, TOutput> {
  readonly modelId: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly #options: ModelRunnerOptions<TInput, TOutput>;
  readonly #source: ModelSource | undefined;
  readonly #form: AnswerForm | undefined;
  readonly #toolbox: Toolbox;
  readonly #prices: PriceTable;
  readonly #bounds: typeof DEFAULTS;
  readonly #temperature: number | undefined;
  readonly #maxTokens: number | undefined;

  constructor(options: ModelRunnerOptions<TInput, TOutput> | undefined) {
    const given = checkOptions('options', options) as ModelRunnerOptions<TInput, TOutput>;
    const { temperature, maxTokens, timeout, maxSteps } = { ...DEFAULTS, ...withoutUndefined(given) };
    this.#options = given;
    this.#source = checkedSource('model', given.model);
    this.#temperature = temperature === null ? undefined : nonNegativeNumber('temperature', temperature);
    this.#maxTokens = maxTokens === null ? undefined : positiveInteger('maxTokens', maxTokens);
    this.#bounds = {
      ...DEFAULTS,
      timeout: positiveNumber('timeout', timeout),
      maxSteps: positiveInteger('maxSteps', maxSteps),
    };
    this.#prices = checkedPrices(given.prices);
    this.#toolbox = new Toolbox(given.tools);
    this.#form = given.schema === undefined ? undefined : answerForm('schema', given.schema);
    if (given.parse !== undefined) callable('parse', given.parse);
    if (given.system !== undefined) string('system', given.system);
    if (given.seed !== undefined && !Number.isSafeInteger(given.seed)) wrongType('seed', 'a whole number', given.seed);
    const { prompt } = given;
    if (prompt !== undefined && typeof prompt !== 'string' && typeof prompt !== 'function') {
      wrongType('prompt', 'a template or a function', prompt);
    }
    this.modelId = idOfSource(this.#source);
    this.settings = Object.freeze({
      ...{ temperature: this.#temperature, maxTokens: this.#maxTokens, maxSteps: this.#bounds.maxSteps },
      ...{ system: given.system, seed: given.seed, prompt: typeof prompt === 'string' ? prompt : undefined },
      tools: given.tools && Object.keys(given.tools),
    });
  }

  async run(
    { testCase, runnerConfig, repeat = 0 }: RunnerTask<TInput>,
    context: RunnerContext,
  ): Promise<ModelRunResult<TOutput>> {
    const start = performance.now();
    const { seed, prompt } = this.#options;
    const config: Partial<RunnerConfig> = runnerConfig ?? {};
    const model = modelOf(this.#source, config.modelId);
    const schema = await this.#form?.wire();
    const { useStructuredOutput = true } = this.#options;
    const messages = await messagesOf(prompt, testCase, this.#system(schema, useStructuredOutput));
    const conversation = await converse(
      model,
      {
        messages,
        temperature: config.temperature ?? this.#temperature,
        maxTokens: config.maxTokens ?? this.#maxTokens,
        seed: seed === undefined ? undefined : seed + repeat,
        tools: await this.#toolbox.definitions(),
        json: this.#form && useStructuredOutput ? { schema } : undefined,
        more: config.additionalParams ?? {},
      },
      this.#toolbox,
      {
        maxSteps: this.#bounds.maxSteps,
        timeout: config.timeout ?? this.#bounds.timeout,
        signal: context.signal,
        observe: (headers) => context.observe?.(headers),
      },
    );
    const latency = performance.now() - start;
    const metadata = this.#metadataOf(config.modelId ?? model.modelId, model.modelId, conversation, latency);
    const category = testCase.metadata?.category;
    if (category !== undefined) metadata.category = category;
    const result = { testCaseId: testCase.id, input: testCase.input, expected: testCase.expected };
    try {
      const actual = await this.#outputOf(testCase, conversation);
      if (typeof actual !== 'string') metadata.text = conversation.text;
      return { ...result, actual, metadata };
    } catch (error) {
      const cut = conversation.finishReason === 'length' ? '; it was cut off at maxTokens' : '';
      const message = error instanceof Error ? error.message : String(error);
      const told =
        error instanceof AnswerFormError ? `${message}${cut}` : `the answer cannot be parsed: ${message}${cut}`;
      return { ...result, actual: {} as TOutput, metadata: { ...metadata, text: conversation.text, error: told } };
    }
  }

  #system(schema: object | undefined, useStructuredOutput: boolean): string | undefined {
    const { system } = this.#options;
    if (!this.#form || useStructuredOutput) return system;
    const form =
      schema === undefined
        ? 'Answer with JSON only.'
        : `Answer with JSON only, of this JSON Schema:\n${JSON.stringify(schema)}`;
    return system === undefined ? form : `${system}\n\n${form}`;
  }

  async #outputOf(
    testCase: TestCaseInput<TInput>,
    { text, toolRuns, openCalls, finishReason }: Conversation,
  ): Promise<TOutput> {
    const value = await this.#form?.read(text);
    const { parse } = this.#options;
    if (parse) return parse(text, { testCase, value, toolRuns, toolCalls: openCalls, finishReason });
    return (this.#form ? value : text) as TOutput;
  }

  #metadataOf(shownId: string, modelId: string, conversation: Conversation, latency: number): ModelRunMetadata {
    const { usage, isUsageReported, finishReason, toolRuns } = conversation;
    const cost = isUsageReported
      ? (costOfUsage(modelId, usage, this.#prices) ?? costOfUsage(shownId, usage, this.#prices))
      : undefined;
    return {
      modelId: shownId,
      latency,
      tokenUsage: usage,
      ...(cost === undefined ? {} : { cost }),
      timestamp: new Date(),
      finishReason,
      usageReported: isUsageReported,
      ...(toolRuns.length === 0 ? {} : { toolRuns }),
    };
  }
}

function withoutUndefined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
