/** Timings of named components, their bottlenecks, and regressions against a baseline. */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { callable, nonNegativeNumber, options, string, wrongType } from '../arguments.js';
import { emitSafely } from '../events.js';
import { guarded } from '../native.js';
import { readWhole, writeWhole } from './baseline_file.js';
import {
  type Bottleneck,
  type CallTreeNode,
  type ComponentTiming,
  eventLoopFigures,
  type FullReport,
  memoryFigures,
  type PerformanceBaseline,
  type PerformanceRegression,
  watchEventLoop,
} from './report.js';
import { type Frame, now, TimerStack } from './timer_stack.js';

/** Figures per component in the engine's answers. */
const FIELDS = 10;
const TREE_FIELDS = 5;

/** From when a component is a critical bottleneck. */
export interface BottleneckOptions {
  /** Average duration, ms. Default 1000. */
  criticalMs?: number | undefined;
  /** Share of the sum of all totals, percent. Default 20. */
  criticalPercent?: number | undefined;
}

/** Percent slower from which a regression has a severity. */
export interface RegressionThresholds {
  /** Default 50. */
  critical?: number | undefined;
  /** Default 25. */
  major?: number | undefined;
  /** Default 10. */
  minor?: number | undefined;
}

/** A timer of its own, started by {@link PerformanceMonitor.startTimer}. Works with `using`. */
export interface Timer extends Disposable {
  /** Ends the timer, records it and returns its duration, ms; again, and it only returns the same duration. */
  end(): number;
}

/** One row of figures. Written flat: a report over a thousand components runs mostly in V8's interpreter. */
function timingOf(names: readonly string[], row: ArrayLike<number>, at: number): Required<ComponentTiming> {
  return {
    component: names[row[at] as number] as string,
    totalCalls: row[at + 1] as number,
    totalDuration: row[at + 2] as number,
    avgDuration: row[at + 3] as number,
    minDuration: row[at + 4] as number,
    maxDuration: row[at + 5] as number,
    p50Duration: row[at + 6] as number,
    p95Duration: row[at + 7] as number,
    p99Duration: row[at + 8] as number,
    selfDuration: row[at + 9] as number,
  };
}

/** A map by component that `JSON.stringify` writes as an object; not visible otherwise. */
function byComponent(timings: ComponentTiming[]): Map<string, ComponentTiming> {
  const map = new Map(timings.map((timing) => [timing.component, timing]));
  Object.defineProperty(map, 'toJSON', { value: () => Object.fromEntries(map) });
  return map;
}

/**
 * Times named components. Recording a call costs a fraction of a microsecond and memory is constant per component (a few
 * kilobytes, however many calls), so it can stay on in production. Names should be few and fixed: each distinct name is
 * kept for the life of the monitor.
 *
 * Timers that run at once: {@link measure}, {@link measureSync} and {@link startTimer} hold their own timer and are never
 * mixed up. {@link start} and {@link end} pair by name, latest start first, within the asynchronous context of an enclosing
 * `measure` if there is one; the sum of durations is exact whatever overlaps.
 *
 * Events (listeners that throw do not disturb anything): `start` `{ name, startTime, metadata }`, `end` `{ name, duration }`,
 * `baseline-set` `{ id, baseline }`, `reset`.
 */
export class PerformanceMonitor extends EventEmitter {
  readonly #timers = new TimerStack();
  #firstStart: number | undefined;
  readonly #baselines = new Map<string, PerformanceBaseline>();

  /**
   * Starts a timer for `name`. O(1).
   * @param metadata Passed to listeners of `start`; not kept.
   */
  start(name: string, metadata?: Record<string, unknown>): void {
    if (typeof name !== 'string') wrongType('name', 'a string', name);
    this.#started(this.#timers.pushNamed(name), metadata);
  }

  /**
   * Ends the latest timer that `start(name)` started, records it and returns its duration, ms. O(1).
   * @throws Error `No active timer found for: NAME`
   */
  end(name: string): number {
    const duration = this.#timers.pop(name);
    if (this.listenerCount('end') > 0) emitSafely(this, 'end', { name, duration });
    return duration;
  }

  /**
   * Starts a timer that only its own handle can end:
   * `using timer = monitor.startTimer('scoring')` ends it with the block.
   */
  startTimer(name: string, metadata?: Record<string, unknown>): Timer {
    const frame = this.#timers.push(string('name', name));
    this.#started(frame, metadata);
    let duration: number | undefined;
    const end = (): number => {
      duration ??= this.#finish(frame);
      return duration;
    };
    return { end, [Symbol.dispose]: (): void => void end() };
  }

  /**
   * Times an asynchronous function until it settles, also when it fails, and returns what it returns. Timers started
   * within `fn`, also after an `await`, count as children of this call and of no other.
   */
  async measure<T>(name: string, fn: () => PromiseLike<T> | T, metadata?: Record<string, unknown>): Promise<T> {
    string('name', name);
    callable('fn', fn);
    return this.#timers.runWithin(name, async (frame) => {
      this.#started(frame, metadata);
      try {
        return await fn();
      } finally {
        this.#finish(frame);
      }
    });
  }

  /** Times a synchronous function, also when it throws, and returns what it returns. */
  measureSync<T>(name: string, fn: () => T, metadata?: Record<string, unknown>): T {
    callable('fn', fn);
    const frame = this.#timers.push(string('name', name));
    this.#started(frame, metadata);
    try {
      return fn();
    } finally {
      this.#finish(frame);
    }
  }

  /**
   * As {@link measureSync}, but a promise that `fn` returns is timed until it settles, and one like it is returned.
   * @internal
   */
  measureCall(name: string, fn: () => unknown): unknown {
    const frame = this.#timers.push(name);
    this.#started(frame, undefined);
    let returned: unknown;
    try {
      returned = fn();
    } catch (error) {
      this.#finish(frame);
      throw error;
    }
    // Only real promises: a lazy thenable (a query builder, say) starts its work each time `then` is called.
    if (!types.isPromise(returned)) {
      this.#finish(frame);
      return returned;
    }
    this.#timers.detach(frame);
    return returned.finally(() => this.#finish(frame));
  }

  #started(frame: Frame, metadata: Record<string, unknown> | undefined): void {
    if (this.#firstStart === undefined) {
      this.#firstStart = frame.startTime;
      watchEventLoop();
    }
    if (this.listenerCount('start') > 0) {
      emitSafely(this, 'start', { name: frame.name, startTime: frame.startTime, metadata });
    }
  }

  #finish(frame: Frame): number {
    const duration = this.#timers.close(frame, now());
    if (this.listenerCount('end') > 0) emitSafely(this, 'end', { name: frame.name, duration });
    return duration;
  }

  /** Figures of one component; `undefined` before its first finished call. */
  getComponentTiming(name: string): Required<ComponentTiming> | undefined {
    const index = this.#timers.indexOf(name);
    if (index === undefined) return undefined;
    const figures = new Float64Array(FIELDS);
    const found = guarded(() => this.#timers.flushed.timing(index, figures));
    return found ? timingOf(this.#timers.names, figures, 0) : undefined;
  }

  /** Figures of every component with finished calls, longest total first. About a microsecond a component. */
  getAllTimings(): Required<ComponentTiming>[] {
    const { names, flushed } = this.#timers;
    const figures = new Float64Array(names.length * FIELDS);
    const count = guarded(() => flushed.timings(figures));
    const timings: Required<ComponentTiming>[] = [];
    for (let at = 0; at < count * FIELDS; at += FIELDS) timings.push(timingOf(names, figures, at));
    return timings;
  }

  /**
   * Every component with how much it matters, largest share of the sum of all totals first. Critical: average above
   * `criticalMs` or share above `criticalPercent`; high: above half of either; medium: above a quarter; else low.
   */
  identifyBottlenecks(limits?: BottleneckOptions): Bottleneck[] {
    const { criticalMs = 1000, criticalPercent = 20 } = options('limits', limits);
    nonNegativeNumber('criticalMs', criticalMs);
    nonNegativeNumber('criticalPercent', criticalPercent);
    return JSON.parse(guarded(() => this.#timers.flushed.bottlenecks(criticalMs, criticalPercent))) as Bottleneck[];
  }

  /** Keeps everything recorded so far as the baseline `id`, in place of an earlier one of that id. */
  setBaseline(id: string): PerformanceBaseline {
    string('id', id);
    const timestamp = new Date();
    const totalDuration = this.#elapsed();
    const baseline = { id, timestamp, components: byComponent(this.getAllTimings()), totalDuration };
    guarded(() => this.#timers.flushed.setBaseline(id, timestamp.toISOString(), totalDuration));
    this.#baselines.delete(id);
    this.#baselines.set(id, baseline);
    emitSafely(this, 'baseline-set', { id, baseline });
    return baseline;
  }

  /** The baseline `id`, if there is one. */
  getBaseline(id: string): PerformanceBaseline | undefined {
    return this.#baselines.get(id);
  }

  /** Ids of the baselines, oldest first. */
  listBaselines(): string[] {
    return [...this.#baselines.keys()];
  }

  /** Forgets every baseline. */
  clearBaselines(): void {
    this.#baselines.clear();
    this.#timers.flushed.clearBaselines();
  }

  /**
   * The baseline `id` as a JSON document with everything needed to compare with it in another process: schema version,
   * figures, distributions.
   * @throws Error `Baseline not found: ID`
   */
  exportBaseline(id: string): string {
    const document = guarded(() => this.#timers.flushed.exportBaseline(id));
    return document ?? notFound(id);
  }

  /**
   * Takes in what {@link exportBaseline} gave (the string, or the object parsed from it), under `id` if given. Everything
   * recorded by this monitor since its last `reset` counts as later than it.
   * @throws AiEvalsError `ERR_BASELINE` when it is not a baseline, damaged, or written by a later version.
   */
  importBaseline(document: string | object, id?: string): PerformanceBaseline {
    if (typeof document !== 'string' && (typeof document !== 'object' || document === null)) {
      wrongType('document', 'an exported baseline', document);
    }
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const read = JSON.parse(guarded(() => this.#timers.flushed.importBaseline(text, id))) as {
      id: string;
      timestamp: string;
      totalDuration: number;
      components: (ComponentTiming & { distribution?: unknown; rounds?: unknown })[];
    };
    const timings = read.components.map(({ distribution: _, rounds: __, ...timing }) => timing);
    const baseline: PerformanceBaseline = {
      id: read.id,
      timestamp: new Date(read.timestamp),
      components: byComponent(timings.sort((a, b) => b.totalDuration - a.totalDuration)),
      totalDuration: read.totalDuration,
    };
    this.#baselines.delete(read.id);
    this.#baselines.set(read.id, baseline);
    return baseline;
  }

  /**
   * Writes a baseline to `file` (JSON, whole or not at all), so that a later run can {@link loadBaseline} it. Without an
   * `id` it is the baseline set last; when none was set, everything recorded so far, as the baseline `'latest'`.
   */
  async saveBaseline(file: string, id?: string): Promise<void> {
    string('file', file);
    const chosen = id ?? this.listBaselines().at(-1) ?? this.setBaseline('latest').id;
    await writeWhole(file, `${this.exportBaseline(chosen)}\n`);
  }

  /**
   * Reads a baseline that {@link saveBaseline} wrote, under `id` if given.
   * @throws AiEvalsError `ERR_BASELINE` when the file is not a baseline, damaged, or written by a later version.
   */
  async loadBaseline(file: string, id?: string): Promise<PerformanceBaseline> {
    return readWhole(string('file', file), (text) => this.importBaseline(text, id));
  }

  /**
   * What became slower since the baseline `id`, largest change first: the calls after it was set (or since the last
   * {@link reset}, or all when it was imported) against the calls before. A regression is an average that is slower by
   * `minor` percent or more *and* a difference that the recorded distributions support; see docs/measuring.md.
   * @throws Error `Baseline not found: ID`
   */
  detectRegressions(id: string, thresholds?: RegressionThresholds): Required<PerformanceRegression>[] {
    const { critical = 50, major = 25, minor = 10 } = options('thresholds', thresholds);
    nonNegativeNumber('critical', critical);
    nonNegativeNumber('major', major);
    nonNegativeNumber('minor', minor);
    const found = guarded(() => this.#timers.flushed.regressions(id, critical, major, minor));
    return JSON.parse(found ?? notFound(id)) as Required<PerformanceRegression>[];
  }

  /**
   * Everything at this moment; with `baselineId`, also the regressions since. About 10 µs a component.
   * @throws Error `Baseline not found: ID`
   */
  generateReport(baselineId?: string): FullReport {
    const components = this.getAllTimings();
    const totalCalls = components.reduce((sum, timing) => sum + timing.totalCalls, 0);
    const measured = components.reduce((sum, timing) => sum + timing.totalDuration, 0);
    const byAverage = [...components].sort((a, b) => b.avgDuration - a.avgDuration);
    const report: FullReport = {
      id: `report-${randomUUID()}`,
      timestamp: new Date(),
      totalDuration: this.#elapsed(),
      components,
      bottlenecks: this.identifyBottlenecks(),
      regressions: baselineId === undefined ? [] : this.detectRegressions(baselineId),
      summary: {
        totalComponents: components.length,
        totalCalls,
        avgCallDuration: totalCalls === 0 ? 0 : measured / totalCalls,
        slowestComponent: byAverage[0]?.component ?? 'N/A',
        fastestComponent: byAverage.at(-1)?.component ?? 'N/A',
      },
      tree: this.#tree(),
      eventLoop: eventLoopFigures(),
      memory: memoryFigures(),
    };
    const baseline = baselineId === undefined ? undefined : this.#baselines.get(baselineId);
    if (baseline !== undefined) report.baseline = baseline;
    return report;
  }

  #tree(): CallTreeNode[] {
    const { names, flushed } = this.#timers;
    let rows = new Float64Array(0);
    for (let nodes = flushed.tree(rows); rows.length < nodes * TREE_FIELDS; nodes = flushed.tree(rows)) {
      rows = new Float64Array(nodes * TREE_FIELDS);
    }
    const roots: CallTreeNode[] = [];
    const made: CallTreeNode[] = [];
    for (let at = 0; at < rows.length; at += TREE_FIELDS) {
      const node: CallTreeNode = {
        component: names[rows[at] as number] as string,
        calls: rows[at + 2] as number,
        totalDuration: rows[at + 3] as number,
        selfDuration: rows[at + 4] as number,
        children: [],
      };
      made.push(node);
      (made[rows[at + 1] as number]?.children ?? roots).push(node);
    }
    return pruned(roots);
  }

  #elapsed(): number {
    return this.#firstStart === undefined ? 0 : Math.max(0, now() - this.#firstStart);
  }

  /** Forgets every call and every running timer. Baselines stay. */
  reset(): void {
    this.#timers.reset();
    this.#firstStart = undefined;
    emitSafely(this, 'reset');
  }
}

/** Without nodes that have no finished calls, nor any below; longest first. */
function pruned(nodes: CallTreeNode[]): CallTreeNode[] {
  const kept: CallTreeNode[] = [];
  for (const node of nodes) {
    if (node.children.length > 0) node.children = pruned(node.children);
    if (node.calls > 0 || node.children.length > 0) kept.push(node);
  }
  return kept.sort((a, b) => b.totalDuration - a.totalDuration);
}

function notFound(id: string): never {
  throw new Error(`Baseline not found: ${id}`);
}

/** The shared instance. */
export const performanceMonitor = new PerformanceMonitor();
