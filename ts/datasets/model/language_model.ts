/** A language model as runners ask it, whatever is behind it. */
import type { HeadersLike } from '../../executor/index.js';
import type { TokenUsage } from '../../types.js';

/** A call of a tool that a model asked for. */
export interface ToolCall {
  id: string;
  name: string;
  /** The arguments, parsed; the text itself where it is no JSON. */
  input: unknown;
}

/** A message of a chat. */
export interface ChatMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  /** The text, or parts in the form of the model that is asked. */
  content: string | readonly unknown[] | null;
  /** Tools that the assistant calls. */
  toolCalls?: readonly ToolCall[];
  /** The call that a tool answers. */
  toolCallId?: string;
  toolName?: string;
}

/** A tool as a model is told of it. */
export interface ToolDefinition {
  name: string;
  description: string | undefined;
  /** JSON Schema of its arguments. */
  inputSchema: object;
}

/** A question to a model. */
export interface ModelRequest {
  messages: readonly ChatMessage[];
  temperature: number | undefined;
  maxTokens: number | undefined;
  seed: number | undefined;
  tools: readonly ToolDefinition[];
  /** Asks for JSON, of this schema if there is one. */
  json: { schema: object | undefined } | undefined;
  /** Further settings, in the form of the model that is asked. */
  more: Readonly<Record<string, unknown>>;
  signal: AbortSignal;
}

/** An answer of a model. */
export interface ModelReply {
  text: string;
  toolCalls: readonly ToolCall[];
  /** Tokens as the provider reports them; all 0 where it reports none. */
  usage: TokenUsage;
  isUsageReported: boolean;
  /** `stop`, `length`, `tool-calls`, `content-filter` and others, as the AI SDK names them. */
  finishReason: string;
  headers: HeadersLike | undefined;
}

/** A model that can be asked. */
export interface LanguageModel {
  readonly modelId: string;
  /** What tells its server apart from others; `undefined` where the model does not say. Never a secret. */
  readonly endpoint: string | undefined;
  /** Asks. Rejects with an error whose `status`, `code` and headers tell an executor whether and when to try again. */
  generate(request: ModelRequest): Promise<ModelReply>;
}
