/** A report as JSON holds it: exports of a report and of its parsed JSON are made of the same value. */
import { types } from 'node:util';
import { wrongType } from '../../arguments.js';
import type { EvalReport } from '../types.js';

/** A report read from JSON: dates are texts, and parts may be missing. */
// biome-ignore lint/suspicious/noExplicitAny: parts are read with care, whatever they are
export type PlainReport = { [K in keyof EvalReport]?: any };

/** Values of a model's answer, which may be anything. */
const FREE = ['input', 'expected', 'actual', 'score', 'testCase'] as const;

/**
 * Returns a copy of a report that is JSON and nothing else. Integers beyond ±(2^53 − 1) become texts with all their digits,
 * `NaN` becomes `null`, a `Map` an object, a `Set` an array. A value that holds itself is replaced by a note.
 */
export function plainReport(report: unknown): PlainReport {
  if (typeof report !== 'object' || report === null || Array.isArray(report)) {
    return wrongType('report', 'a report of generateReport, or its parsed JSON', report);
  }
  try {
    return copied(report) as PlainReport;
  } catch {
    return copied(readable(report)) as PlainReport;
  }
}

/** Returns a copy of any value as JSON holds it; one that has no JSON text is replaced by a note. */
export function plainValue(value: unknown): unknown {
  try {
    return copied(value);
  } catch (error) {
    return noteOf(error);
  }
}

function noteOf(error: unknown): string {
  const reason = error instanceof RangeError ? 'nested too deeply' : String((error as Error).message).split('\n')[0];
  return `(not written: ${reason})`;
}

function copied(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, plainMember) ?? 'null') as unknown;
}

function plainMember(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (types.isMap(value)) {
    const pairs = [...value];
    return pairs.every(([key]) => typeof key === 'string') ? Object.fromEntries(pairs) : pairs;
  }
  if (types.isSet(value)) return [...value];
  if (types.isTypedArray(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (types.isNativeError(value)) return { name: value.name, message: value.message };
  return value;
}

/** Returns a copy of a report without the values that have no JSON text. */
function readable(report: object): object {
  const { runSummaries, scoringResults, ...rest } = report as Partial<EvalReport>;
  return {
    ...rest,
    runSummaries: (runSummaries ?? []).map((run) => ({ ...run, results: run.results.map(readableMembers) })),
    scoringResults: (scoringResults ?? []).map(readableMembers),
  };
}

function readableMembers<T extends object>(value: T): T {
  const copy = { ...value } as Record<string, unknown>;
  for (const name of FREE) {
    if (!(name in copy)) continue;
    try {
      JSON.stringify(copy[name], plainMember);
    } catch (error) {
      copy[name] = name === 'score' ? { passed: (copy[name] as { passed?: unknown }).passed } : noteOf(error);
    }
  }
  return copy as T;
}

/** Returns a value as the text of a cell. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Returns text without halves of surrogate pairs, which no encoding holds. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}
