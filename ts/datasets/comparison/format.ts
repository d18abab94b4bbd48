/** The report of a comparison as text. */
import type { ComparisonReport, ModelFigures } from './types.js';

/**
 * Returns a report as Markdown: a table of the models, the differences between them, and the verdict. O(models²).
 */
export function formatComparisonReport(report: ComparisonReport): string {
  const { models, differences, repeats, cases, status, notRun, confidence } = report;
  const percent = `${Number((confidence * 100).toFixed(2))} %`;
  const ranked = [...models].sort((a, b) => b.avgScore - a.avgScore);
  const k = repeats > 1 ? [`pass@${repeats}`, `pass^${repeats}`, 'Agreement'] : [];
  const head = [
    'Model',
    'Score',
    `Pass rate (${percent})`,
    'Win rate',
    'Errors',
    ...k,
    'Latency p50',
    'Tokens',
    'Cost',
  ];
  const rows = ranked.map((model) => [
    cell(model.name),
    model.avgScore.toFixed(3),
    `${rate(model.passRate)} (${rate(model.passRateInterval.low)} – ${rate(model.passRateInterval.high)})`,
    `${model.winRate.toFixed(1)} %`,
    String(model.errors),
    ...(repeats > 1 ? [rate(model.passAtK.at(-1)!), rate(model.passHatK.at(-1)!), rate(model.agreement)] : []),
    Number.isNaN(model.latency.p50) ? '–' : `${Math.round(model.latency.p50)} ms`,
    String(model.tokens.total),
    costText(model),
  ]);
  const changes = differences.map(({ a, b, difference, low, high, pAdjusted, better, worse }) => [
    `${cell(a)} − ${cell(b)}`,
    `${signed(difference)} (${signed(low)} – ${signed(high)})`,
    pAdjusted < 0.001 ? '< 0.001' : pAdjusted.toFixed(3),
    `${better} : ${worse}`,
  ]);
  const unfinished = status === 'cancelled' ? [`Cancelled: ${notRun} calls were not made.`, ''] : [];
  return [
    `# Comparison of ${models.length} models on ${cell(report.datasetId)}`,
    '',
    `${cases} cases, ${repeats} ${repeats === 1 ? 'answer' : 'answers'} each. ${report.verdict}`,
    '',
    ...unfinished,
    ...table(head, rows),
    ...(changes.length === 0 ? [] : ['', ...table(['Difference', `Score (${percent})`, 'p (Holm)', 'Cases'], changes)]),
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** A name that cannot end its cell or its line. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

const rate = (share: number) => `${(share * 100).toFixed(1)} %`;
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

function costText({ cost, unpriced, total }: ModelFigures): string {
  if (cost === undefined) return 'unknown';
  const shown = `$${cost.toFixed(4)}`;
  return unpriced === 0 ? shown : `${shown} of ${total - unpriced} calls`;
}
