/** The export of a report as text. */
import { csvReport } from './csv.js';
import { githubReport } from './github.js';
import { htmlReport } from './html.js';
import { jsonReport } from './json.js';
import { junitReport } from './junit.js';
import { markdownReport } from './markdown.js';
import { type PlainReport, plainReport } from './plain_report.js';
import { type ReportOptions, type ReportParts, reportParts } from './report_parts.js';

const WRITERS: Record<ReportParts['format'], (report: PlainReport, parts: ReportParts) => string> = {
  json: jsonReport,
  csv: csvReport,
  html: htmlReport,
  markdown: markdownReport,
  junit: junitReport,
  github: githubReport,
};

/** Writes a report, or its parsed JSON, as text. Both give the same. O(size of the report). */
export function exportReport(report: unknown, options: ReportOptions): string {
  const parts = reportParts(options);
  return WRITERS[parts.format](plainReport(report), parts);
}
