/** Runner of conversations: the model answers the last message of a chat. */
import { toJsonText } from '../../value/form.js';
import type { ChatMessage } from '../model/language_model.js';
import type { Prompt } from '../prompt.js';
import { BaseRunner } from './base_runner.js';

/** A message, and what was said before it. */
export interface ConversationalInput {
  message: string;
  /** The earlier messages, oldest first. */
  history?: readonly ChatMessage[];
  /** Anything the model should know; told as a message of the system. */
  context?: unknown;
}

/** An answer in a conversation. */
export interface ConversationalOutput {
  response: string;
}

/** Asks for the next message of a conversation. */
export class ConversationalRunner extends BaseRunner<ConversationalInput | string, ConversationalOutput> {
  override preparePrompt(input: ConversationalInput | string): Prompt {
    if (typeof input === 'string') return input;
    const { message, history = [], context } = input;
    const text = typeof context === 'string' ? context : toJsonText(context);
    const known: ChatMessage[] = text === undefined ? [] : [{ role: 'system', content: text }];
    return [...known, ...history, { role: 'user', content: message }];
  }

  override parseOutput(answer: unknown): ConversationalOutput {
    const response = String(answer).trim();
    if (response === '') throw new Error('it is empty');
    return { response };
  }
}
