/**
 * Baselines in a store, behind those of a comparator in memory. They are rows of `EvalBaseline`, so that `ai-evals baseline`
 * and Prisma users see them; the metrics are in `metadata.orchestrator`.
 */
import type { EvalStore } from '../store/eval_store.js';
import type { EvalBaseline } from '../store/types.js';
import type { BaselineComparator } from './baseline_comparator.js';
import { UNCATEGORIZED } from './case_outcome.js';
import { metricsOf } from './metrics.js';
import { plainValue } from './report/plain_report.js';
import type { Baseline, CaseOutcome, Metrics } from './types.js';

interface Kept {
  id: string;
  runId: string;
  metrics: Metrics;
}

/** Keeps the baselines of a comparator in a store. Writes are made one after the other, in the order of the calls. */
export class StoredBaselines {
  readonly #store: EvalStore;
  readonly #comparator: BaselineComparator;
  /** Returns the stored run that stands for what a baseline names. */
  readonly #storedRunOf: (runId: string) => string;
  #loading: Promise<void> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(store: EvalStore, comparator: BaselineComparator, storedRunOf: (runId: string) => string) {
    this.#store = store;
    this.#comparator = comparator;
    this.#storedRunOf = storedRunOf;
  }

  /** Reads the baselines of the store, once. Those that this process has stored meanwhile stay. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const rows = await this.#store.listBaselines();
    const mine = this.#comparator.getActiveBaseline();
    let active: EvalBaseline | undefined;
    // The oldest comes first, as in a comparator.
    for (const row of rows.reverse()) {
      const kept = keptOf(row) ?? { id: row.id, runId: row.runId, metrics: await metricsOfRun(this.#store, row.runId) };
      if (this.#comparator.getBaseline(kept.id) !== undefined) continue;
      const { name, description, createdAt, updatedAt } = row;
      this.#comparator.restore({ ...kept, name, description, createdAt, updatedAt, isActive: false });
      const isOurs = keptOf(row) !== undefined;
      if (isOurs && row.isActive && (active === undefined || active.updatedAt <= updatedAt)) active = row;
    }
    if (mine === undefined && active !== undefined) this.#comparator.setActiveBaseline(keptOf(active)!.id);
  }

  /** Begins to store a baseline. A failure is thrown by {@link flush}. */
  save({ id, name, description, runId, metrics, isActive }: Baseline): void {
    const kept: Kept = { id, runId, metrics };
    this.#saving = this.#saving
      .then(() =>
        this.#store.setBaseline({
          ...{ name, description, runId: this.#storedRunOf(runId), isActive },
          metadata: { orchestrator: plainValue(kept) },
        }),
      )
      .then(
        () => {},
        (error: unknown) => {
          this.#failure ??= error;
        },
      );
  }

  /** Resolves when all baselines are stored. Rejects, once, when one could not be. */
  async flush(): Promise<void> {
    await this.#saving;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

function keptOf({ metadata }: EvalBaseline): Kept | undefined {
  return (metadata as { orchestrator?: Kept } | undefined)?.orchestrator;
}

/** Calculates the metrics of a run that another program made a baseline of. O(results). */
async function metricsOfRun(store: EvalStore, runId: string): Promise<Metrics> {
  const run = await store.getRun(runId);
  const cases: CaseOutcome[] = [];
  for await (const row of store.results(runId, { order: 'dataset' })) {
    cases.push({
      testCaseId: row.testCaseId,
      ...(run && { datasetId: run.datasetId, modelId: run.modelId }),
      category: row.category ?? UNCATEGORIZED,
      ...{ passed: row.passed, score: row.score, latency: row.latencyMs, cost: row.cost },
    });
  }
  return metricsOf(cases);
}
