/** Models of the AI SDK's own test kit that answer with what they are told, and prompts for them. */
import { convertArrayToReadableStream, MockEmbeddingModelV3, MockLanguageModelV3 } from 'ai/test';

export type GenerateResult = Awaited<ReturnType<MockLanguageModelV3['doGenerate']>>;
export type StreamResult = Awaited<ReturnType<MockLanguageModelV3['doStream']>>;
export type StreamPart = StreamResult['stream'] extends ReadableStream<infer Part> ? Part : never;
export type CallOptions = MockLanguageModelV3['doGenerateCalls'][number];
type Reason = GenerateResult['finishReason']['unified'];

export const usage: GenerateResult['usage'] = {
  inputTokens: { total: 10, noCache: 10, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 5, text: 5, reasoning: undefined },
};

/** An answer of `text`. */
export function answer(text: string, unified: Reason = 'stop', more: Partial<GenerateResult> = {}): GenerateResult {
  return { content: [{ type: 'text', text }], finishReason: { unified, raw: unified }, usage, warnings: [], ...more };
}

/** The parts of a stream of `words`. */
export function parts(words: readonly string[], unified: Reason = 'stop'): StreamPart[] {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'response-metadata', id: 'r1', modelId: 'mock', timestamp: new Date(1_700_000_000_000) },
    { type: 'text-start', id: 't' },
    ...words.map((delta): StreamPart => ({ type: 'text-delta', id: 't', delta })),
    { type: 'text-end', id: 't' },
    { type: 'finish', finishReason: { unified, raw: unified }, usage, providerMetadata: { mock: { seen: true } } },
  ];
}

export function streamOf(given: readonly StreamPart[]): StreamResult {
  return { stream: convertArrayToReadableStream([...given]) };
}

/** A model that answers with what it was asked, and how many times it was asked before. */
export function echo(options: { provider?: string; modelId?: string } = {}): MockLanguageModelV3 {
  let calls = 0;
  const said = ({ prompt, responseFormat }: CallOptions) => {
    const last = prompt.at(-1)?.content[0];
    calls += 1;
    const text = `${typeof last === 'object' && 'text' in last ? last.text : 'nothing'} ${calls}`;
    return responseFormat?.type === 'json' ? JSON.stringify(text) : text;
  };
  return new MockLanguageModelV3({
    ...options,
    doGenerate: async (call) => answer(said(call)),
    doStream: async (call) => streamOf(parts(said(call).split(/(?= )/))),
  });
}

/** A model whose embedding of a text is its length, place and a number of its own. */
export function embedder(options: { modelId?: string; maxEmbeddingsPerCall?: number; own?: number } = {}) {
  const { modelId = 'mock', maxEmbeddingsPerCall = 100, own = 0.5 } = options;
  return new MockEmbeddingModelV3({
    modelId,
    maxEmbeddingsPerCall,
    doEmbed: async ({ values }) => ({
      embeddings: values.map((value) => [value.length, value.codePointAt(0) ?? 0, own]),
      usage: { tokens: 10 * values.length },
      warnings: [],
      providerMetadata: { mock: { asked: values.length } },
    }),
  });
}

/** A promise that the test settles. */
export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A stream that gives a part when told to, and knows how many were asked for and whether it was cancelled. */
export function controlled() {
  let controller!: ReadableStreamDefaultController<StreamPart>;
  const seen = { pulls: 0, cancelled: undefined as unknown, isCancelled: false };
  const stream = new ReadableStream<StreamPart>(
    {
      start: (given) => {
        controller = given;
      },
      pull: () => {
        seen.pulls += 1;
      },
      cancel: (reason) => {
        seen.isCancelled = true;
        seen.cancelled = reason;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen, controller: () => controller };
}

export async function all<T>(stream: ReadableStream<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of stream) found.push(part);
  return found;
}

/** Until everything that is ready has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
