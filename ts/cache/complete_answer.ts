/** Tells model answers that are worth keeping, for `shouldCache`. */
import type { CacheRequest } from './options.js';

/** Reasons to end with an answer that is not whole or not wanted, in lower case and with `_` for `-`. */
const UNWANTED = new Set([
  'error',
  'length',
  'refusal',
  'content_filter',
  'other',
  'unknown',
  'abort',
  'aborted',
  'cancelled',
  'canceled',
  'timeout',
  'limit',
  // Anthropic
  'max_tokens',
  'pause_turn',
  'model_context_window_exceeded',
  // Gemini
  'finish_reason_unspecified',
  'safety',
  'image_safety',
  'recitation',
  'language',
  'blocklist',
  'prohibited_content',
  'image_prohibited_content',
  'image_recitation',
  'image_other',
  'no_image',
  'spii',
  'malformed_function_call',
  'malformed_response',
  'unexpected_tool_call',
  'too_many_tool_calls',
  'missing_thought_signature',
  // Mistral, DeepSeek, Ollama, watsonx
  'model_length',
  'insufficient_system_resource',
  'load',
  'unload',
  'time_limit',
  'token_limit',
  // Cohere, Bedrock
  'error_toxic',
  'error_limit',
  'user_cancel',
  'guardrail_intervened',
  'content_filtered',
  'malformed_model_output',
  'malformed_tool_use',
]);

/** States of an answer that is not, or not yet, whole. */
const UNFINISHED = new Set([
  'incomplete',
  'failed',
  'error',
  'cancelled',
  'canceled',
  'in_progress',
  'queued',
  'processing',
  'starting',
]);

/** Reasons to end with a call of tools: such an answer needs no text. */
const TOOL_CALLS = new Set(['tool_calls', 'tool_use', 'tool_call', 'function_call']);

/** Names under which providers state the reason to end. */
const REASONS = ['finishReason', 'finish_reason', 'stopReason', 'stop_reason', 'done_reason'] as const;
/** Reasons that are `null` until the answer has ended. */
const NULL_UNTIL_ENDED = ['finish_reason', 'stop_reason'] as const;
/** Members and parts that are an answer without any text. */
const BEYOND_TEXT = /tool|function|image|audio|video|file|inline_?data|executable|code|custom/i;

type Members = Readonly<Record<string, unknown>>;

/**
 * Whether `value` looks like a model's whole answer. It is none when it
 * - is an error, or carries one (`error`, `errors`, `metadata.error`);
 * - was cut off, filtered, refused, or is not finished;
 * - has no choice, or nothing in it: neither text nor a call of a tool;
 * - is no JSON although the request asked for JSON (`responseFormat`, `response_format`, …).
 *
 * Knows the answers of OpenAI (chat completions and Responses) and compatible servers, Anthropic, Gemini, Mistral,
 * DeepSeek, Cohere, Bedrock, Ollama, the Vercel AI SDK, and this package's `RunResult`. Any other value counts as complete.
 */
export function isCompleteAnswer(value: unknown, request?: CacheRequest): boolean {
  if (value === undefined || value === null || value instanceof Error) return false;
  if (typeof value === 'string') return !asksForJson(request) || isJson(value);
  if (typeof value !== 'object') return true;
  const answer = value as Members;
  if (hasError(answer) || hasError(membersOf(answer.metadata)) || isUnfinished(answer)) return false;
  // Gemini answers a prompt that it blocks without any candidate.
  if (isGiven(membersOf(answer.promptFeedback).blockReason)) return false;
  const parts = partsOf(answer);
  if (parts === undefined) return false;
  if (parts.some(isCutOrRefused)) return false;
  const answers = parts.length > 1 && !Array.isArray(answer.output) ? parts.slice(1) : [answer];
  return answers.every((part) => isFilled(part, request));
}

/** Returns the answer and the answers in it; `undefined` where it should have some and has none. */
function partsOf(answer: Members): readonly Members[] | undefined {
  const { choices, candidates, output, object } = answer;
  const isCompletion = typeof object === 'string' && /^(chat|text)[._]completion/.test(object);
  if (isCompletion && !Array.isArray(choices)) return undefined;
  for (const list of [choices, candidates]) {
    if (list === null || (Array.isArray(list) && list.length === 0)) return undefined;
  }
  return [answer, ...listed(choices), ...listed(candidates), ...listed(output)];
}

function hasError({ error, errors }: Members): boolean {
  const isError = error !== undefined && error !== null && error !== false && error !== '';
  return isError || (Array.isArray(errors) && errors.length > 0);
}

function isUnfinished({ status, done }: Members): boolean {
  return done === false || (typeof status === 'string' && UNFINISHED.has(status.toLowerCase()));
}

function isCutOrRefused(answer: Members): boolean {
  if (hasError(answer) || isUnfinished(answer)) return true;
  if (answer.truncated === true || answer.stopped_limit === true) return true;
  if (NULL_UNTIL_ENDED.some((name) => answer[name] === null)) return true;
  if (REASONS.some((name) => isUnwanted(answer[name]))) return true;
  if (isGiven(answer.refusal) || isGiven(membersOf(answer.message).refusal)) return true;
  return listed(answer.content).some(({ type }) => type === 'refusal');
}

/** Returns true if an answer of a known shape has anything in it, in the form that was asked for. */
function isFilled(answer: Members, request: CacheRequest | undefined): boolean {
  const reason = REASONS.map((name) => reasonWord(answer[name])).find((word) => word !== undefined);
  if (reason !== undefined && TOOL_CALLS.has(normal(reason))) return true;
  const isResponse = answer.object === 'response';
  const message = membersOf(answer.message);
  const holder = answer.message === undefined || answer.message === null ? answer : message;
  const { content, text, output, output_text: outputText } = holder;
  const isKnown = isResponse || reason !== undefined || holder === message;
  if (!isKnown || hasMoreThanText(holder) || hasMoreThanText(answer)) return true;
  const given = isResponse ? (outputText ?? output) : [content, text, outputText].find((one) => one !== undefined);
  // A shape that has its text elsewhere.
  if (given === undefined && holder !== message && !isResponse) return true;
  const found = textOf(given);
  if (found === undefined) return true;
  return found.trim() !== '' && (!asksForJson(request) || isJson(found));
}

/** Returns true if an answer has a member besides its text that is not empty, such as `tool_calls`. */
function hasMoreThanText(holder: Members): boolean {
  return Object.entries(holder).some(
    ([name, member]) =>
      /^(tool_?calls|function_?call|audio|images?|files)$/i.test(name) &&
      (Array.isArray(member) ? member.length > 0 : typeof member === 'object' && member !== null),
  );
}

/** Returns the text of contents; `undefined` where there are parts that are more than text. */
function textOf(content: unknown): string | undefined {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) {
    const { parts } = membersOf(content);
    return Array.isArray(parts) ? textOf(parts) : undefined;
  }
  let text = '';
  for (const part of content) {
    if (typeof part === 'string') {
      text += part;
      continue;
    }
    const { type, text: own, content: inner, ...more } = membersOf(part);
    const isThought =
      type === 'reasoning' || type === 'thinking' || type === 'redacted_thinking' || more.thought === true;
    if (isThought) continue;
    if (typeof type === 'string' && BEYOND_TEXT.test(type)) return undefined;
    if (Object.keys(more).some((name) => BEYOND_TEXT.test(name))) return undefined;
    if (typeof own === 'string') text += own;
    else if (Array.isArray(inner)) {
      const innerText = textOf(inner);
      if (innerText === undefined) return undefined;
      text += innerText;
    }
  }
  return text;
}

/** Returns true if a request asks for JSON, in the words of any provider. */
function asksForJson(request: CacheRequest | undefined): boolean {
  if (request === undefined) return false;
  const configs = [request.modelConfig, request.input].map(membersOf);
  return configs
    .flatMap((config) => [
      config,
      ...['settings', 'generationConfig', 'config', 'params'].map((name) => membersOf(config[name])),
    ])
    .some(({ responseFormat, response_format, response_mime_type, responseMimeType, text, format }) =>
      [responseFormat, response_format, responseMimeType, response_mime_type, membersOf(text).format, format].some(
        isJsonFormat,
      ),
    );
}

function isJsonFormat(format: unknown): boolean {
  const name = typeof format === 'string' ? format : membersOf(format).type;
  return typeof name === 'string' && /^(json|json_object|json_schema|application\/json|object)$/i.test(name);
}

/** Returns true if a text is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

function listed(given: unknown): readonly Members[] {
  return Array.isArray(given) ? given.filter((one) => typeof one === 'object' && one !== null) : [];
}

function isGiven(text: unknown): boolean {
  return typeof text === 'string' && text !== '';
}

function isUnwanted(reason: unknown): boolean {
  const word = reasonWord(reason);
  return word !== undefined && UNWANTED.has(normal(word));
}

function normal(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/** Returns the word of a reason to end, which is (AI SDK 6 and later) an object whose `unified` is one. */
export function reasonWord(reason: unknown): string | undefined {
  const word = typeof reason === 'object' && reason !== null ? (reason as { unified?: unknown }).unified : reason;
  return typeof word === 'string' ? word : undefined;
}
