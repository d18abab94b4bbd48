/** `isCompleteAnswer`: which answers of which providers are worth keeping. */
import { isCompleteAnswer } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';

const response = (rest: object) => ({ object: 'response', status: 'completed', output: [], ...rest });
const message = (...content: object[]) => ({ type: 'message', status: 'completed', content });
const gemini = (finishReason: string) => ({ candidates: [{ content: { parts: [] }, finishReason }] });

describe('kept', () => {
  test.each<[string, unknown]>([
    ['a text', 'text'],
    ['an empty text', ''],
    ['0', 0],
    ['what is not known', { anything: 1, content: null, output: 'text', status: 200 }],
    ['a chat completion', { choices: [{ finish_reason: 'stop', message: { content: 'x', refusal: null } }] }],
    ['a chat completion that calls tools', { choices: [{ finish_reason: 'tool_calls', message: { content: null } }] }],
    ['a Responses answer', response({ error: null, output: [message({ type: 'output_text', text: 'x' })] })],
    ['a message of Anthropic', { stop_reason: 'end_turn', content: [{ type: 'text', text: 'x' }] }],
    ['a tool call of Anthropic', { stop_reason: 'tool_use', content: [{ type: 'tool_use' }] }],
    ['an answer of Gemini', gemini('STOP')],
    ['an answer of the AI SDK', { finishReason: 'stop', text: 'x' }],
    ['an answer of a model of the AI SDK 6', { finishReason: { unified: 'tool-calls', raw: 'x' }, content: [] }],
    ['a RunResult', { testCaseId: 'a', actual: 'x', error: undefined }],
  ])('%s', (_what, answer) => expect(isCompleteAnswer(answer)).toBe(true));
});

describe('not kept', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an error', new Error('x')],
    ['an answer with an error', { error: 'x', score: 0 }],
    ['a chat completion at the token limit', { choices: [{ finish_reason: 'length', message: { content: 'x' } }] }],
    ['a chat completion that was filtered', { choices: [{ finish_reason: 'content_filter' }] }],
    ['one choice of several', { choices: [{ finish_reason: 'stop' }, { finish_reason: 'length' }] }],
    ['a refusal', { choices: [{ finish_reason: 'stop', message: { content: null, refusal: 'no' } }] }],
    ['a Responses refusal', response({ output: [message({ type: 'refusal', refusal: 'no' })] })],
    ['a part that is a refusal', response({ output: [message({ type: 'output_text' }, { type: 'refusal' })] })],
    ['an unfinished item', response({ output: [{ type: 'message', status: 'incomplete', content: [] }] })],
    ...['incomplete', 'failed', 'cancelled', 'in_progress', 'queued'].map((status): [string, unknown] => [
      `a Responses answer that is ${status}`,
      response({ status }),
    ]),
    ...['max_tokens', 'refusal', 'pause_turn', 'model_context_window_exceeded'].map((reason): [string, unknown] => [
      `Anthropic's ${reason}`,
      { stop_reason: reason, content: [{ type: 'text', text: 'x' }] },
    ]),
    ...[
      'MAX_TOKENS',
      'SAFETY',
      'RECITATION',
      'LANGUAGE',
      'BLOCKLIST',
      'PROHIBITED_CONTENT',
      'SPII',
      'MALFORMED_FUNCTION_CALL',
      'UNEXPECTED_TOOL_CALL',
      'IMAGE_SAFETY',
    ].map((reason): [string, unknown] => [`Gemini's ${reason}`, gemini(reason)]),
    ['a prompt that Gemini blocked', { promptFeedback: { blockReason: 'SAFETY' } }],
    ...['length', 'content-filter', 'error'].map((reason): [string, unknown] => [
      `the AI SDK's ${reason}`,
      { finishReason: reason, text: 'x' },
    ]),
    ['the same of the AI SDK 6', { finishReason: { unified: 'length', raw: 'max' }, content: [] }],
  ])('%s', (_what, answer) => expect(isCompleteAnswer(answer)).toBe(false));
});
