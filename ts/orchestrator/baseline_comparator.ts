/** Baselines, and the comparison of a run with one of them. */
import { randomUUID } from 'node:crypto';
import { options, string, wrongType } from '../arguments.js';
import { AiEvalsError } from '../errors.js';
import { compareMetrics } from './comparison.js';
import { type AllThresholds, allThresholds, comparedMetric } from './thresholds.js';
import type { Baseline, BaselineComparison, ComparedMetric, GivenMetrics, Metrics, Thresholds } from './types.js';

/**
 * Keeps baselines in memory and compares metrics with them. With a store, `EvalOrchestrator` keeps them beyond the process.
 *
 * ```ts
 * const comparator = new BaselineComparator({ accuracy: { critical: 8, major: 4, minor: 1 } });
 * const id = comparator.storeBaseline({ name: 'main', description: '', runId: 'r1', metrics });
 * const { regressions, unjudged } = comparator.compareToBaseline(current, 'r2', id);
 * ```
 *
 * Metrics are copied on their way in and out.
 */
export class BaselineComparator {
  readonly #given: AllThresholds;
  #thresholds: AllThresholds;
  readonly #baselines = new Map<string, Baseline>();

  /** Takes thresholds in percent of the baseline, over the defaults. Throws a `RangeError` for those out of order. */
  constructor(thresholds?: Partial<Record<ComparedMetric, Thresholds>>) {
    this.#given = allThresholds(thresholds);
    this.#thresholds = this.#given;
  }

  /** Stores metrics under a name; returns the baseline's id, a UUID. */
  storeBaseline(baseline: {
    name: string;
    description?: string | undefined;
    runId: string;
    metrics: GivenMetrics;
  }): string {
    const { name, description = '', runId, metrics } = options('baseline', baseline);
    const id = randomUUID();
    const now = new Date();
    this.#baselines.set(id, {
      id,
      name: string('baseline.name', name),
      description: string('baseline.description', description),
      runId: string('baseline.runId', runId),
      metrics: copied('baseline.metrics', metrics),
      isActive: false,
      createdAt: now,
      updatedAt: now,
    });
    return id;
  }

  /** Takes a baseline as it is, in place of one of the same id. */
  restore(baseline: Baseline): void {
    this.#baselines.set(baseline.id, structuredClone(baseline));
  }

  /** Returns a copy of a baseline; `undefined` when there is none of this id. */
  getBaseline(id: string): Baseline | undefined {
    const baseline = this.#baselines.get(id);
    return baseline && structuredClone(baseline);
  }

  /** Returns copies of all baselines, in the order in which they were stored. */
  getAllBaselines(): Baseline[] {
    return [...this.#baselines.values()].map((baseline) => structuredClone(baseline));
  }

  /** Makes a baseline the active one; the one before is it no longer. Throws `Baseline ID not found`. */
  setActiveBaseline(id: string): void {
    const baseline = this.#needed(id);
    for (const other of this.#baselines.values()) {
      if (other.isActive && other !== baseline) Object.assign(other, { isActive: false, updatedAt: new Date() });
    }
    if (!baseline.isActive) Object.assign(baseline, { isActive: true, updatedAt: new Date() });
  }

  /** Returns a copy of the active baseline; `undefined` when there is none. */
  getActiveBaseline(): Baseline | undefined {
    const active = [...this.#baselines.values()].find(({ isActive }) => isActive);
    return active && structuredClone(active);
  }

  /** Removes a baseline; returns whether it was there. */
  deleteBaseline(id: string): boolean {
    return this.#baselines.delete(id);
  }

  /**
   * Compares metrics with a baseline, the active one by default. Throws `Baseline ID not found` or `No baseline available for
   * comparison`.
   *
   * - Change = (current − baseline) / baseline, in decimal arithmetic; less latency and cost is better.
   * - Worse by more than `minor` is a regression, by `major` or `critical` or more one of that severity.
   * - Better by more than `minor` is an improvement.
   * - Categories are compared by accuracy, avgScore and avgLatency.
   * - `unjudged` has baselines of 0, figures that are no numbers, and categories and cases that only one side has.
   *
   * Each change has `interval` and `pValue` where cases are known. They inform; the thresholds decide.
   */
  compareToBaseline(current: GivenMetrics, runId: string, baselineId?: string): BaselineComparison {
    const now = copied('current', current);
    string('runId', runId);
    const baseline =
      baselineId === undefined || baselineId === null ? this.getActiveBaseline() : this.#needed(baselineId);
    if (baseline === undefined) {
      throw new AiEvalsError('ERR_BASELINE_NOT_FOUND', 'No baseline available for comparison');
    }
    const before = structuredClone(baseline.metrics);
    return {
      baselineId: baseline.id,
      currentRunId: runId,
      metrics: { baseline: before, current: now },
      ...compareMetrics(before, now, this.#thresholds),
    };
  }

  /** Sets thresholds of a metric; those left out stay. Throws a `RangeError` for those out of order. */
  updateThresholds(metric: ComparedMetric, thresholds: Partial<Thresholds>): void {
    const name = comparedMetric('metric', metric);
    this.#thresholds = allThresholds({ [name]: options('thresholds', thresholds) }, this.#thresholds);
  }

  /** Returns a copy of the thresholds in force. */
  getThresholds(): AllThresholds {
    return structuredClone(this.#thresholds);
  }

  /** Removes all baselines, and takes the thresholds back to those of the constructor. */
  reset(): void {
    this.#baselines.clear();
    this.#thresholds = this.#given;
  }

  #needed(id: string): Baseline {
    const baseline = this.#baselines.get(id);
    if (baseline === undefined) throw new AiEvalsError('ERR_BASELINE_NOT_FOUND', `Baseline ${id} not found`);
    return baseline;
  }
}

function copied(name: string, metrics: unknown): Metrics {
  if (typeof metrics !== 'object' || metrics === null) return wrongType(name, 'an object of metrics', metrics);
  const copy = structuredClone(metrics) as Metrics;
  const breakdown: unknown = copy.breakdown ?? {};
  if (typeof breakdown !== 'object') wrongType(`${name}.breakdown`, 'an object of categories', breakdown);
  copy.breakdown = breakdown as Metrics['breakdown'];
  return copy;
}
