/** The result of a call, whatever a `run` function returned. */
import { wrongType } from '../arguments.js';
import type { EvalError, RunResult, TokenUsage } from '../types.js';
import type { PlannedCall } from './job_plan.js';
import type { RunOutcome } from './types.js';

const NO_TOKENS: TokenUsage = { prompt: 0, completion: 0, total: 0 };

/** Completes what a `run` function returned by what the task and the clock say. Throws for what is no object. */
export function answered(call: PlannedCall, given: unknown, latency: number): RunResult {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    wrongType('the result of run', 'an object with actual', given);
  }
  const { metadata, ...outcome } = given as RunOutcome;
  const known = Object.fromEntries(
    Object.entries(metadata ?? {}).filter(([, value]) => value !== undefined && value !== null),
  );
  return {
    ...base(call),
    ...outcome,
    testCaseId: call.task.testCase.id,
    actual: outcome.actual,
    metadata: { ...metadataOf(call, latency), ...known } as RunResult['metadata'],
  };
}

/** Returns the result of a call that failed. */
export function failed(call: PlannedCall, error: EvalError, latency: number): RunResult {
  return { ...base(call), actual: null, metadata: { ...metadataOf(call, latency), error } };
}

function base({ task: { testCase } }: PlannedCall): Pick<RunResult, 'testCaseId' | 'input' | 'expected'> {
  return { testCaseId: testCase.id, input: testCase.input, expected: testCase.expected };
}

function metadataOf({ task: { testCase, runnerConfig } }: PlannedCall, latency: number): RunResult['metadata'] {
  const category = testCase.metadata?.category;
  return {
    modelId: runnerConfig.modelId,
    latency,
    tokenUsage: { ...NO_TOKENS },
    timestamp: new Date(),
    ...(category === undefined ? {} : { category }),
  };
}
