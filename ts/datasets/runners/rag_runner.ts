/** Runner of retrieval-augmented answers: a question is answered from documents, which are cited. */
import type { OutputSchema } from '../model/output_schema.js';
import { BaseRunner } from './base_runner.js';

/** A document to answer from. */
export type RagDocument =
  | string
  | { id?: string | undefined; title?: string | undefined; text?: string; content?: string };

/** A question, and the documents that were retrieved for it. */
export interface RagInput {
  /** The question; `question` is another name of it. */
  query?: string;
  question?: string;
  /** `context` is another name of it. A document without an id is cited by its place, from 1. */
  documents?: readonly RagDocument[];
  context?: readonly RagDocument[] | string;
}

/** An answer from documents. */
export interface RagOutput {
  answer: string;
  /** Ids of the documents that the answer rests on. */
  citations: string[];
}

const SCHEMA: OutputSchema<RagOutput> = {
  type: 'object',
  properties: { answer: { type: 'string' }, citations: { type: 'array', items: { type: 'string' } } },
  required: ['answer', 'citations'],
  additionalProperties: false,
};

/** Asks for an answer from documents alone. */
export class RAGRunner extends BaseRunner<RagInput, RagOutput> {
  override preparePrompt({ query, question = query, documents, context }: RagInput): string {
    if (question === undefined) throw new TypeError('the input of the case has no query');
    const given = documents ?? (typeof context === 'string' ? [context] : (context ?? []));
    const shown = given.map((document, i) => {
      const {
        id = String(i + 1),
        title,
        text,
        content = text,
      } = typeof document === 'string' ? { text: document } : document;
      return `[${id}]${title === undefined ? '' : ` ${title}`}\n${content ?? ''}`;
    });
    return [
      'Answer the question from the documents alone. Cite the ids of those that the answer rests on.',
      'Where they do not hold the answer, say so and cite none.',
      '',
      ...shown.flatMap((document) => [document, '']),
      `Question: ${question}`,
    ].join('\n');
  }

  override getOutputSchema(): OutputSchema<RagOutput> {
    return SCHEMA;
  }
}
