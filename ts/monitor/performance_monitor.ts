/** Timings of named components, their bottlenecks, and regressions against a baseline. */
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
  type UnjudgedChange,
  watchEventLoop,
} from './report.js';
import { extreme, FIELDS, TREE_FIELDS, timingOf, treeOf } from './rows.js';
import { between, type Frame, now, TimerStack } from './timer_stack.js';
import { fromWellFormed, toWellFormed } from './well_formed.js';

/** Limits above which a component is a critical bottleneck. */
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

/** A place for baselines besides files: an `EvalStore`, or an object with these two methods. */
export interface BaselineStore {
  /** Keeps the JSON document of the baseline `id`, in place of an earlier one. */
  saveMonitorBaseline(id: string, document: string): Promise<void>;
  /** Resolves to the document of the baseline `id`, or of the one saved last; to `undefined` when there is none. */
  loadMonitorBaseline(id?: string): Promise<string | undefined>;
}

// biome-ignore lint/suspicious/noExplicitAny: as Node declares them.
type Listener = (...args: any[]) => void;

/** Every change since a baseline beyond the smallest threshold, as the engine answers. */
interface Changes {
  regressions: Required<PerformanceRegression>[];
  unjudged: UnjudgedChange[];
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
  /** True once somebody has listened: each call then looks for listeners. */
  #isListened = false;
  /** True when a call has nothing to do but to be recorded: the first start is known, and nobody listens. */
  #isPlain = false;
  readonly #baselines = new Map<string, PerformanceBaseline>();
  /** The id that `setBaseline` was called with last. */
  #lastSet: string | undefined;

  override on(event: string | symbol, listener: Listener): this {
    this.#listened();
    return super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    this.#listened();
    return super.addListener(event, listener);
  }

  override prependListener(event: string | symbol, listener: Listener): this {
    this.#listened();
    return super.prependListener(event, listener);
  }

  #listened(): void {
    this.#isListened = true;
    this.#isPlain = false;
  }

  /**
   * Starts a timer for `name`. O(1).
   * @param metadata Passed to listeners of `start`; not kept.
   */
  start(name: string, metadata?: Record<string, unknown>): void {
    if (typeof name !== 'string') wrongType('name', 'a string', name);
    const frame = this.#timers.push(name, true);
    if (!this.#isPlain) this.#started(frame, metadata);
  }

  /**
   * Ends the latest timer that `start(name)` started, records it and returns its duration, ms. O(1).
   * @throws Error `No active timer found for: NAME`
   */
  end(name: string): number {
    const duration = this.#timers.pop(name);
    if (this.#isListened) emitSafely(this, 'end', { name, duration });
    return duration;
  }

  /**
   * Starts a timer that only its own handle can end:
   * `using timer = monitor.startTimer('scoring')` ends it with the block.
   */
  startTimer(name: string, metadata?: Record<string, unknown>): Timer {
    const frame = this.#timers.push(string('name', name), false);
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
    const frame = this.#timers.push(string('name', name), false);
    this.#started(frame, metadata);
    try {
      return fn();
    } finally {
      this.#finish(frame);
    }
  }

  /**
   * Times like {@link measureSync}, but a promise that `fn` returns is timed until it settles, and one like it is returned.
   * @internal
   */
  measureCall(name: string, fn: () => unknown): unknown {
    const frame = this.#timers.push(name, false);
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
      this.#timers.watch();
      watchEventLoop();
    }
    this.#isPlain = !this.#isListened;
    if (this.#isListened) {
      emitSafely(this, 'start', { name: frame.name, startTime: frame.startTime, metadata });
    }
  }

  #finish(frame: Frame): number {
    const duration = this.#timers.close(frame, now());
    if (this.#isListened) emitSafely(this, 'end', { name: frame.name, duration });
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
    const given = options('limits', limits);
    const criticalMs = nonNegativeNumber('criticalMs', given.criticalMs ?? 1000);
    const criticalPercent = nonNegativeNumber('criticalPercent', given.criticalPercent ?? 20);
    return read(guarded(() => this.#timers.flushed.bottlenecks(criticalMs, criticalPercent)));
  }

  /** Keeps everything recorded so far as the baseline `id`, in place of an earlier one of that id. */
  setBaseline(id: string): PerformanceBaseline {
    this.#lastSet = string('id', id);
    return this.#setBaseline(id);
  }

  #setBaseline(id: string): PerformanceBaseline {
    const timestamp = new Date();
    const totalDuration = this.#elapsed();
    const baseline = { id, timestamp, components: byComponent(this.getAllTimings()), totalDuration };
    guarded(() => this.#timers.sampled.setBaseline(toWellFormed(id), timestamp.toISOString(), totalDuration));
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
    this.#lastSet = undefined;
    this.#baselines.clear();
    this.#timers.flushed.clearBaselines();
  }

  /**
   * The baseline `id` as a JSON document with everything needed to compare with it in another process: schema version,
   * figures, distributions.
   * @throws Error `Baseline not found: ID`
   */
  exportBaseline(id: string): string {
    string('id', id);
    const document = guarded(() => this.#timers.flushed.exportBaseline(toWellFormed(id)));
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
    const into = id == null ? undefined : toWellFormed(string('id', id));
    const stored = read<{
      id: string;
      timestamp: string;
      totalDuration: number;
      components: (ComponentTiming & { distribution?: unknown; rounds?: unknown; reference?: unknown })[];
    }>(guarded(() => this.#timers.flushed.importBaseline(text, into)));
    const timings = stored.components.map(({ distribution: _, rounds: __, reference: ___, ...timing }) => timing);
    const baseline: PerformanceBaseline = {
      id: stored.id,
      timestamp: new Date(stored.timestamp),
      components: byComponent(timings.sort((a, b) => b.totalDuration - a.totalDuration)),
      totalDuration: stored.totalDuration,
    };
    this.#baselines.delete(stored.id);
    this.#baselines.set(stored.id, baseline);
    return baseline;
  }

  /**
   * Writes a baseline to the file `place` (JSON, whole or not at all) or keeps it in the store `place`, so that a later run can
   * {@link loadBaseline} it. Without an `id` it is the one that {@link setBaseline} made last. When none was made by it, be one loaded or not, it is everything
   * recorded so far, which then is the baseline `'latest'`: detect regressions against an older `'latest'` before.
   */
  async saveBaseline(place: string | BaselineStore, id?: string): Promise<void> {
    const store = storeOf(place);
    const chosen = id ?? this.#lastSet ?? this.#setBaseline('latest').id;
    const document = this.exportBaseline(chosen);
    if (store !== undefined) await store.saveMonitorBaseline(toWellFormed(chosen), document);
    else await writeWhole(place as string, `${document}\n`);
  }

  /**
   * Reads a baseline that {@link saveBaseline} wrote. From a file it is taken in under `id` if given; from a store it is the
   * one of that `id`, or the one saved last.
   * @throws AiEvalsError `ERR_BASELINE` when the document is not a baseline, damaged, or written by a later version.
   * @throws Error `Baseline not found: ID` when the store has none.
   */
  async loadBaseline(place: string | BaselineStore, id?: string): Promise<PerformanceBaseline> {
    const store = storeOf(place);
    if (store === undefined) return readWhole(place as string, (text) => this.importBaseline(text, id));
    const name = id == null ? undefined : toWellFormed(string('id', id));
    const document = await store.loadMonitorBaseline(name);
    return this.importBaseline(document ?? notFound(id ?? 'the last one'), id);
  }

  /**
   * The regressions since the baseline `id`, largest change first: the calls after it was set (or since the last {@link reset},
   * or all when it was imported) against the calls before. A regression is an average that is slower by `minor` percent or
   * more *and* a difference that the recorded distributions support; see docs/measuring.md. A change beyond `minor` that is
   * none, or not yet, is in `unjudged` of {@link generateReport}. About 10 µs a component.
   * @throws Error `Baseline not found: ID`
   */
  detectRegressions(id: string, thresholds?: RegressionThresholds): Required<PerformanceRegression>[] {
    return this.#changes(string('id', id), thresholds).regressions;
  }

  #changes(id: string, thresholds?: RegressionThresholds): Changes {
    const given = options('thresholds', thresholds);
    const critical = nonNegativeNumber('critical', given.critical ?? 50);
    const major = nonNegativeNumber('major', given.major ?? 25);
    const minor = nonNegativeNumber('minor', given.minor ?? 10);
    const found = guarded(() => this.#timers.sampled.changes(toWellFormed(id), critical, major, minor));
    return read(found ?? notFound(id));
  }

  /**
   * Everything at this moment. With `baselineId` also the regressions since, and the changes that cannot be judged. About 10 µs a
   * component.
   * @throws Error `Baseline not found: ID`
   */
  generateReport(baselineId?: string): FullReport {
    const components = this.getAllTimings();
    const totalCalls = components.reduce((sum, timing) => sum + timing.totalCalls, 0);
    const measured = components.reduce((sum, timing) => sum + timing.totalDuration, 0);
    const timestamp = new Date();
    const changes = baselineId == null ? { regressions: [], unjudged: [] } : this.#changes(baselineId);
    const report: FullReport = {
      id: reportId(timestamp),
      timestamp,
      totalDuration: this.#elapsed(),
      components,
      bottlenecks: this.identifyBottlenecks(),
      regressions: changes.regressions,
      unjudged: changes.unjudged,
      summary: {
        totalComponents: components.length,
        totalCalls,
        avgCallDuration: totalCalls === 0 ? 0 : measured / totalCalls,
        slowestComponent: extreme(components, (a, b) => a > b),
        fastestComponent: extreme(components, (a, b) => a < b),
      },
      tree: this.#tree(),
      eventLoop: eventLoopFigures(),
      memory: memoryFigures(),
    };
    const baseline = baselineId == null ? undefined : this.#baselines.get(baselineId);
    if (baseline !== undefined) report.baseline = baseline;
    return report;
  }

  #tree(): CallTreeNode[] {
    const { names, flushed } = this.#timers;
    let rows = new Float64Array(0);
    for (let nodes = flushed.tree(rows); rows.length < nodes * TREE_FIELDS; nodes = flushed.tree(rows)) {
      rows = new Float64Array(nodes * TREE_FIELDS);
    }
    return treeOf(names, rows);
  }

  #elapsed(): number {
    return this.#firstStart === undefined ? 0 : between(this.#firstStart, now());
  }

  /** Forgets every call and every running timer. Baselines stay. */
  reset(): void {
    this.#timers.reset();
    this.#firstStart = undefined;
    this.#isPlain = false;
    emitSafely(this, 'reset');
  }
}

let reports = 0;
/** Unlike any other: of this moment, process and count (a random UUID costs its first caller 3 ms). */
function reportId(timestamp: Date): string {
  reports += 1;
  return `report-${[timestamp.getTime(), process.pid, reports].map((part) => part.toString(36)).join('-')}`;
}

/** Parses the engine's JSON. */
function read<T>(json: string): T {
  return JSON.parse(fromWellFormed(json)) as T;
}

/** Returns the store that a place is; `undefined` for the path of a file. */
function storeOf(place: string | BaselineStore): BaselineStore | undefined {
  if (typeof place === 'string') return undefined;
  const isStore = typeof place?.saveMonitorBaseline === 'function' && typeof place.loadMonitorBaseline === 'function';
  return isStore ? place : wrongType('place', 'the path of a file or a store', place);
}

function notFound(id: string): never {
  throw new Error(`Baseline not found: ${id}`);
}

/** The shared instance. */
export const performanceMonitor = new PerformanceMonitor();
