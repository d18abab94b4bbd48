/** `isCompleteAnswer`: which answers of which providers are worth keeping. */
import { isCompleteAnswer } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';

const response = (rest: object) => ({ object: 'response', status: 'completed', output: [], ...rest });
const message = (...content: object[]) => ({ type: 'message', status: 'completed', content });
const gemini = (finishReason: string, text = 'x') => ({
  candidates: [{ content: { parts: [{ text }] }, finishReason }],
});
const chat = (message: object, rest: object = { finish_reason: 'stop' }) => ({
  object: 'chat.completion',
  choices: [{ message: { role: 'assistant', ...message }, ...rest }],
});
const tool = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } };

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
    ['a RunResult', { testCaseId: 'a', actual: 'x', error: undefined, metadata: { modelId: 'm' } }],
    ['a call of tools beside an empty text', chat({ content: '', tool_calls: [tool] })],
    ['a call of tools that ends with stop', chat({ content: null, tool_calls: [tool] })],
    ['an audio answer', chat({ content: null, audio: { id: 'a' } })],
    ['a completion', { object: 'text_completion', choices: [{ text: 'x', finish_reason: 'stop' }] }],
    ['an answer of Ollama', { model: 'm', message: { content: 'x' }, done: true, done_reason: 'stop' }],
    ['a generated text of Ollama', { model: 'm', response: 'x', done: true, done_reason: 'stop' }],
    ['an image of Gemini', { candidates: [{ content: { parts: [{ inlineData: {} }] }, finishReason: 'STOP' }] }],
    [
      'a function call of Gemini',
      { candidates: [{ content: { parts: [{ functionCall: {} }] }, finishReason: 'STOP' }] },
    ],
    ['a call of a function of Responses', response({ output: [{ type: 'function_call', status: 'completed' }] })],
    ['an answer of Cohere', { finish_reason: 'COMPLETE', message: { content: [{ type: 'text', text: 'x' }] } }],
    ['an answer of Bedrock', { stopReason: 'end_turn', output: { message: { content: [{ text: 'x' }] } } }],
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
    ['a RunResult with an error', { testCaseId: 'a', actual: undefined, metadata: { error: 'timeout' } }],
    ['errors', { errors: ['overloaded'] }],
    ['no choices', { object: 'chat.completion', choices: [] }],
    ['missing choices', { id: 'a', object: 'chat.completion', usage: {} }],
    ['choices that are null', { choices: null }],
    ['an error of a choice', chat({ content: 'x' }, { error: { code: 502 } })],
    ['a choice that has not ended', chat({ content: 'x' }, { finish_reason: null })],
    [
      'a message of Anthropic that has not ended',
      { type: 'message', stop_reason: null, content: [{ type: 'text', text: 'x' }] },
    ],
    ...['model_length', 'insufficient_system_resource', 'error', 'abort'].map((reason): [string, unknown] => [
      `a compatible server's ${reason}`,
      chat({ content: 'x' }, { finish_reason: reason }),
    ]),
    ["Gemini's OTHER", gemini('OTHER')],
    ["Gemini's MALFORMED_RESPONSE", gemini('MALFORMED_RESPONSE')],
    ['no candidates', { candidates: [] }],
    ['a part of a stream of Ollama', { message: { content: 'x' }, done: false }],
    ["Ollama's length", { message: { content: 'x' }, done: true, done_reason: 'length' }],
    ["Ollama's load", { message: { content: '' }, done: true, done_reason: 'load' }],
    ["Cohere's MAX_TOKENS", { finish_reason: 'MAX_TOKENS', message: { content: [{ type: 'text', text: 'x' }] } }],
    ["Bedrock's guardrail", { stopReason: 'guardrail_intervened', output: { message: { content: [{ text: 'x' }] } } }],
    ['content that is null without a call of tools', chat({ content: null })],
    ['content that is null beside an empty list of calls', chat({ content: null, tool_calls: [] })],
    ['an empty text', chat({ content: '' })],
    ['a text of blanks', chat({ content: ' \n' })],
    ['reasoning without an answer', chat({ content: '', reasoning_content: 'so' })],
    ['an empty completion', { choices: [{ text: '', finish_reason: 'stop' }] }],
    ['an empty text of Anthropic', { stop_reason: 'end_turn', content: [] }],
    ['a thought of Anthropic alone', { stop_reason: 'end_turn', content: [{ type: 'thinking', thinking: 'so' }] }],
    ['an empty text of Gemini', gemini('STOP', '')],
    ['an empty Responses answer', response({ output: [message({ type: 'output_text', text: '' })] })],
    ['an empty text of the AI SDK', { finishReason: 'stop', text: '' }],
    ['an empty text of Ollama', { message: { content: '' }, done: true, done_reason: 'stop' }],
    ['the same of the AI SDK 6', { finishReason: { unified: 'length', raw: 'max' }, content: [] }],
  ])('%s', (_what, answer) => expect(isCompleteAnswer(answer)).toBe(false));
});

describe('a request for JSON', () => {
  const formats: Record<string, object> = {
    'response_format of OpenAI': { modelConfig: { response_format: { type: 'json_schema', json_schema: {} } } },
    'responseFormat of the AI SDK': { modelConfig: { settings: { responseFormat: { type: 'json' } } } },
    'responseFormat as a word': { modelConfig: { responseFormat: 'json' } },
    'text.format of Responses': { modelConfig: { text: { format: { type: 'json_object' } } } },
    'responseMimeType of Gemini': { modelConfig: { generationConfig: { responseMimeType: 'application/json' } } },
    'format of Ollama': { input: { format: 'json' } },
    'a schema as format of Ollama': { input: { format: { type: 'object', properties: {} } } },
  };
  test.each(Object.entries(formats))('is not met by a text that does not parse: %s', (_what, request) => {
    expect(isCompleteAnswer(chat({ content: '{"a":' }), request)).toBe(false);
    expect(isCompleteAnswer('{"a":', request)).toBe(false);
    expect(isCompleteAnswer(chat({ content: '{"a":1}' }), request)).toBe(true);
    expect(isCompleteAnswer('[1]', request)).toBe(true);
    expect(isCompleteAnswer(chat({ content: null, tool_calls: [tool] }), request)).toBe(true);
  });

  test('is none where text is asked for', () => {
    expect(isCompleteAnswer(chat({ content: 'x' }), { modelConfig: { response_format: { type: 'text' } } })).toBe(true);
  });
});
