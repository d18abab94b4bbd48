/** The data types of an evaluation, shared by every room. */

/** How hard a case is meant to be. */
export type Difficulty = 'easy' | 'medium' | 'hard';

/** What is known of a case besides its input and expected output. */
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
export interface TestCase<TInput = unknown, TOutput = unknown> {
  id: string;
  input: TInput;
  expected: TOutput;
  metadata: TestCaseMetadata;
}

/** A case as it may be passed in: only `id`, `input` and `expected` are needed. */
export type TestCaseInput<TInput = unknown, TOutput = unknown> = Omit<TestCase<TInput, TOutput>, 'metadata'> & {
  metadata?: Partial<TestCaseMetadata>;
};

/** Which model answers, and how it is asked. */
export interface RunnerConfig {
  /** Provider and model, for instance `'openai/gpt-4'`. */
  modelId: string;
  temperature?: number;
  /** Upper bound of the answer, in tokens. */
  maxTokens?: number;
  /** Milliseconds. */
  timeout?: number;
  retries?: number;
  additionalParams?: Record<string, unknown>;
}

/** Tokens of one call. */
export interface TokenUsage {
  prompt: number;
  completion: number;
  total: number;
  /** Of `prompt`, those read from the provider's prompt cache. */
  cachedPrompt?: number;
}

/** What running one case gave. */
export interface RunResult<TOutput = unknown> {
  testCaseId: string;
  input: unknown;
  expected: TOutput;
  actual: TOutput;
  metadata: {
    modelId: string;
    /** Milliseconds. */
    latency: number;
    tokenUsage: TokenUsage;
    /** US dollars. */
    cost: number;
    timestamp: Date;
    error?: EvalError;
  };
}

/** A failure of one case, as data. */
export interface EvalError {
  type: 'execution' | 'scoring' | 'system';
  severity: 'fatal' | 'error' | 'warning';
  message: string;
  testCaseId?: string;
  stack?: string;
  /** Whether trying again can help: true for timeouts, dropped connections and HTTP 408/409/425/429/5xx. */
  retryable: boolean;
  timestamp: Date;
}
