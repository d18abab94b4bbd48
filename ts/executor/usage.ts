/** Tokens of a call, in the shapes that clients report them in. */

/** Tokens of one call. */
export interface Tokens {
  input: number;
  output: number;
  /** Tokens of the input that were read from the provider's prompt cache. */
  cached: number;
}

/** Places looked at, as a warning names them. */
export const USAGE_PLACES =
  'usage, totalUsage, tokenUsage, usageMetadata or usage_metadata of the result, of its metadata, response, data or body';

type Fields = Record<string, unknown>;

const PLACES = ['tokenUsage', 'totalUsage', 'usage', 'usageMetadata', 'usage_metadata', 'token_usage', 'tokens'];
const CARRIERS = ['metadata', 'response', 'data', 'body', 'response_metadata', 'llmOutput', 'meta', 'raw', 'result'];

const INPUT = [
  'prompt',
  'promptTokens',
  'prompt_tokens',
  'inputTokens',
  'input_tokens',
  'promptTokenCount',
  'inputTokenCount',
  'prompt_eval_count',
];
const OUTPUT = [
  'completion',
  'completionTokens',
  'completion_tokens',
  'outputTokens',
  'output_tokens',
  'candidatesTokenCount',
  'responseTokenCount',
  'outputTokenCount',
  'eval_count',
];
const TOTAL = ['total', 'totalTokens', 'total_tokens', 'totalTokenCount'];
const CACHED = [
  'cachedPrompt',
  'cachedInputTokens',
  'cached_tokens',
  'cachedContentTokenCount',
  'cacheReadInputTokens',
  'cache_read_input_tokens',
  'prompt_cache_hit_tokens',
];
const DETAILS = ['prompt_tokens_details', 'input_tokens_details', 'inputTokenDetails', 'input_token_details'];

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
}

/** The first of `names` that holds a count; AI SDK models hold it as `{ total }`. */
function count(usage: Fields, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = usage[name];
    const told = typeof value === 'object' && value !== null && 'total' in value ? value.total : value;
    if (typeof told === 'number' && told >= 0 && told < Number.POSITIVE_INFINITY) return told;
  }
  return undefined;
}

function cachedTokens(usage: Fields): number {
  const direct = count(usage, CACHED);
  if (direct !== undefined) return direct;
  for (const name of DETAILS) {
    const details = fieldsOf(usage[name]);
    const told = details && count(details, ['cached_tokens', 'cacheReadTokens', 'cache_read']);
    if (told !== undefined) return told;
  }
  const input = fieldsOf(usage.inputTokens);
  return (input && count(input, ['cacheRead'])) ?? 0;
}

/**
 * Reads a usage object as the AI SDK, OpenAI (chat and Responses), Anthropic, Gemini, Bedrock, Cohere, Ollama, LangChain and
 * this package write it. Returns `undefined` when it holds none of their counts. A total of 0 beside parts is their sum;
 * a total beyond the parts (reasoning, say) counts as output.
 */
export function tokensOf(value: unknown): Tokens | undefined {
  const usage = fieldsOf(value);
  if (usage === undefined) return undefined;
  let input = count(usage, INPUT);
  let output = count(usage, OUTPUT);
  const total = count(usage, TOTAL);
  if (input === undefined && output === undefined && total === undefined) return undefined;
  const cached = cachedTokens(usage);
  // Anthropic counts what it reads from and writes to its cache beside the input. Bedrock does, too.
  const written = count(usage, ['cache_creation_input_tokens', 'cacheWriteInputTokens']);
  const read = count(usage, ['cache_read_input_tokens', 'cacheReadInputTokens']);
  if (input !== undefined && usage.promptTokens === undefined) input += (written ?? 0) + (read ?? 0);
  output = (output ?? 0) + (count(usage, ['thoughtsTokenCount']) ?? 0);
  if (input === undefined) input = 0;
  return { input, output: Math.max(output, (total ?? 0) - input), cached: Math.min(cached, input) };
}

/** Finds the usage of a result: at its top level, or in its metadata, response, data or body. Never throws. */
export function usageOf(result: unknown): Tokens | undefined {
  try {
    const fields = fieldsOf(result);
    return fields && find(fields, 0);
  } catch {
    return undefined;
  }
}

function find(fields: Fields, depth: number): Tokens | undefined {
  for (const place of PLACES) {
    const found = tokensOf(fields[place]);
    if (found !== undefined) return found;
  }
  // Ollama has its counts beside the answer.
  if (typeof fields.eval_count === 'number') return tokensOf(fields);
  if (depth === 3) return undefined;
  for (const carrier of CARRIERS) {
    const inner = fieldsOf(fields[carrier]);
    const found = inner && find(inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
