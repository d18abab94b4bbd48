/** A report as JUnit XML: a test suite for each dataset and model. (suite, classname, name) is unique. */
import type { JoinedCase } from '../case_outcome.js';
import { errorOf, modelLabels } from '../case_outcome.js';
import { type PlainReport, textOf } from './plain_report.js';
import { casesOf, runsOf, verdictOf } from './tables.js';

/** Writes every case with its verdict. A wrong answer is a `failure`, a case without a verdict an `error`. */
export function junitReport(report: PlainReport): string {
  const runs = runsOf(report);
  const all = casesOf(report, runs);
  const labels = modelLabels(runs);
  const suiteNames = new UniqueNames();
  const suites = runs.map((run, i) => ({
    name: suiteNames.take(`${textOf(run.datasetId)} / ${labels[i]}`),
    cases: all.filter((one) => one.run === run),
    seconds: run.totalDuration / 1000,
  }));
  const loose = all.filter(({ run }) => run === undefined);
  if (loose.length > 0) suites.push({ name: suiteNames.take('scores'), cases: loose, seconds: 0 });
  const totals = { ...countsOf(all), time: seconds(Number(report.summary?.duration ?? 0) / 1000) };
  const body = suites.flatMap(({ name, cases, seconds: time }) => [
    `  <testsuite ${attributes({ name, ...countsOf(cases), time: seconds(time) })}>`,
    ...caseLines(name, cases),
    '  </testsuite>',
  ]);
  const head = `<testsuites ${attributes({ name: `ai-evals ${textOf(report.jobId)}`, ...totals })}>`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', head, ...body, '</testsuites>', ''].join('\n');
}

function caseLines(suite: string, cases: readonly JoinedCase[]): string[] {
  const names = new UniqueNames();
  return cases.map((one) => {
    const time = seconds((one.outcome.latency ?? 0) / 1000);
    const name = names.take(one.outcome.testCaseId);
    const opening = `    <testcase ${attributes({ classname: suite, name, time })}`;
    const trouble = troubleOf(one);
    return trouble === undefined ? `${opening}/>` : `${opening}>\n      ${trouble}\n    </testcase>`;
  });
}

function troubleOf(one: JoinedCase): string | undefined {
  const verdict = verdictOf(one);
  if (verdict === 'passed') return undefined;
  const { result, scoring } = one;
  if (verdict === 'error') {
    const message = errorOf(result) ?? scoring?.error?.message ?? 'the answer has no verdict';
    return `<error ${attributes({ message })}/>`;
  }
  const score = one.outcome.score === undefined ? 'not passed' : `score ${one.outcome.score}`;
  const message = textOf(scoring?.score.explanation) || score;
  const text = `expected: ${textOf(result?.expected)}\nactual: ${textOf(result?.actual)}`;
  return `<failure ${attributes({ message })}>${escaped(text)}</failure>`;
}

function countsOf(cases: readonly JoinedCase[]): { tests: number; failures: number; errors: number } {
  const count = (verdict: string) => cases.filter((one) => verdictOf(one) === verdict).length;
  return { tests: cases.length, failures: count('failed'), errors: count('error') };
}

function seconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : '0.000';
}

/** Names that were given out; one that was is followed by a number. */
class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #next = new Map<string, number>();

  take(name: string): string {
    let unique = name;
    while (this.#taken.has(unique)) {
      const number = this.#next.get(name) ?? 2;
      this.#next.set(name, number + 1);
      unique = `${name} (${number})`;
    }
    this.#taken.add(unique);
    return unique;
  }
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(' ');
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

/** Returns text for XML 1.0. Characters that it cannot hold are replaced. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"\n\r\t]/g, (sign) => ENTITIES[sign]!);
}
