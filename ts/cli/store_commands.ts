/** The commands on a store of runs: from the command line to the exit code. */
import type { EvalBaseline, EvalMetrics, EvalResult, EvalRun, EvalStore } from '../store/index.js';
import { failureLines } from './failure_lines.js';
import { openExisting, runNamed, told } from './store_location.js';
import type { StoreCommand } from './store_options.js';
import { type Style, styleFor } from './style.js';
import { UserError } from './user_error.js';
import { count, dollars, duration, percent, plural, printable, shortened } from './wording.js';

const WIDTH = 80;

/** Runs a command and resolves to the exit code; rejects with a {@link UserError} for what the person can put right. */
export async function storeCommand(command: StoreCommand, env: NodeJS.ProcessEnv): Promise<number> {
  const migrate = command.name === 'store check' ? 'check' : 'auto';
  const store = await openExisting(command.store, { migrate });
  try {
    process.stdout.write(await output(store, command, styleFor(process.stdout, env)));
    return 0;
  } finally {
    await store.close();
  }
}

async function output(store: EvalStore, command: StoreCommand, style: Style): Promise<string> {
  switch (command.name) {
    case 'runs': {
      const runs: EvalRun[] = [];
      let cursor: string | undefined;
      do {
        const limit = Math.min(command.limit - runs.length, 1000);
        const page = await told(store.listRuns(command.filter, { limit, ...(cursor === undefined ? {} : { cursor }) }));
        runs.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined && runs.length < command.limit);
      const rows = await Promise.all(runs.map(async (run) => ({ run, metrics: await told(store.metrics(run.id)) })));
      return command.json ? jsonLines(rows) : runTable(rows, store, style);
    }
    case 'show': {
      const id = await runNamed(store, command.run);
      const [run, metrics] = await told(Promise.all([store.getRun(id), store.metrics(id)]));
      const limit = Math.max(1, Math.min(command.failures, 10_000));
      const { items } = await told(store.listResults(id, { passed: false }, { limit }));
      const failures = command.failures === 0 ? [] : items;
      return command.json ? jsonLines([{ run, metrics, failures }]) : shownRun(run!, metrics, failures, style);
    }
    case 'export': {
      const id = await runNamed(store, command.run);
      const options = command.format === undefined ? {} : { format: command.format };
      const results = await told(store.export(id, command.file, options));
      if (command.json) return jsonLines([{ run: id, file: command.file, results }]);
      return `${plural(results, 'result')} in ${command.file}\n`;
    }
    case 'delete':
      return deleted(store, command.runs, command.json);
    case 'baseline list': {
      const baselines = await told(store.listBaselines());
      return command.json ? jsonLines(baselines) : baselineTable(baselines, store, style);
    }
    case 'baseline set': {
      const { baseline: name, description, tags } = command;
      const runId = await runNamed(store, command.run);
      const set = await told(store.setBaseline({ name, runId, description, tags }));
      if (command.json) return jsonLines([set]);
      return `baseline ${printable(set.name)} is run ${set.runId}\n`;
    }
    case 'store check':
      return checked(store, command.json);
  }
}

function jsonLines(items: readonly unknown[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('');
}

function runTable(
  rows: readonly { run: EvalRun; metrics: EvalMetrics | undefined }[],
  store: EvalStore,
  style: Style,
): string {
  if (rows.length === 0) return `no run in ${store.url}\n`;
  const cells = rows.map(({ run, metrics }) => [
    run.id,
    run.startTime.toISOString().slice(0, 16).replace('T', ' '),
    shortened(run.status, 10),
    shortened(run.datasetName ?? run.datasetId, 24),
    shortened(run.modelId, 24),
    metrics === undefined ? '' : count(metrics.totalTests),
    metrics === undefined ? '' : percent(metrics.passRate),
  ]);
  return table(['run', 'started (UTC)', 'status', 'dataset', 'model', 'cases', 'passed'], cells, style);
}

function baselineTable(baselines: readonly EvalBaseline[], store: EvalStore, style: Style): string {
  if (baselines.length === 0) return `no baseline in ${store.url}\n`;
  const cells = baselines.map(({ name, runId, datasetId, modelId, isActive }) => [
    ...[shortened(name, 24), runId, shortened(datasetId, 24), shortened(modelId, 24), isActive ? 'active' : ''],
  ]);
  return table(['baseline', 'run', 'dataset', 'model', ''], cells, style);
}

function table(heading: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const widths = heading.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return `${[style.dim(line(heading)), ...rows.map(line)].join('\n')}\n`;
}

function shownRun(
  run: EvalRun,
  metrics: EvalMetrics | undefined,
  failures: readonly EvalResult[],
  style: Style,
): string {
  const line = (label: string, value: string) => `  ${label.padEnd(13)}${value}`;
  const lines = [
    style.bold(`run ${run.id}`),
    line('dataset', `${printable(run.datasetId)} (version ${printable(run.datasetVersion)})`),
    line('model', printable(run.modelId)),
    line('status', `${printable(run.status)}${run.error === undefined ? '' : `: ${printable(run.error)}`}`),
    line('started', run.startTime.toISOString()),
    ...(run.durationMs === undefined ? [] : [line('took', duration(run.durationMs))]),
    ...(metrics === undefined ? [line('metrics', 'none: the run has not been finished')] : metricLines(metrics, line)),
  ];
  if (failures.length > 0) lines.push('', style.bad('failed:'), ...failureLines(failures.map(failedCase), WIDTH));
  return `${lines.join('\n')}\n`;
}

function metricLines(metrics: EvalMetrics, line: (label: string, value: string) => string): string[] {
  const { passedTests, totalTests, passRate, avgScore, avgLatencyMs, totalTokens, totalCost } = metrics;
  return [
    line('passed', `${count(passedTests)} of ${plural(totalTests, 'case')} (${percent(passRate)})`),
    line('mean score', avgScore.toFixed(3)),
    line('mean latency', duration(avgLatencyMs)),
    line('tokens', count(totalTokens)),
    line('cost', dollars(totalCost)),
  ];
}

function failedCase({ index = 0, testCaseId: id, category = '', expected, actual }: EvalResult) {
  return { index, id, category, expected, actual };
}

async function deleted(store: EvalStore, names: readonly string[], asJson: boolean): Promise<string> {
  const ids: string[] = [];
  // All names are looked up before the first run is deleted.
  for (const name of names) ids.push(await runNamed(store, name));
  const lines: string[] = [];
  for (const id of new Set(ids)) {
    if (!(await told(store.deleteRun(id)))) throw new UserError(`there is no run ${id} any more in ${store.url}`);
    lines.push(asJson ? jsonLines([{ deleted: id }]) : `deleted run ${id}\n`);
  }
  return lines.join('');
}

function checked(store: EvalStore, asJson: boolean): string {
  const { version, adopted } = store.schema();
  const { url, backend } = store;
  if (asJson) return jsonLines([{ url, backend, version, adopted }]);
  const tables = adopted ? 'tables of another program' : 'tables of ai-evals';
  return `${url}: ${backend}, ${tables}, version ${version} of what ai-evals adds; nothing to do\n`;
}
