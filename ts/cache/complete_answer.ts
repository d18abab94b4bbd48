/** Which model answers are worth keeping, for `shouldCache`. */

/** Reasons to end that mean the answer is not the whole or not the wanted one, as providers spell them. */
const UNWANTED = new Set(['length', 'max_tokens', 'content-filter', 'content_filter', 'refusal', 'error', 'safety']);

/**
 * Whether `value` looks like a model's whole answer: not an error, not cut off at the token limit, not refused or filtered.
 * Knows the answers of OpenAI, Anthropic and the Vercel AI SDK and this package's `RunResult`; what it does not know is
 * taken for complete.
 */
export function isCompleteAnswer(value: unknown): boolean {
  if (value === undefined || value === null || value instanceof Error) return false;
  if (typeof value !== 'object') return true;
  const { error, choices, status } = value as { error?: unknown; choices?: unknown; status?: unknown };
  if (error !== undefined && error !== null && error !== false) return false;
  if (status === 'incomplete' || status === 'failed' || status === 'error') return false;
  const answers: unknown[] = Array.isArray(choices) ? [value, ...choices] : [value];
  return !answers.some(isCutOrRefused);
}

function isCutOrRefused(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const given = answer as Record<string, unknown>;
  const reason = given.finishReason ?? given.finish_reason ?? given.stopReason ?? given.stop_reason;
  if (isUnwanted(reason)) return true;
  const refusal = given.refusal ?? (given.message as { refusal?: unknown } | undefined)?.refusal;
  return typeof refusal === 'string' && refusal !== '';
}

function isUnwanted(reason: unknown): boolean {
  const word = reasonWord(reason);
  return word !== undefined && UNWANTED.has(word.toLowerCase());
}

/** A reason to end is a word, or (AI SDK 6 and later) an object whose `unified` is one. */
export function reasonWord(reason: unknown): string | undefined {
  const word = typeof reason === 'object' && reason !== null ? (reason as { unified?: unknown }).unified : reason;
  return typeof word === 'string' ? word : undefined;
}
