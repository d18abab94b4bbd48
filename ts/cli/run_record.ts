/**
 * The run of a command in the result store. What always holds: a result is stored at most a moment after it came, once for
 * each case; a run that did not come to its end can be resumed.
 */
import { basename, relative } from 'node:path';
import {
  type EvalResult,
  type EvalRun,
  type EvalStore,
  type NewRun,
  type RunWriter,
  StoreError,
} from '../store/index.js';
import type { TokenUsage } from '../types.js';
import { toJsonText } from '../value/form.js';
import { type Case, type CaseReader, NO_CATEGORY, shownDataset } from './cases.js';
import type { Endpoint } from './endpoint.js';
import type { RunOptions } from './run_options.js';
import { asksModel } from './scorer_columns.js';
import { told } from './store_location.js';
import type { CaseResult, CaseScores } from './tally.js';
import { UserError } from './user_error.js';
import { plural } from './wording.js';

/** Results that wait to be stored, above which no further case is begun. */
const MOST_WAITING = 5000;
/** Ids whose repetitions are counted; a case beyond them whose id is new has its place as its repeat. */
const MOST_IDS = 100_000;

/** The model of runs whose answers are recorded. */
const RECORDED = 'recorded answers';

/** Members of a stored result that the columns do not hold. */
interface ResultMetadata {
  scores: CaseScores;
  cached: boolean;
  latencyMs: number | null;
  cost: number | null;
  tokens: TokenUsage | null;
}

/** The runs of one command: a group of the store. */
export interface RunGroup {
  store: EvalStore;
  /** The id that they have in common. */
  group: string;
}

/** One run of a command in the store. */
export class RunRecord {
  readonly run: EvalRun;
  readonly #store: EvalStore;
  readonly #writer: RunWriter;
  readonly #isResumed: boolean;
  /** Number of times each id has come. */
  readonly #times = new Map<string, number>();
  /** Repeats of cases under way that are not 0, by index. */
  readonly #repeats = new Map<number, number>();
  #waiting = 0;
  #room: (() => void)[] = [];
  #lost = 0;

  private constructor(store: EvalStore, run: EvalRun, isResumed: boolean) {
    this.#store = store;
    this.run = run;
    this.#isResumed = isResumed;
    this.#writer = store.writer(run.id);
  }

  /** Creates the run, or takes up `resumed`. Throws a {@link UserError}. */
  static async open(
    { store, group }: RunGroup,
    options: RunOptions,
    cases: CaseReader,
    endpoint: Endpoint | undefined,
    resumes: string | undefined,
  ): Promise<RunRecord> {
    const run = { ...newRun(options, cases, endpoint), metadata: { group, model: nameOf(options, endpoint) } };
    if (resumes === undefined) return new RunRecord(store, await told(store.createRun(run)), false);
    return new RunRecord(store, await resumed(store, resumes, run, options.force), true);
  }

  /** The line that says where the run is kept. */
  get shown(): string {
    return `${this.#isResumed ? 'resuming run' : 'run'} ${this.run.id} in ${this.#store.url}`;
  }

  /**
   * The cases without a stored result. `restore` is called with each case that has one. Waits while many results wait to be
   * stored. The stored ones are read along, in the order of the dataset.
   */
  async *pending(
    cases: AsyncIterable<Case>,
    restore: (one: Case, result: CaseResult) => void,
  ): AsyncGenerator<Case, void> {
    const stored = this.#isResumed ? new StoredRows(this.#store, this.run.id) : undefined;
    try {
      for await (const one of cases) {
        const repeat = this.#repeatOf(one);
        const row = await stored?.find(one, repeat);
        if (row) {
          restore(one, resultOf(one, row));
          continue;
        }
        if (repeat > 0) this.#repeats.set(one.index, repeat);
        while (this.#waiting >= MOST_WAITING) await new Promise<void>((resolve) => this.#room.push(resolve));
        yield one;
      }
    } finally {
      await stored?.close();
    }
  }

  /** Stores the result of a case. One without a verdict is not stored, so that a resumed run tries it again. */
  add({ index }: Case, result: CaseResult): void {
    const repeat = this.#repeats.get(index) ?? 0;
    this.#repeats.delete(index);
    if (result.error !== null) return;
    const { scores, cached, latencyMs, cost, tokens } = result;
    const metadata: ResultMetadata = { scores, cached, latencyMs, cost, tokens };
    this.#waiting += 1;
    this.#writer
      .write({
        ...{ testCaseId: result.id, repeat, index, category: result.category },
        ...{ input: plain(result.input), expected: plain(result.expected), actual: plain(result.actual) },
        ...{ passed: result.passed, score: result.score, latencyMs: latencyMs ?? 0, cost: cost ?? 0 },
        ...{ tokenUsage: tokens ?? {}, metadata: plain(metadata) },
      })
      .catch((error: unknown) => this.#lose(error))
      .finally(() => this.#settled());
  }

  /**
   * Stores what waits and ends the run. Returns what to tell when results could not be stored: such a run stays unfinished,
   * to be resumed.
   */
  async finish(status: 'completed' | 'failed' | 'cancelled', error: string | undefined): Promise<string | undefined> {
    await this.#writer.close();
    try {
      if (this.#lost === 0) {
        await this.#store.finishRun(this.run.id, { status, ...(error === undefined ? {} : { error }) });
        return undefined;
      }
    } catch (failure) {
      return `run ${this.run.id} could not be ended in ${this.#store.url}: ${(failure as Error).message}`;
    }
    const advice = `when there is room for them: ai-evals run --resume ${this.run.id}`;
    return `${plural(this.#lost, 'result')} could not be stored in ${this.#store.url}; ${advice}`;
  }

  /** Stores what waits, and leaves the run to be resumed. */
  async leave(): Promise<void> {
    await this.#writer.close().catch(() => {});
  }

  #lose(error: unknown): void {
    this.#lost += 1;
    if (this.#lost > 1) return;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`warning: a result could not be stored; the run goes on. ${reason}\n`);
  }

  #settled(): void {
    this.#waiting -= 1;
    const room = this.#room;
    this.#room = [];
    for (const resolve of room) resolve();
  }

  #repeatOf({ id, index }: Case): number {
    const times = this.#times.get(id);
    if (times === undefined && this.#times.size >= MOST_IDS) return index;
    this.#times.set(id, (times ?? 0) + 1);
    return times ?? 0;
  }
}

/** Stored results of a run, read along with the cases of its dataset. */
class StoredRows {
  readonly #store: EvalStore;
  readonly #runId: string;
  readonly #rows: AsyncIterator<EvalResult>;
  #next: EvalResult | undefined;
  #isRead = false;

  constructor(store: EvalStore, runId: string) {
    this.#store = store;
    this.#runId = runId;
    this.#rows = store.results(runId, { order: 'dataset' })[Symbol.asyncIterator]();
  }

  /** Resolves to the stored result of a case. Cases are asked for in the order of the dataset. */
  async find(one: Case, repeat: number): Promise<EvalResult | undefined> {
    while (!this.#isRead && (this.#next?.index ?? -1) < one.index) {
      const { value, done } = await this.#rows.next();
      this.#isRead = done === true;
      this.#next = done ? undefined : value;
    }
    const row = this.#next;
    if (row?.index === one.index && row.testCaseId === one.id && row.repeat === repeat) return row;
    // A dataset that has changed since (--force) has its cases in other places.
    const [has] = await this.#store.have(this.#runId, [{ testCaseId: one.id, repeat }]);
    if (!has) return undefined;
    for await (const other of this.#store.results(this.#runId, { testCaseId: one.id })) {
      if (other.repeat === repeat) return other;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }
}

/** Takes up a run; what differs is told line by line. */
async function resumed(store: EvalStore, id: string, run: NewRun, force: boolean): Promise<EvalRun> {
  try {
    return await store.resumeRun(id, run, { force });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const differences = error.differences?.map(
      ({ path, stored, given }) => `  ${path}: ${JSON.stringify(stored)} in the store, ${JSON.stringify(given)} now`,
    );
    const override = /MISMATCH|RUN_BUSY/.test(error.code) ? '\nTo resume it all the same: --force' : '';
    throw new UserError([error.message, ...(differences ?? [])].join('\n') + override, { cause: error });
  }
}

/** The id of a dataset in the store: its path from the working directory. */
export function datasetIdOf(dataset: string): string {
  const near = relative(process.cwd(), dataset);
  const path = near.startsWith('..') ? dataset : near;
  const shown = shownDataset(dataset);
  return wellFormed(shown === dataset ? path.replaceAll('\\', '/') : shown);
}

/** The name of a run's model in its group. */
export function nameOf({ fields }: Pick<RunOptions, 'fields'>, endpoint: Endpoint | undefined): string {
  return fields.actual === undefined ? endpoint!.name : RECORDED;
}

function newRun(options: RunOptions, cases: CaseReader, endpoint: Endpoint | undefined): NewRun {
  const { dataset, fields, system, temperature, maxTokens, scorers, tolerance, threshold } = options;
  const isAnswered = fields.actual === undefined;
  const repeats = options.repeat === 1 ? {} : { repeat: options.repeat };
  const judge = endpoint && scorers.some(asksModel) ? { judge: options.judge ?? endpoint.model } : {};
  return {
    datasetId: datasetIdOf(dataset),
    datasetVersion: cases.digest(),
    datasetName: basename(shownDataset(dataset)),
    modelId: isAnswered ? endpoint!.model : RECORDED,
    // A query may hold a key.
    modelConfig: isAnswered
      ? { endpoint: endpoint!.identity.replace(/\?.*$/s, ''), system, temperature, maxTokens, ...repeats }
      : { field: fields.actual!.text, ...repeats },
    runnerType: 'ai-evals run',
    scorerConfig: { scorers: scorers.map(({ label }) => label), tolerance, threshold, ...judge },
  };
}

/** Ids hold no U+0000 and no halves of surrogate pairs, and have 1,024 units at most. */
function wellFormed(id: string): string {
  return id.replaceAll(/\0|\p{Surrogate}/gu, '\ufffd').slice(-1024);
}

/** A value as JSON holds it: integers of 64 bits and other values of files are no JSON. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'bigint') return value ?? null;
  const text = toJsonText(value);
  return text === undefined ? null : (JSON.parse(text) as unknown);
}

function resultOf(one: Case, row: EvalResult): CaseResult {
  const kept = (row.metadata ?? {}) as Partial<ResultMetadata>;
  return {
    id: one.id,
    category: row.category ?? NO_CATEGORY,
    input: one.input ?? null,
    expected: one.expected,
    actual: row.actual ?? null,
    passed: row.passed,
    score: row.score,
    scores: kept.scores ?? {},
    error: null,
    latencyMs: kept.latencyMs === undefined ? row.latencyMs : kept.latencyMs,
    tokens: kept.tokens ?? null,
    cost: kept.cost === undefined ? row.cost : kept.cost,
    cached: kept.cached ?? false,
  };
}
