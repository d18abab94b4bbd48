/** Jobs that tests share. */
import {
  EvalOrchestrator,
  type JobConfig,
  type JobDataset,
  type JobTask,
  type OrchestratorOptions,
  type RunOutcome,
} from '@aah/ai-evals/orchestrator';

/** Returns an orchestrator without limits on calls. */
export function orchestrator(more: OrchestratorOptions = {}): EvalOrchestrator {
  return new EvalOrchestrator({ workerConfig: { rateLimit: {} }, ...more });
}

/** Returns a dataset of `count` cases; each is expected to be answered by its input, in category `even` or `odd`. */
export function dataset(count: number, id = 'd'): JobDataset<number, number> {
  const testCases = Array.from({ length: count }, (_, n) => ({
    ...{ id: `c${n}`, input: n, expected: n },
    metadata: { category: n % 2 === 0 ? 'even' : 'odd' },
  }));
  return { id, testCases };
}

/** Returns the configuration of a job of one model. */
export function config(more: Partial<JobConfig> = {}): JobConfig {
  return { datasetIds: ['d'], runnerConfigs: [{ modelId: 'm' }], scorerConfig: { strategy: 'exact' }, ...more };
}

/** Returns the score of an answer that has to be equal. */
export const equal = async ({ actual, expected }: { actual: unknown; expected: unknown }) => ({
  passed: actual === expected,
  score: Number(actual === expected),
});

/** Answers a case by its input, at once. */
export const echo = async ({ testCase }: JobTask): Promise<RunOutcome> => ({ actual: testCase.input });

/** Resolves once `isReached` says so. It is asked after every turn of the event loop. */
export async function until(isReached: () => boolean): Promise<void> {
  while (!isReached()) await new Promise((resolve) => setImmediate(resolve));
}

/** A gate that calls wait at until it is opened. */
export class Gate {
  #open!: () => void;
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });
  /** Calls that have come to the gate. */
  arrived = 0;

  async pass(): Promise<void> {
    this.arrived += 1;
    await this.#opened;
  }

  open(): void {
    this.#open();
  }
}
