/** The guide's dashboard: one run at a glance. */
import { boxed, paint } from '../benchmark/tables.js';
import { bytes, duration } from '../benchmark/units.js';
import type { PerformanceReport, UnjudgedChange } from './report.js';
import { type Rating, rateTargets, type TargetRating } from './targets.js';

/** Counters of a cache, as far as the dashboard shows them; `CacheStats` has them all. */
export interface CacheFigures {
  hits: number;
  misses: number;
  /** 0–1. */
  hitRate: number;
  entries: number;
  /** Bytes. */
  memoryUsage: number;
}

const COLOURS: Record<Rating, number> = { excellent: 32, target: 32, acceptable: 33, poor: 31 };
const MARKS: Record<Rating, string> = { excellent: '++', target: '+', acceptable: '~', poor: '!' };

function shown({ unit, value }: Pick<TargetRating, 'unit' | 'value'>): string {
  if (unit === 'ms') return duration(value);
  return unit === 'bytes' ? bytes(value) : `${value.toFixed(1)} %`;
}

function share(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}

function reason({ machinePercent, callsNeeded }: UnjudgedChange): string {
  if (machinePercent !== undefined) return `the machine was ${machinePercent.toFixed(0)} % slower`;
  return callsNeeded === undefined ? '' : `about ${callsNeeded} calls a side would tell`;
}

/**
 * A run as text: summary, components, caches, regressions, and the rating against the guide's targets. Boxed tables;
 * colours only on a terminal, and not with `NO_COLOR`.
 * @param cacheStats What `cacheManager.getAllStats()` returns.
 */
export function renderDashboard(report: PerformanceReport, cacheStats?: Record<string, CacheFigures>): string {
  const caches = Object.entries(cacheStats ?? {});
  const { summary } = report;
  const sections = [
    boxed({
      title: 'Performance',
      rows: [
        ['Measure', 'Value'],
        ['Total duration', duration(report.totalDuration)],
        ['Components', String(summary.totalComponents)],
        ['Calls', String(summary.totalCalls)],
        ['Average call', duration(summary.avgCallDuration)],
        ['Slowest component', summary.slowestComponent],
        ['Fastest component', summary.fastestComponent],
        ['Event loop delay (p99)', duration(report.eventLoop?.p99Delay ?? 0)],
        ['Heap used', bytes(report.memory?.heapUsed ?? 0)],
        ...caches.map(([name, stats]) => [`${name[0]?.toUpperCase()}${name.slice(1)} hit rate`, share(stats.hitRate)]),
        ...(caches.length > 0 ? [['Cache memory', bytes(caches.reduce((sum, [, s]) => sum + s.memoryUsage, 0))]] : []),
      ],
    }),
  ];
  if (report.components.length > 0) {
    sections.push(
      boxed({
        title: 'Components',
        rows: [
          ['Component', 'Calls', 'Total', 'Self', 'Average', 'p95', 'p99'],
          ...report.components.map((c) => [
            c.component,
            String(c.totalCalls),
            duration(c.totalDuration),
            duration(c.selfDuration ?? c.totalDuration),
            duration(c.avgDuration),
            duration(c.p95Duration),
            duration(c.p99Duration),
          ]),
        ],
      }),
    );
  }
  if (report.regressions.length > 0) {
    sections.push(
      boxed({
        title: 'Regressions',
        rows: [
          ['Component', 'Before', 'Now', 'Slower', 'Severity', 'Confidence'],
          ...report.regressions.map((r) => [
            r.component,
            duration(r.baselineDuration),
            duration(r.currentDuration),
            `${r.percentChange.toFixed(1)} %`,
            r.severity,
            r.confidence === undefined ? '' : share(r.confidence),
          ]),
        ],
      }),
    );
  }
  if (report.unjudged !== undefined && report.unjudged.length > 0) {
    sections.push(
      boxed({
        title: 'Slower, but not surely',
        rows: [
          ['Component', 'Slower', 'Why'],
          ...report.unjudged.map((u) => [u.component, `${u.percentChange.toFixed(1)} %`, reason(u)]),
        ],
      }),
    );
  }
  const ratings = rateTargets(report, cacheStats);
  if (ratings.length > 0) sections.push(renderRatings(ratings));
  return sections.join('\n\n');
}

function renderRatings(ratings: TargetRating[]): string {
  const rows = ratings.map((r) => {
    const better = r.unit === '%' ? '>' : '<';
    const limit = shown({ unit: r.unit, value: r.limits.target });
    const name = r.component === undefined ? r.target : `${r.target} (${r.component})`;
    return [name, shown(r), `${better} ${limit}`, `${MARKS[r.rating]} ${r.rating}`];
  });
  const table = boxed({ title: 'Targets', rows: [['Target', 'Value', 'Goal', 'Rating'], ...rows] });
  // Coloured once the columns are aligned: the codes have no width.
  return table.replace(/(\+\+|\+|~|!) (excellent|target|acceptable|poor)(?= │\n)/g, (text, _, rating: Rating) =>
    paint(text, COLOURS[rating]),
  );
}
