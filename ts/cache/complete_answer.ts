/** Which model answers are worth keeping, for `shouldCache`. */

/**
 * Reasons to end that mean the answer is not the whole or not the wanted one, as providers spell them, in lower case and with
 * `_` for `-`.
 */
const UNWANTED = new Set([
  'error',
  'length',
  'refusal',
  'content_filter',
  // Anthropic
  'max_tokens',
  'pause_turn',
  'model_context_window_exceeded',
  // Gemini
  'safety',
  'image_safety',
  'recitation',
  'language',
  'blocklist',
  'prohibited_content',
  'image_prohibited_content',
  'image_recitation',
  'no_image',
  'spii',
  'malformed_function_call',
  'unexpected_tool_call',
  'too_many_tool_calls',
  // Cohere, Bedrock
  'error_toxic',
  'error_limit',
  'guardrail_intervened',
  'content_filtered',
]);

/** States of an answer that is not, or not yet, whole. */
const UNFINISHED = new Set(['incomplete', 'failed', 'error', 'cancelled', 'in_progress', 'queued']);

/**
 * Whether `value` looks like a model's whole answer: not an error, not cut off at the token limit, not refused or filtered.
 * Knows the answers of OpenAI (chat completions and Responses), Anthropic, Gemini and the Vercel AI SDK and this package's
 * `RunResult`; what it does not know is taken for complete.
 */
export function isCompleteAnswer(value: unknown): boolean {
  if (value === undefined || value === null || value instanceof Error) return false;
  if (typeof value !== 'object') return true;
  const { error, choices, candidates, output, status, promptFeedback } = value as Record<string, unknown>;
  if (error !== undefined && error !== null && error !== false) return false;
  if (typeof status === 'string' && UNFINISHED.has(status.toLowerCase())) return false;
  // Gemini answers a prompt that it blocks without any candidate.
  if (isGiven((promptFeedback as { blockReason?: unknown } | undefined)?.blockReason)) return false;
  const answers = [value, ...listed(choices), ...listed(candidates), ...listed(output)];
  return !answers.some(isCutOrRefused);
}

function listed(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [];
}

function isGiven(text: unknown): boolean {
  return typeof text === 'string' && text !== '';
}

function isCutOrRefused(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const { finishReason, finish_reason, stopReason, stop_reason, status, ...given } = answer as Record<string, unknown>;
  if ([finishReason, finish_reason, stopReason, stop_reason].some(isUnwanted)) return true;
  // A message of a Responses answer has a state of its own.
  if (typeof status === 'string' && UNFINISHED.has(status.toLowerCase())) return true;
  const message = given.message as { refusal?: unknown } | undefined | null;
  if (isGiven(given.refusal) || isGiven(message?.refusal)) return true;
  return listed(given.content).some((part) => (part as { type?: unknown } | undefined | null)?.type === 'refusal');
}

function isUnwanted(reason: unknown): boolean {
  const word = reasonWord(reason);
  return word !== undefined && UNWANTED.has(word.toLowerCase().replaceAll('-', '_'));
}

/** A reason to end is a word, or (AI SDK 6 and later) an object whose `unified` is one. */
export function reasonWord(reason: unknown): string | undefined {
  const word = typeof reason === 'object' && reason !== null ? (reason as { unified?: unknown }).unified : reason;
  return typeof word === 'string' ? word : undefined;
}
