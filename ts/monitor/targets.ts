/** The guide's targets: how good is a run? */
import type { CacheFigures } from './dashboard.js';
import type { PerformanceReport } from './report.js';

/** Rating of a figure against its target. */
export type Rating = 'excellent' | 'target' | 'acceptable' | 'poor';

/** One figure of a run against its target. */
export interface TargetRating {
  /** Name of the target: `'Dataset loading'`, `'Cache hit rate'` … */
  target: string;
  /** The component the figure comes from, where it is a duration. */
  component?: string;
  /** In `unit`. */
  value: number;
  unit: 'ms' | '%' | 'bytes';
  rating: Rating;
  /** Beyond these the figure is excellent, on target, poor; acceptable is what lies between the last two. */
  limits: { excellent: number; target: number; poor: number };
}

interface Target {
  name: string;
  unit: TargetRating['unit'];
  limits: TargetRating['limits'];
}

const MB = 1024 * 1024;

/** Durations, with the component names they are about. An average is rated. */
const DURATIONS: (Target & { of: RegExp })[] = [
  {
    name: 'Dataset loading',
    of: /dataset.?load|load.?dataset/i,
    unit: 'ms',
    limits: { excellent: 200, target: 500, poor: 1000 },
  },
  {
    name: 'Test execution',
    of: /(test|case|runner).?(case)?.?execut|execut.*(test|case)/i,
    unit: 'ms',
    limits: { excellent: 1000, target: 2000, poor: 5000 },
  },
  { name: 'Exact match', of: /exact/i, unit: 'ms', limits: { excellent: 5, target: 10, poor: 50 } },
  { name: 'Semantic similarity', of: /semantic/i, unit: 'ms', limits: { excellent: 50, target: 100, poor: 500 } },
  { name: 'LLM judge', of: /judge/i, unit: 'ms', limits: { excellent: 3000, target: 5000, poor: 10_000 } },
  { name: 'Report generation', of: /report/i, unit: 'ms', limits: { excellent: 500, target: 1000, poor: 3000 } },
];
const HIT_RATE: Target = { name: 'Cache hit rate', unit: '%', limits: { excellent: 90, target: 70, poor: 50 } };
const MEMORY: Target = {
  name: 'Memory',
  unit: 'bytes',
  limits: { excellent: 200 * MB, target: 500 * MB, poor: 1024 * MB },
};

function rated({ name, unit, limits }: Target, value: number, component?: string): TargetRating {
  // Rates are better when larger, everything else when smaller.
  const beyond = (limit: number): boolean => (unit === '%' ? value > limit : value < limit);
  const short = (limit: number): boolean => (unit === '%' ? value < limit : value > limit);
  const rating = beyond(limits.excellent)
    ? 'excellent'
    : beyond(limits.target)
      ? 'target'
      : short(limits.poor)
        ? 'poor'
        : 'acceptable';
  return { target: name, ...(component !== undefined && { component }), value, unit, rating, limits };
}

/**
 * Rates a run against the targets of the guide: average durations of the components that are about them (by name:
 * `dataset-loading`, `runner-execution`, `exact-match`, `semantic-similarity`, `llm-judge`, `report-generation` and the
 * like), the hit rate over all caches (when they were asked), resident memory. What the run has no figure for is left out.
 */
export function rateTargets(report: PerformanceReport, cacheStats?: Record<string, CacheFigures>): TargetRating[] {
  const ratings = report.components.flatMap(({ component, avgDuration }) => {
    const target = DURATIONS.find(({ of }) => of.test(component));
    return target === undefined ? [] : [rated(target, avgDuration, component)];
  });
  const order = (rating: TargetRating): number => DURATIONS.findIndex(({ name }) => name === rating.target);
  ratings.sort((a, b) => order(a) - order(b));
  const caches = Object.values(cacheStats ?? {});
  const hits = caches.reduce((sum, cache) => sum + cache.hits, 0);
  const asked = hits + caches.reduce((sum, cache) => sum + cache.misses, 0);
  if (asked > 0) ratings.push(rated(HIT_RATE, (hits / asked) * 100));
  const rss = report.memory?.rss ?? 0;
  if (rss > 0) ratings.push(rated(MEMORY, rss));
  return ratings;
}
