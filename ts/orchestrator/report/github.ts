/** A report as workflow commands, which GitHub Actions shows as annotations of a run. */
import { errorOf } from '../case_outcome.js';
import { type PlainReport, textOf, wellFormed } from './plain_report.js';
import { casesOf, regressionTable, summaryRows, verdictOf } from './tables.js';

/** Cases that are named, one annotation each. GitHub shows no more than some tens. */
const MOST_CASES = 40;

type Level = 'error' | 'warning' | 'notice';

/**
 * Writes the summary as a notice; critical and major regressions as errors, minor ones as warnings; then cases that failed
 * as warnings and cases without a verdict as errors. The number of those left out is told.
 */
export function githubReport(report: PlainReport): string {
  const summary = summaryRows(report).map(([name, value]) => `${name}: ${value}`);
  const regressions = regressionTable(report).rows.map((row) => {
    const [place, metric, baseline, current, change, severity] = row.map((cell) =>
      typeof cell === 'string' ? cell : cell.number,
    );
    const level: Level = severity === 'minor' ? 'warning' : 'error';
    return command(level, `Regression (${severity}): ${metric} ${place}`, `${baseline} → ${current} (${change} %)`);
  });
  const troubles = casesOf(report).filter((one) => verdictOf(one) !== 'passed');
  const cases = troubles.slice(0, MOST_CASES).map((one) => {
    const { outcome, result, scoring } = one;
    const title = [outcome.datasetId, outcome.modelId, outcome.testCaseId].filter(Boolean).join(' / ');
    if (!outcome.error) {
      const reason = textOf(scoring?.score.explanation) || `score ${outcome.score ?? 'unknown'}`;
      return command('warning', `Failed: ${title}`, reason);
    }
    const reason = errorOf(result) ?? scoring?.error?.message ?? 'the answer has no verdict';
    return command('error', `Error: ${title}`, reason);
  });
  const more = troubles.length - cases.length;
  const rest = more > 0 ? [command('notice', 'Further cases', `${more} further cases did not pass`)] : [];
  const head = command('notice', `Evaluation ${textOf(report.jobId)}`.trimEnd(), summary.join(', '));
  return `${[head, ...regressions, ...cases, ...rest].join('\n')}\n`;
}

function command(level: Level, title: string, message: string): string {
  const name = data(title).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return `::${level} title=${name}::${data(message)}`;
}

function data(text: string): string {
  return wellFormed(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
