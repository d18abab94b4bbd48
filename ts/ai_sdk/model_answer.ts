/** What is stored of a model's answer, what a cached one says of itself, and which answers are whole. */
import { reasonWord } from '../cache/complete_answer.js';
import { OURS } from './model_call.js';
import { plainCopy } from './plain_copy.js';

/** An answer, as `shouldCache` sees it. */
export interface ModelAnswer {
  /** `'stop'`, `'length'`, `'content-filter'`, `'tool-calls'`, `'error'`, `'other'` or `'unknown'`. */
  finishReason: string;
  /** As the model told it. */
  usage: unknown;
  /** The content of a `generateText`, the parts of a `streamText`. */
  parts: readonly unknown[];
}

/** What `doGenerate` answers with, as far as it matters here. */
export interface GenerateResult {
  content: unknown[];
  finishReason: unknown;
  usage: unknown;
  providerMetadata?: Record<string, unknown>;
  request?: unknown;
  response?: { headers?: unknown; body?: unknown };
}

/** A part of a stream. */
export interface StreamPart {
  type: string;
  finishReason?: unknown;
  usage?: unknown;
  providerMetadata?: Record<string, unknown>;
}

/** What is stored of a stream. */
export interface StreamAnswer {
  parts: StreamPart[];
  finishReason: unknown;
  usage: unknown;
}

/** What is stored of a `doGenerate`: all but the exchange with the provider, which a hit does not have. */
export function storedResult({ request: _, response, ...rest }: GenerateResult): GenerateResult {
  if (response === undefined) return plainCopy(rest);
  const { headers: __, body: ___, ...metadata } = response;
  return plainCopy({ ...rest, response: metadata });
}

/** What is stored of a stream that has ended; `undefined` when it ended before its time or with an error. */
export function storedStream(parts: readonly StreamPart[]): StreamAnswer | undefined {
  const finish = parts.findLast(({ type }) => type === 'finish');
  if (finish === undefined || parts.some(({ type }) => type === 'error')) return undefined;
  return plainCopy({ parts: [...parts], finishReason: finish.finishReason, usage: finish.usage });
}

/** An answer as `shouldCache` sees it. */
export function answerOf(stored: GenerateResult | StreamAnswer): ModelAnswer {
  const { finishReason, usage } = stored;
  return {
    finishReason: reasonWord(finishReason) ?? 'unknown',
    usage,
    parts: 'parts' in stored ? stored.parts : stored.content,
  };
}

/** Whether the model said all it had to say. */
export function isWhole({ finishReason }: ModelAnswer): boolean {
  return finishReason === 'stop' || finishReason === 'tool-calls';
}

/** `metadata` and that this came from the cache. */
export function marked(metadata: Record<string, unknown> | undefined): Record<string, unknown> {
  return { ...metadata, [OURS]: { cached: true } };
}

/** A part of a cached stream: the last says so. */
export function givenPart(part: StreamPart): StreamPart {
  return part.type === 'finish' ? { ...part, providerMetadata: marked(part.providerMetadata) } : part;
}
