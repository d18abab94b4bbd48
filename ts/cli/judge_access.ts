/** The calls that scorers make: judges and embeddings, by the endpoint, the executor and the cache file of the run. */
import { ResponseCache } from '../cache/index.js';
import { ChatClient, isRefusal } from '../datasets/model/chat_client.js';
import type { ParallelExecutor, TaskContext } from '../executor/index.js';
import type { PerformanceMonitor } from '../monitor/index.js';
import type { JudgeContext } from '../scorers/llm_judge.js';
import type { Endpoint } from './endpoint.js';
import type { Lane } from './lanes.js';
import type { RunOptions } from './run_options.js';
import type { Tally } from './tally.js';

/** The most verdicts that the file of answers holds. */
const KEPT = { maxSize: 1_000_000, maxBytes: 256 * 1024 ** 2 };

const NOT_KEPT = 'no verdict is kept for this answer (--replay asks nothing)';

/** The run whose answers are judged. */
export interface JudgedRun {
  tally: Tally;
  lane: Lane;
  timings: PerformanceMonitor;
  /** Told of every call that came through. */
  answered(): void;
}

/** The means by which the scorers of a run reach a model. */
export class JudgeAccess {
  /** Verdicts of earlier runs; `undefined` with `--no-cache`. */
  readonly cache: ResponseCache | undefined;
  readonly #run: JudgedRun;
  readonly #client: ChatClient;
  readonly #isReplay: boolean;

  constructor(endpoint: Endpoint, { cacheMode, cacheFile, temperature }: RunOptions, run: JudgedRun) {
    this.#run = run;
    this.#isReplay = cacheMode === 'replay';
    // What the model is told for its answers (--system, --max-tokens) is not meant for a judge.
    this.#client = new ChatClient(endpoint, { system: undefined, temperature, maxTokens: undefined });
    if (cacheMode === 'off') return;
    // A verdict belongs to the model that gave it.
    const namespace = `ai-evals judge ${JSON.stringify([endpoint.identity, endpoint.model, temperature ?? null])}`;
    this.cache = new ResponseCache({
      ...KEPT,
      persist: cacheFile,
      mode: cacheMode === 'record' ? 'record' : 'on',
      namespace,
    });
  }

  /** The executor of calls; `undefined` in a replay, which makes none. */
  get executor(): ParallelExecutor | undefined {
    return this.#isReplay ? undefined : this.#run.lane.forJudges;
  }

  /** Asks the judge. */
  readonly ask = async (prompt: string, context: JudgeContext): Promise<string> => {
    if (this.#isReplay) throw new Error(NOT_KEPT);
    const { text, headers, usage } = await this.#measured(() => this.#client.ask(prompt, context.signal));
    // An executor's context takes the limits that the provider tells.
    (context as Partial<TaskContext>).observe?.(headers);
    this.#run.tally.used(usage);
    return text;
  };

  /** Embeds texts. */
  readonly embed = async (texts: string[], model: string): Promise<number[][]> => {
    if (this.#isReplay) throw new Error('embeddings are not kept (--replay asks nothing)');
    const { vectors, usage } = await this.#run.lane.add(({ signal }) =>
      this.#measured(() => this.#client.embed(texts, model, signal)),
    );
    this.#run.tally.used(usage);
    return vectors;
  };

  /** Closes the cache. */
  close(): void {
    this.cache?.close();
  }

  async #measured<T>(call: () => Promise<T>): Promise<T> {
    try {
      const reply = await this.#run.timings.measure('model-call', call);
      this.#run.answered();
      return reply;
    } catch (error) {
      if (isRefusal(error)) this.#run.tally.refusals += 1;
      throw error;
    }
  }
}
