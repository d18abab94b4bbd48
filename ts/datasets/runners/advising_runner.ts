/** Runner of advice: a recommendation for a person and a question. */
import { toJsonText } from '../../value/form.js';
import type { OutputSchema } from '../model/output_schema.js';
import { BaseRunner } from './base_runner.js';

/** A question, and the person who asks it. Other members are told to the model too. */
export interface AdvisingInput {
  question: string;
  /** Anything that is known of the person. */
  profile?: unknown;
  /** The courses of action to choose from. Default: any. */
  options?: readonly string[];
  [member: string]: unknown;
}

/** A piece of advice. */
export interface AdvisingOutput {
  recommendation: string;
  reasons: string[];
  alternatives: string[];
  /** 0–1. */
  confidence: number;
}

const TEXTS = { type: 'array', items: { type: 'string' } };
const SCHEMA: OutputSchema<AdvisingOutput> = {
  type: 'object',
  properties: {
    recommendation: { type: 'string' },
    reasons: TEXTS,
    alternatives: TEXTS,
    confidence: { type: 'number', minimum: 0, maximum: 1 },
  },
  required: ['recommendation', 'reasons', 'alternatives', 'confidence'],
  additionalProperties: false,
};

/** Asks for advice. */
export class AdvisingRunner extends BaseRunner<AdvisingInput | string, AdvisingOutput> {
  override preparePrompt(input: AdvisingInput | string): string {
    if (typeof input === 'string') return input;
    const { question, options, ...known } = input;
    const facts = Object.keys(known).length === 0 ? [] : ['What is known:', toJsonText(known) ?? '{}', ''];
    const choice = options === undefined ? [] : ['Recommend one of:', ...options.map((option) => `- ${option}`), ''];
    return [question, '', ...facts, ...choice, 'Give reasons, and what else would be possible.'].join('\n');
  }

  override getOutputSchema(): OutputSchema<AdvisingOutput> {
    return SCHEMA;
  }
}
