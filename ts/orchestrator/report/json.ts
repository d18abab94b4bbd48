/** A report as JSON. */
import type { PlainReport } from './plain_report.js';
import type { ReportParts } from './report_parts.js';

/** Writes the whole report with details; else its head and what else is asked for. */
export function jsonReport(report: PlainReport, parts: ReportParts): string {
  if (parts.details) return JSON.stringify(report, null, 2);
  const { jobId, summary, metrics, regressions, recommendations, scoringResults, runSummaries } = report;
  // Outcomes of single cases are details.
  const { cases: _, ...figures } = (metrics ?? {}) as { cases?: unknown };
  const chosen = {
    jobId,
    summary,
    metrics: figures,
    regressions,
    ...(parts.recommendations ? { recommendations } : {}),
    ...(parts.scores ? { scoringResults } : {}),
    ...(parts.results ? { runSummaries } : {}),
  };
  return JSON.stringify(chosen, null, 2);
}
