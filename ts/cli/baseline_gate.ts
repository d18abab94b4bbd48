/** The comparison of runs with a baseline of the store, and the regressions that fail a command. */

import { costOf, type Price, priceOf } from '../datasets/prices.js';
import { BaselineComparator, type BaselineComparison, type Metrics, type Regression } from '../orchestrator/index.js';
import type { EvalRun, EvalStore } from '../store/index.js';
import type { RunResult } from '../types.js';
import { SEVERITIES } from './config/config_shape.js';
import { groupOf, modelOf, runsOfGroup } from './run_group.js';
import type { BaselineGate } from './run_options.js';
import { type RunReport, reportOf, storedParts } from './run_report.js';
import { openExisting, told } from './store_location.js';
import type { Style } from './style.js';
import { UserError } from './user_error.js';
import { plural, printable, shortened } from './wording.js';

/** Regressions and improvements that are shown of each run. */
const MOST_SHOWN = 10;

type Parts = ReturnType<RunReport['parts']>;

/** A run of a command, by what finds its counterpart in the baseline. */
export interface GatedRun {
  datasetId: string;
  /** The name of its model. */
  model: string;
  /** The price of its model; `undefined` when it is not known. */
  price: Price | undefined;
}

interface BaselineRun {
  run: EvalRun;
  parts: Parts;
}

/** The baseline of a command: found and read before anything is called. */
export class OpenBaseline {
  readonly name: string;
  readonly #failOn: BaselineGate['failOn'];
  readonly #runs: readonly BaselineRun[];

  private constructor({ name, failOn }: BaselineGate, runs: BaselineRun[]) {
    this.name = name;
    this.#failOn = failOn;
    this.#runs = runs;
  }

  /** Reads a baseline by its name or id, with the runs of its group. Rejects with a {@link UserError} where it is unknown. */
  static async open(location: string, gate: BaselineGate, runs: readonly GatedRun[]): Promise<OpenBaseline> {
    const store = await openExisting(location);
    try {
      const found = await baselineRuns(store, gate.name);
      const read = await Promise.all(found.map(async (run) => ({ run, parts: await storedParts(store, run) })));
      const baseline = new OpenBaseline(gate, read);
      const lost = runs.filter((run) => baseline.#counterpart(run) === undefined);
      if (lost.length > 0) {
        const ids = [...new Set(lost.map(({ datasetId }) => datasetId))].join(', ');
        const there = [...new Set(found.map(({ datasetId }) => datasetId))].join(', ');
        throw new UserError(`the baseline ${gate.name} has no run of ${ids} to compare with; it is of ${there}`);
      }
      return baseline;
    } finally {
      await store.close();
    }
  }

  /** Compares a run with its counterpart: of the same dataset and model, else of the same dataset. */
  compare(run: GatedRun, parts: Parts): BaselineComparison {
    const before = this.#counterpart(run)!;
    const isSame = modelOf(before.run) === run.model;
    const comparator = new BaselineComparator();
    const id = comparator.storeBaseline({
      name: this.name,
      description: '',
      runId: before.run.id,
      // Cases are matched by dataset and model: another model's run is compared as if it were of this one.
      metrics: comparableMetrics(renamed(before.parts, parts), isSame ? run.price : priceOf(before.run.modelId)),
    });
    const current = comparableMetrics(parts, run.price);
    return { ...comparator.compareToBaseline(current, parts.summary.runId, id), baselineId: this.name };
  }

  /** Returns the regressions that fail the command. */
  failing(regressions: readonly Regression[]): Regression[] {
    if (this.#failOn === undefined) return [];
    const worst = SEVERITIES.slice(0, SEVERITIES.indexOf(this.#failOn) + 1) as readonly string[];
    return regressions.filter(({ severity }) => worst.includes(severity));
  }

  #counterpart({ datasetId, model }: Omit<GatedRun, 'price'>): BaselineRun | undefined {
    const ofDataset = this.#runs.filter(({ run }) => run.datasetId === datasetId);
    return ofDataset.find(({ run }) => modelOf(run) === model) ?? ofDataset[0];
  }
}

/** Resolves to the run of a baseline, followed by the others of its group. Rejects with a {@link UserError}. */
export async function baselineRuns(store: EvalStore, name: string): Promise<EvalRun[]> {
  const baselines = await told(store.listBaselines());
  const baseline = baselines.find((each) => each.name === name) ?? baselines.find((each) => each.id === name);
  if (baseline === undefined) {
    const names = baselines.map((each) => printable(each.name)).join(', ') || 'none';
    throw new UserError(
      `there is no baseline ${name} in ${store.url}; there are: ${names}. Set one: ai-evals baseline set ${name} last`,
    );
  }
  const run = await told(store.getRun(baseline.runId));
  if (run === undefined) throw new UserError(`the run ${baseline.runId} of the baseline ${name} is gone; set it anew`);
  const group = groupOf(run);
  const others = group === undefined ? [] : await runsOfGroup(store, group);
  return [run, ...others.filter(({ id }) => id !== run.id)];
}

function renamed({ summary, scorings }: Parts, like: Parts): Parts {
  const { datasetId, config } = like.summary;
  const { modelId } = config;
  return {
    summary: { ...summary, datasetId, config: { ...summary.config, modelId } },
    scorings: scorings.map((scoring) => ({ ...scoring, datasetId, modelId })),
  };
}

/**
 * Returns the metrics of a run as if no answer had been kept: a kept answer costs what a call would, and tells no latency.
 * Figures that cannot be told are NaN, which the comparison leaves unjudged.
 */
function comparableMetrics({ summary, scorings }: Parts, price: Price | undefined): Metrics {
  const results = summary.results.map((result) => {
    const { cached, latency, ...metadata } = result.metadata as RunResult['metadata'] & { cached?: boolean };
    const { tokenUsage } = metadata;
    if (!cached) return { ...result, metadata: latency === undefined ? metadata : { ...metadata, latency } };
    const isPriced = price !== undefined && tokenUsage !== undefined;
    const cost = isPriced ? costOf(price, tokenUsage.prompt, tokenUsage.completion) : undefined;
    return { ...result, metadata: { ...metadata, cost } };
  }) as RunResult[];
  const { metrics } = reportOf('', [{ summary: { ...summary, results }, scorings }], { status: 'completed' });
  const known = (figure: 'latency' | 'cost') => results.filter(({ metadata }) => metadata[figure] !== undefined);
  if (known('cost').length < results.length) metrics.totalCost = Number.NaN;
  const timed = new Set(known('latency').map(({ metadata }) => String((metadata as { category?: string }).category)));
  if (timed.size === 0) metrics.avgLatency = Number.NaN;
  for (const [category, figures] of Object.entries(metrics.breakdown)) {
    if (!timed.has(category)) figures.avgLatency = Number.NaN;
  }
  return metrics;
}

/** Returns the comparison of a run as lines for people. */
export function comparisonLines(label: string, { baselineId, ...found }: BaselineComparison, style: Style): string[] {
  const { regressions, improvements, unjudged } = found;
  const figure = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(4));
  const line = (kind: string, each: (typeof regressions)[number] | (typeof improvements)[number]): string => {
    const { metric, baseline, current, percentChange, category, pValue } = each;
    const where = category === undefined || category === 'overall' ? '' : ` of ${shortened(category, 24)}`;
    const p = pValue === undefined ? '' : `, p ${pValue < 0.001 ? '< 0.001' : pValue.toFixed(3)}`;
    const change = `${percentChange < 0 ? '−' : '+'}${Math.abs(percentChange).toFixed(1)} %`;
    return `  ${kind.padEnd(9)}${metric}${where}: ${figure(baseline)} to ${figure(current)} (${change}${p})`;
  };
  const shown = [
    ...regressions.slice(0, MOST_SHOWN).map((each) => style.bad(line(each.severity, each))),
    ...improvements.slice(0, MOST_SHOWN).map((each) => style.good(line('better', each))),
    ...unjudged.slice(0, MOST_SHOWN).map(({ message }) => `  ${message}`),
  ];
  const counts = `${plural(regressions.length, 'regression')}, ${plural(improvements.length, 'improvement')}`;
  return [style.bold(`${label} against the baseline ${printable(baselineId)}: ${counts}`), ...shown];
}
