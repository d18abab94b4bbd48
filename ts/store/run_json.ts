/** Runs, baselines and filters on their way to the engine and back. */
import { options as checkOptions, outOfRange, positiveInteger, string, wrongType } from '../arguments.js';
import * as column from './columns.js';
import type {
  EvalBaseline,
  EvalMetrics,
  EvalResult,
  EvalRun,
  NewBaseline,
  NewMetrics,
  NewRun,
  PageRequest,
  ResultFilter,
  RunEnd,
  RunFilter,
} from './types.js';

const ORDERS = ['dataset', 'createdAt', 'score', '-score'];
const ENDS = ['completed', 'failed', 'cancelled'];
const MOST_ITEMS = 10_000;

/** The JSON text of a run, as the engine takes it. */
export function newRunText(run: NewRun, name = 'run'): string {
  const given = object<NewRun>(name, run);
  const row: column.Row = { name };
  const optional = <T>(check: (row: column.Row, column: string, value: unknown) => T, key: keyof NewRun) =>
    given[key] === undefined || given[key] === null ? undefined : check(row, key, given[key]);
  const json = (key: 'modelConfig' | 'scorerConfig' | 'metadata') =>
    given[key] === undefined ? undefined : column.json(row, key, given[key]);
  return JSON.stringify({
    id: optional(column.id, 'id'),
    datasetId: column.id(row, 'datasetId', given.datasetId),
    datasetVersion: column.text(row, 'datasetVersion', given.datasetVersion),
    datasetName: optional(column.text, 'datasetName'),
    modelId: column.id(row, 'modelId', given.modelId),
    modelConfig: json('modelConfig'),
    runnerType: optional(column.text, 'runnerType'),
    scorerConfig: json('scorerConfig'),
    startTime: optional(column.moment, 'startTime'),
    endTime: optional(column.moment, 'endTime'),
    durationMs: optional(column.milliseconds, 'durationMs'),
    status: optional(column.text, 'status'),
    error: optional(column.text, 'error'),
    metadata: json('metadata'),
  });
}

/** The JSON text of the end of a run. */
export function runEndText(end: RunEnd | undefined): string {
  const { status, error } = checkOptions('end', end);
  if (status !== undefined && !ENDS.includes(status)) outOfRange('end.status', `one of ${ENDS.join(', ')}`, status);
  return JSON.stringify({
    status,
    error: error === undefined || error === null ? undefined : column.text({ name: 'end' }, 'error', error),
  });
}

/** The JSON text of a baseline. */
export function newBaselineText(baseline: NewBaseline): string {
  const given = object<NewBaseline>('baseline', baseline);
  const row: column.Row = { name: 'baseline' };
  const { description, datasetId, modelId, isActive, tags, metadata } = given;
  if (tags !== undefined && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    wrongType('baseline.tags', 'an array of texts', tags);
  }
  return JSON.stringify({
    name: column.id(row, 'name', given.name),
    description: description === undefined ? undefined : column.text(row, 'description', description),
    runId: column.id(row, 'runId', given.runId),
    datasetId: datasetId === undefined ? undefined : column.id(row, 'datasetId', datasetId),
    modelId: modelId === undefined ? undefined : column.id(row, 'modelId', modelId),
    isActive: isActive === undefined ? undefined : column.flag(row, 'isActive', isActive),
    tags: tags?.map((tag) => column.text(row, 'tags', tag)),
    metadata: metadata === undefined ? undefined : column.json(row, 'metadata', metadata),
  });
}

/** The JSON text of figures that take the place of computed ones. */
export function newMetricsText(metrics: NewMetrics): string {
  const given = object<NewMetrics>('metrics', metrics);
  const row: column.Row = { name: 'metrics' };
  const integers = ['totalTests', 'passedTests', 'failedTests', 'totalTokens'];
  const numbers = ['accuracy', 'passRate', 'avgScore', 'avgLatencyMs', 'totalCost'];
  const values = ['categoryBreakdown', 'failuresByType', 'scoreDistribution'];
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (integers.includes(key)) column.count(row, key, value);
    else if (numbers.includes(key)) column.finite(row, key, value);
    else if (values.includes(key)) column.json(row, key, value);
    else outOfRange(`metrics.${key}`, 'a column of EvalMetrics', value);
  }
  return JSON.stringify(given);
}

/** The JSON text of a query for runs. */
export function runQuery(filter: RunFilter | undefined, page: PageRequest | undefined, limit: number): string {
  const given = checkOptions<RunFilter>('filter', filter);
  const row: column.Row = { name: 'filter' };
  const one = (key: 'datasetId' | 'modelId' | 'runnerType' | 'status') =>
    given[key] === undefined ? undefined : column.text(row, key, given[key]);
  const time = (key: 'since' | 'until') => (given[key] === undefined ? undefined : column.moment(row, key, given[key]));
  return JSON.stringify({
    filter: {
      datasetId: one('datasetId'),
      modelId: one('modelId'),
      runnerType: one('runnerType'),
      status: one('status'),
      since: time('since'),
      until: time('until'),
    },
    limit,
    cursor: page?.cursor,
  });
}

/** Returns a filter of results, checked. */
export function resultFilter(filter: ResultFilter | undefined): ResultFilter {
  const given = checkOptions<ResultFilter>('filter', filter);
  const row: column.Row = { name: 'filter' };
  const { passed, minScore, maxScore, testCaseId, category, order } = given;
  if (order !== undefined && !ORDERS.includes(order)) outOfRange('filter.order', `one of ${ORDERS.join(', ')}`, order);
  return {
    passed: passed === undefined ? undefined : column.flag(row, 'passed', passed),
    minScore: minScore === undefined ? undefined : column.finite(row, 'minScore', minScore),
    maxScore: maxScore === undefined ? undefined : column.finite(row, 'maxScore', maxScore),
    testCaseId: testCaseId === undefined ? undefined : column.text(row, 'testCaseId', testCaseId),
    category: category === undefined ? undefined : column.text(row, 'category', category),
    order,
  };
}

/** Returns a page request with its default, checked. */
export function pageRequest(page: PageRequest | undefined): { limit: number; cursor: string | undefined } {
  const { limit = 100, cursor } = checkOptions<PageRequest>('page', page);
  return {
    limit: positiveInteger('page.limit', limit, MOST_ITEMS),
    cursor: cursor === undefined ? undefined : string('page.cursor', cursor),
  };
}

/** Reads a run of the engine. */
export function readRun(text: string): EvalRun {
  return asRun(JSON.parse(text) as EvalRun);
}

/** Makes `Date`s of the times of a run that was parsed. */
export function asRun(run: EvalRun): EvalRun {
  return dated(run, 'startTime', 'endTime', 'createdAt', 'updatedAt');
}

/** Makes a `Date` of the time of a result that was parsed. */
export function asResult(result: EvalResult): EvalResult {
  return dated(result, 'createdAt');
}

/** Reads the figures of a run. */
export function readMetrics(text: string): EvalMetrics {
  return dated(JSON.parse(text) as EvalMetrics, 'createdAt');
}

/** Makes `Date`s of the times of a baseline that was parsed. */
export function asBaseline(baseline: EvalBaseline): EvalBaseline {
  return dated(baseline, 'createdAt', 'updatedAt');
}

function dated<T extends object>(item: T, ...times: (keyof T)[]): T {
  for (const time of times) {
    if (item[time] !== undefined) item[time] = new Date(item[time] as unknown as number) as T[keyof T];
  }
  return item;
}

function object<T extends object>(name: string, value: T): T {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? value : wrongType(name, 'an object', value);
}
