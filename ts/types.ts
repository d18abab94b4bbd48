/** The data types of an evaluation, shared by every module. */

/** The intended difficulty of a case. */
export type Difficulty = 'easy' | 'medium' | 'hard';

/** Facts about a case besides its input and expected output. */
export interface TestCaseMetadata {
  difficulty: Difficulty;
  category: string;
  tags: string[];
  createdAt: Date;
  source: 'production' | 'synthetic' | 'edge-case';
  description?: string;
  reference?: string;
}

/** One case of a dataset: an input and what a right answer to it is. */
// biome-ignore lint/suspicious/noExplicitAny: code written against the original reads fields of any case
export interface TestCase<TInput = any, TOutput = any> {
  id: string;
  input: TInput;
  expected: TOutput;
  metadata: TestCaseMetadata;
}

/** A case as it may be passed in: only `id`, `input` and `expected` are needed. */
// biome-ignore lint/suspicious/noExplicitAny: as for TestCase
export type TestCaseInput<TInput = any, TOutput = any> = Omit<TestCase<TInput, TOutput>, 'metadata'> & {
  metadata?: Partial<TestCaseMetadata>;
};

/** The model that answers, and the way it is asked. */
export interface RunnerConfig {
  /** Provider and model, for instance `'openai/gpt-4'`. */
  modelId: string;
  temperature?: number;
  /** Upper bound of the answer, in tokens. */
  maxTokens?: number;
  /** Milliseconds an attempt may take; default: the executor's `timeout`. */
  timeout?: number;
  /** Attempts after the first that failed; default: the executor's `retries.maxAttempts` less one. */
  retries?: number;
  additionalParams?: Record<string, unknown>;
}

/** Tokens of one call. */
export interface TokenUsage {
  prompt: number;
  completion: number;
  total: number;
  /** Tokens of `prompt` that were read from the provider's prompt cache. */
  cachedPrompt?: number;
}

/** The result of running one case. */
// biome-ignore lint/suspicious/noExplicitAny: as for TestCase
export interface RunResult<TOutput = any> {
  testCaseId: string;
  // biome-ignore lint/suspicious/noExplicitAny: as for TestCase
  input: any;
  expected: TOutput;
  actual: TOutput;
  metadata: {
    modelId: string;
    /** Milliseconds. */
    latency: number;
    tokenUsage: TokenUsage;
    /** US dollars; left out where the price is unknown. */
    cost?: number | undefined;
    timestamp: Date;
    error?: string | EvalError;
    /** The category of the test case. */
    category?: string | undefined;
  };
}

/** An error behind another one, as data. */
export interface ErrorCause {
  message: string;
  /** Name of the error's class. */
  name?: string;
  /** A code such as `ECONNREFUSED`. */
  code?: string | number;
  stack?: string;
  cause?: ErrorCause;
  /** The parts of an `AggregateError`. */
  errors?: ErrorCause[];
}

/** A failure of one case, as data. */
export interface EvalError {
  type: 'execution' | 'scoring' | 'system';
  severity: 'fatal' | 'error' | 'warning';
  message: string;
  testCaseId?: string;
  stack?: string;
  /** True if trying again can help: true for timeouts, dropped connections and HTTP 408/409/425/429/5xx. */
  retryable: boolean;
  /** The error's `cause` and those behind it (`fetch failed`, then `ECONNREFUSED`); of an aborted task the abort's reason. */
  cause?: ErrorCause;
  /** The parts of an `AggregateError`. */
  errors?: ErrorCause[];
  timestamp?: Date;
}
