/** The parts of a report that an export has. */
import { options } from '../../arguments.js';
import { oneOf } from '../../executor/config.js';

/** The formats of {@link ReportOptions}. */
export const REPORT_FORMATS = ['json', 'csv', 'html', 'markdown', 'md', 'junit', 'github'] as const;

/** Options of `exportReport`. */
export interface ReportOptions {
  /**
   * - `json`, `csv`, `html`, `markdown` (or `md`).
   * - `junit`: XML for CI, a test suite for each dataset and model.
   * - `github`: workflow commands, which GitHub Actions shows as annotations.
   */
  format: (typeof REPORT_FORMATS)[number];
  /** Adds runs, regressions, improvements and what was not judged; to JSON the whole report. Default `false`. */
  includeDetails?: boolean | undefined;
  /** Adds the verdict on each case, with the figures behind it. Default `false`. */
  includeScoringBreakdown?: boolean | undefined;
  /** Adds each result, with input, expected output and answer. Default `false`. */
  includeRawResults?: boolean | undefined;
  /** Adds recommendations. Default `false`. */
  includeRecommendations?: boolean | undefined;
}

/** The parts that an export has beside its head. */
export interface ReportParts {
  format: Exclude<ReportOptions['format'], 'md'>;
  details: boolean;
  scores: boolean;
  results: boolean;
  recommendations: boolean;
}

/** Checks the options of an export. */
export function reportParts(given: ReportOptions): ReportParts {
  const { format, includeDetails, includeScoringBreakdown, includeRawResults, includeRecommendations } = options(
    'options',
    given,
  );
  const checked = oneOf('options.format', REPORT_FORMATS, format) as ReportOptions['format'];
  return {
    format: checked === 'md' ? 'markdown' : checked,
    details: includeDetails === true,
    scores: includeScoringBreakdown === true,
    results: includeRawResults === true,
    recommendations: includeRecommendations === true,
  };
}
