/** A question to a model, the tools that it calls, and its last word. */
import type { HeadersLike } from '../../executor/index.js';
import { onAbort } from '../../on_abort.js';
import type { TokenUsage } from '../../types.js';
import type { ChatMessage, LanguageModel, ModelReply, ModelRequest, ToolCall } from './language_model.js';
import type { Toolbox, ToolRun } from './tools.js';

/** The end of a conversation. */
export interface Conversation {
  text: string;
  finishReason: string;
  /** Tokens of all steps. */
  usage: TokenUsage;
  /** `false` where a step did not report its tokens. */
  isUsageReported: boolean;
  toolRuns: ToolRun[];
  /** Tools that the model called last and that nobody ran. */
  openCalls: readonly ToolCall[];
  /** Number of answers of the model. */
  steps: number;
}

/** Bounds of a conversation. */
export interface ConversationBounds {
  /** Answers of the model in all. */
  maxSteps: number;
  /** Milliseconds. */
  timeout: number;
  /** Ends the conversation from outside. */
  signal: AbortSignal | undefined;
  /** Called with the headers of every answer. */
  observe: ((headers: HeadersLike) => void) | undefined;
}

/**
 * Asks `model` until it calls no more tools. Rejects with a `TimeoutError` after `timeout`, with the signal's reason when
 * it is aborted. Then the call under way is told, and its answer is not waited for.
 */
export async function converse(
  model: LanguageModel,
  request: Omit<ModelRequest, 'signal'>,
  toolbox: Toolbox,
  { maxSteps, timeout, signal, observe }: ConversationBounds,
): Promise<Conversation> {
  signal?.throwIfAborted();
  const stop = new AbortController();
  let giveUp!: (reason: unknown) => void;
  const ended = new Promise<never>((_, reject) => {
    giveUp = (reason) => {
      stop.abort(reason);
      reject(reason);
    };
  });
  ended.catch(() => {});
  const leave = onAbort(signal, () => giveUp(signal!.reason));
  const timer = Number.isFinite(timeout)
    ? setTimeout(
        () => giveUp(new DOMException(`timed out after ${timeout} ms`, 'TimeoutError')),
        Math.min(timeout, 2 ** 31 - 1),
      )
    : undefined;
  try {
    return await Promise.race([steps(model, { ...request, signal: stop.signal }, toolbox, maxSteps, observe), ended]);
  } finally {
    clearTimeout(timer);
    leave();
  }
}

async function steps(
  model: LanguageModel,
  request: ModelRequest,
  toolbox: Toolbox,
  maxSteps: number,
  observe: ConversationBounds['observe'],
): Promise<Conversation> {
  const messages: ChatMessage[] = [...request.messages];
  const toolRuns: ToolRun[] = [];
  const usage: TokenUsage = { prompt: 0, completion: 0, total: 0 };
  let isUsageReported = true;
  for (let step = 1; ; step += 1) {
    const reply: ModelReply = await model.generate({ ...request, messages });
    request.signal.throwIfAborted();
    if (reply.headers !== undefined) observe?.(reply.headers);
    add(usage, reply.usage);
    isUsageReported &&= reply.isUsageReported;
    const { text, finishReason, toolCalls } = reply;
    if (toolCalls.length === 0 || step >= maxSteps || !toolbox.canRun(toolCalls)) {
      return { text, finishReason, usage, isUsageReported, toolRuns, openCalls: toolCalls, steps: step };
    }
    messages.push({ role: 'assistant', content: text, toolCalls });
    const answers = await Promise.all(toolCalls.map((call) => toolbox.run(call, request.signal)));
    for (const [i, { run, text: told }] of answers.entries()) {
      toolRuns.push(run);
      messages.push({ role: 'tool', content: told, toolCallId: toolCalls[i]!.id, toolName: toolCalls[i]!.name });
    }
  }
}

function add(sum: TokenUsage, { prompt, completion, total, cachedPrompt }: TokenUsage): void {
  sum.prompt += prompt;
  sum.completion += completion;
  sum.total += total;
  if (cachedPrompt !== undefined) sum.cachedPrompt = (sum.cachedPrompt ?? 0) + cachedPrompt;
}
