/** Runner of predictions of risk. */
import { toJsonText } from '../../value/form.js';
import type { OutputSchema } from '../model/output_schema.js';
import { BaseRunner } from './base_runner.js';

/** The features that a risk is predicted from. Other members are told to the model too. */
export interface RiskPredictionInput {
  /** The event whose risk is asked for. */
  outcome?: string;
  /** Any value. */
  features?: unknown;
  [member: string]: unknown;
}

/** A predicted risk. */
export interface RiskPredictionOutput {
  riskLevel: 'low' | 'medium' | 'high' | 'critical';
  /** Probability of the event, 0–1. */
  riskScore: number;
  /** Reasons, the weightiest first. */
  factors: string[];
  recommendations: string[];
}

const TEXTS = { type: 'array', items: { type: 'string' } };
const SCHEMA: OutputSchema<RiskPredictionOutput> = {
  type: 'object',
  properties: {
    riskLevel: { enum: ['low', 'medium', 'high', 'critical'] },
    riskScore: { type: 'number', minimum: 0, maximum: 1 },
    factors: TEXTS,
    recommendations: TEXTS,
  },
  required: ['riskLevel', 'riskScore', 'factors', 'recommendations'],
  additionalProperties: false,
};

/** Asks for the risk of an event. */
export class RiskPredictionRunner extends BaseRunner<RiskPredictionInput | string, RiskPredictionOutput> {
  override preparePrompt(input: RiskPredictionInput | string): string {
    if (typeof input === 'string') return input;
    const { outcome = 'an adverse outcome', ...features } = input;
    return [
      `Estimate the risk of this event: ${outcome}`,
      '',
      'What is known:',
      toJsonText(features) ?? '{}',
      '',
      'riskScore is the probability of the event. Name the factors, the weightiest first.',
    ].join('\n');
  }

  override getOutputSchema(): OutputSchema<RiskPredictionOutput> {
    return SCHEMA;
  }
}
