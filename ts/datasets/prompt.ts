/** The prompt of a case: made by a function or a template, or the input itself. */
import { wrongType } from '../arguments.js';
import type { TestCaseInput } from '../types.js';
import { toJsonText } from '../value/form.js';
import { FieldPath } from './field_path.js';
import { isMessages } from './model/chat_client.js';
import type { ChatMessage } from './model/language_model.js';

/** A prompt: a text, or the messages of a chat. */
export type Prompt = string | readonly ChatMessage[];

/**
 * The way a prompt is made of a case: a function, or a template in which `{{input}}`, `{{input.question}}` and
 * `{{metadata.category}}` stand for the members of the case.
 */
export type PromptSource<TInput> =
  | string
  | ((input: TInput, testCase: TestCaseInput<TInput>) => Prompt | PromiseLike<Prompt>);

/** Makes the messages of a case. Without a source its input is the prompt. Rejects where a template names nothing. */
export async function messagesOf<TInput>(
  source: PromptSource<TInput> | undefined,
  testCase: TestCaseInput<TInput>,
  system: string | undefined,
): Promise<ChatMessage[]> {
  const prompt: unknown = await promptOf(source, testCase);
  const messages: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  if (isMessages(prompt)) return [...messages, ...prompt];
  return [...messages, { role: 'user', content: textOf('the prompt', prompt, testCase.id) }];
}

function promptOf<TInput>(source: PromptSource<TInput> | undefined, testCase: TestCaseInput<TInput>): unknown {
  if (source === undefined) return testCase.input;
  if (typeof source === 'function') return source(testCase.input, testCase);
  return source.replaceAll(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, path: string) => {
    const value = new FieldPath(path).in(testCase);
    if (value === undefined) throw new TypeError(`case ${testCase.id} has no ${path}, which the prompt names`);
    return textOf(path, value, testCase.id);
  });
}

function textOf(name: string, value: unknown, id: string): string {
  if (typeof value === 'string') return value;
  return toJsonText(value) ?? wrongType(`${name} of case ${id}`, 'a text, a list of messages or a JSON value', value);
}
