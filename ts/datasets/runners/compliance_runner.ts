/** Runner of compliance cases: facts are judged by rules. */
import { toJsonText } from '../../value/form.js';
import type { OutputSchema } from '../model/output_schema.js';
import { BaseRunner } from './base_runner.js';

/** Facts, and the rules they are judged by. Other members are told to the model too. */
export interface ComplianceInput {
  /** The question; default whether the facts comply. */
  question?: string;
  /** Default: the rules that the model knows. */
  rules?: readonly string[];
  /** Any value. */
  facts?: unknown;
  [member: string]: unknown;
}

/** A verdict on compliance. */
export interface ComplianceOutput {
  compliant: boolean;
  /** The rules that are broken; empty where none is. */
  violations: string[];
  explanation: string;
  /** 0–1. */
  confidence: number;
}

const SCHEMA: OutputSchema<ComplianceOutput> = {
  type: 'object',
  properties: {
    compliant: { type: 'boolean' },
    violations: { type: 'array', items: { type: 'string' } },
    explanation: { type: 'string' },
    confidence: { type: 'number', minimum: 0, maximum: 1 },
  },
  required: ['compliant', 'violations', 'explanation', 'confidence'],
  additionalProperties: false,
};

/** Asks whether facts comply with rules. */
export class ComplianceRunner extends BaseRunner<ComplianceInput | string, ComplianceOutput> {
  override preparePrompt(input: ComplianceInput | string): string {
    if (typeof input === 'string') return input;
    const { question = 'Do the facts comply with the rules?', rules, ...facts } = input;
    const listed = rules === undefined ? [] : ['Rules:', ...rules.map((rule, i) => `${i + 1}. ${rule}`), ''];
    return [
      question,
      '',
      ...listed,
      'Facts:',
      toJsonText(facts) ?? '{}',
      '',
      'Name every rule that is broken in violations. compliant is true only when there is none.',
    ].join('\n');
  }

  override getOutputSchema(): OutputSchema<ComplianceOutput> {
    return SCHEMA;
  }
}
