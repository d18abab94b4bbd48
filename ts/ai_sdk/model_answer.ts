/** Model answers as they are stored and marked, and which of them are whole. */
import { isJson, reasonWord } from '../cache/complete_answer.js';
import { type ModelCallParameters, OURS } from './model_call.js';
import { plainCopy } from './plain_copy.js';

/** An answer, as `shouldCache` sees it. */
export interface ModelAnswer {
  /** `'stop'`, `'length'`, `'content-filter'`, `'tool-calls'`, `'error'`, `'other'` or `'unknown'`. */
  finishReason: string;
  /** Usage as the model told it. */
  usage: unknown;
  /** The content of a `generateText`, the parts of a `streamText`. */
  parts: readonly unknown[];
}

/** Result of `doGenerate`, as far as it matters here. */
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

/** Stored form of a stream. */
export interface StreamAnswer {
  parts: StreamPart[];
  finishReason: unknown;
  usage: unknown;
}

/** Returns the stored form of a `doGenerate`: all but the exchange with the provider, which a hit does not have. */
export function storedResult({ request: _, response, ...rest }: GenerateResult): GenerateResult {
  if (response === undefined) return plainCopy(rest);
  const { headers: __, body: ___, ...metadata } = response;
  return plainCopy({ ...rest, response: metadata });
}

/** Returns the stored form of a stream that has ended; `undefined` when it ended before its time or with an error. */
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

/** Types of parts that are an answer without any text. */
const BEYOND_TEXT = new Set(['tool-call', 'tool-input-start', 'tool-result', 'tool-approval-request', 'file']);

/** Returns true if the model said all it had to say, and something, in the form that was asked for. */
export function isWhole({ finishReason, parts }: ModelAnswer, { responseFormat }: ModelCallParameters): boolean {
  if (finishReason === 'tool-calls') return true;
  if (finishReason !== 'stop') return false;
  let text = '';
  for (const part of parts as { type?: unknown; text?: unknown; delta?: unknown }[]) {
    if (BEYOND_TEXT.has(part.type as string)) return true;
    if (part.type === 'text') text += part.text;
    else if (part.type === 'text-delta') text += part.delta;
  }
  const isJsonAsked = (responseFormat as { type?: unknown } | undefined)?.type === 'json';
  return text.trim() !== '' && (!isJsonAsked || isJson(text));
}

/** `metadata` and that this came from the cache. */
export function marked(metadata: Record<string, unknown> | undefined): Record<string, unknown> {
  return { ...metadata, [OURS]: { cached: true } };
}

/** A part of a cached stream: the last says so. */
export function givenPart(part: StreamPart): StreamPart {
  return part.type === 'finish' ? { ...part, providerMetadata: marked(part.providerMetadata) } : part;
}
