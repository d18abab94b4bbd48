/** Reports of a {@link PerformanceMonitor}. Durations in milliseconds, sizes in bytes. */
import { monitorEventLoopDelay, performance as nodePerformance } from 'node:perf_hooks';

/** One run of a timer. */
export interface PerformanceMeasurement {
  name: string;
  /** Milliseconds of the monotonic clock (`performance.now()`). */
  startTime: number;
  endTime?: number;
  /** Milliseconds. */
  duration?: number;
  metadata?: Record<string, unknown>;
}

/** Figures of one component. Count, sum, minimum and maximum are exact. */
export interface ComponentTiming {
  component: string;
  totalCalls: number;
  /** Sum of durations, ms; calls that overlap count each for themselves. */
  totalDuration: number;
  /** Mean, ms. */
  avgDuration: number;
  minDuration: number;
  maxDuration: number;
  /** Nearest rank: the smallest duration with at least 50 % at or below. Exact up to 128 calls, then within 0.05 %. */
  p50Duration: number;
  p95Duration: number;
  p99Duration: number;
  /** Sum of durations less the time in which timers started within were running, ms. */
  selfDuration?: number;
}

/** A component with its weight and advice. */
export interface Bottleneck {
  component: string;
  severity: 'critical' | 'high' | 'medium' | 'low';
  avgDuration: number;
  /** Share of the sum of all components' totals, 0–100. */
  percentOfTotal: number;
  /** A sentence on what it costs. */
  impact: string;
  /** A sentence or two on what to do. */
  recommendation: string;
}

/** Timings kept to compare later ones with. */
export interface PerformanceBaseline {
  id: string;
  timestamp: Date;
  /** By component; `JSON.stringify` writes it as an object. */
  components: Map<string, ComponentTiming>;
  /** Time from the first `start` to the baseline, ms. */
  totalDuration: number;
}

/** A component that became slower than a baseline. */
export interface PerformanceRegression {
  component: string;
  /** Average before, ms. Both averages are taken without outliers where a few of these would hide the change. */
  baselineDuration: number;
  /** Average of the calls since, ms. */
  currentDuration: number;
  /** Slowdown, percent of the baseline (of 1 µs when the baseline is shorter than that). */
  percentChange: number;
  severity: 'critical' | 'major' | 'minor';
  /** The threshold that was crossed, percent. */
  threshold: number;
  /**
   * Confidence, 0–1: 1 less the false discovery rate (Benjamini–Hochberg) at which it is still found. At least 0.98, with
   * fewer than 30 calls on a side 0.995, of a single call a side about 0.9. See docs/measuring.md.
   */
  confidence?: number;
  /** Slowdown of the machine itself, percent, by its reference timing; 0 when unknown. */
  machinePercent?: number;
  /** False when the machine was slower or quicker by more than 10 %: the change exceeds what that explains. */
  conclusive?: boolean;
  /** Calls behind `baselineDuration`. */
  baselineCalls?: number;
  /** Calls behind `currentDuration`. */
  currentCalls?: number;
}

/** A component that is slower than a baseline by a threshold or more, and not surely so. */
export interface UnjudgedChange {
  component: string;
  /** Slowdown, percent of the baseline. */
  percentChange: number;
  /** Slowdown of the machine itself, percent. Only where that alone explains the change. */
  machinePercent?: number;
  /** About how many calls each side needs to judge a change of this size. Only where more calls would tell. */
  callsNeeded?: number;
}

/** A component as it was called from one place, and what was called within. */
export interface CallTreeNode {
  component: string;
  calls: number;
  /** Sum of durations, ms. */
  totalDuration: number;
  /** `totalDuration` less what ran within, ms. */
  selfDuration: number;
  children: CallTreeNode[];
}

/** Delay of the event loop since the first timer of the process was started. */
export interface EventLoopFigures {
  /** Delay beyond a 20 ms tick, ms. */
  meanDelay: number;
  maxDelay: number;
  p50Delay: number;
  p99Delay: number;
  /** Share of time the loop was busy, 0–1. */
  utilization: number;
}

/** Memory of the process, bytes. */
export interface MemoryFigures {
  heapUsed: number;
  heapTotal: number;
  external: number;
  rss: number;
}

/** Everything known at one moment. Plain data: `JSON.stringify` keeps all of it. */
export interface PerformanceReport {
  id: string;
  timestamp: Date;
  /** Since the first `start`, ms; 0 when nothing was started. */
  totalDuration: number;
  /** Longest total first. */
  components: ComponentTiming[];
  /** Largest share first. */
  bottlenecks: Bottleneck[];
  /** Largest change first; empty without a baseline. */
  regressions: PerformanceRegression[];
  /** Changes beyond a threshold that are no regressions, or not yet. Largest change first; empty without a baseline. */
  unjudged?: UnjudgedChange[];
  summary: {
    totalComponents: number;
    totalCalls: number;
    avgCallDuration: number;
    /** By average duration; `'N/A'` when there is none. */
    slowestComponent: string;
    fastestComponent: string;
  };
  /** Components by the places they were called from. */
  tree?: CallTreeNode[];
  eventLoop?: EventLoopFigures;
  memory?: MemoryFigures;
  /** The baseline that `regressions` are relative to. */
  baseline?: PerformanceBaseline;
}

/** A report as a monitor makes it, nothing left out. */
export interface FullReport extends PerformanceReport {
  components: Required<ComponentTiming>[];
  regressions: Required<PerformanceRegression>[];
  unjudged: UnjudgedChange[];
  tree: CallTreeNode[];
  eventLoop: EventLoopFigures;
  memory: MemoryFigures;
}

/** Tick of the delay sampler, ms: what a delay is measured beyond. */
const TICK = 20;

let delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
let utilization: ReturnType<typeof nodePerformance.eventLoopUtilization> | undefined;

/** Starts to watch the event loop, once per process (a timer of 20 ms that keeps nothing alive). */
export function watchEventLoop(): void {
  if (delays !== undefined) return;
  delays = monitorEventLoopDelay({ resolution: TICK });
  delays.enable();
  utilization = nodePerformance.eventLoopUtilization();
}

/** The event loop so far; zeros before {@link watchEventLoop}. */
export function eventLoopFigures(): EventLoopFigures {
  if (delays === undefined || delays.count === 0) {
    return { meanDelay: 0, maxDelay: 0, p50Delay: 0, p99Delay: 0, utilization: busy() };
  }
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - TICK);
  return {
    meanDelay: late(delays.mean),
    maxDelay: late(delays.max),
    p50Delay: late(delays.percentile(50)),
    p99Delay: late(delays.percentile(99)),
    utilization: busy(),
  };
}

function busy(): number {
  if (utilization === undefined) return 0;
  const share = nodePerformance.eventLoopUtilization(utilization).utilization;
  return Number.isFinite(share) ? share : 0;
}

/** The process now. */
export function memoryFigures(): MemoryFigures {
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  return { heapUsed, heapTotal, external, rss };
}
