/**
 * Running timers, which of them started within which, and the typed array that finished calls wait in.
 *
 * `start` and `end` read the clock, look a name up and write into that array, nothing else. A native call per record would cost
 * more than the clock itself, so the engine takes 512 calls at a time, or what there is as soon as someone asks. Nothing is
 * computed on them on this side.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { guarded, native } from '../native.js';
import { referenceTiming } from '../reference_timing.js';
import { type SampledCalls, watch } from './reference_sampler.js';
import { toWellFormed } from './well_formed.js';

const BATCH = 512;
/** Numbers of a finished call: node, duration, self time. */
const FIELDS = 3;
/** Paths that are remembered by place of call; beyond, calls count at the top of the tree. */
const MAX_PATHS = 16_384;
/** Depth of the tree; deeper calls count at its top. */
const MAX_DEPTH = 64;
/** Running timers that `end` looks through before it takes the latest one of that name anywhere. */
const NEAR = 32;

/** A component as it is called from one place. */
interface Path {
  readonly node: number;
  readonly depth: number;
  readonly within: Map<string, Path>;
}

/** A component by name. */
interface Component {
  readonly index: number;
  /** Its path when it is called from nowhere. */
  top: Path | undefined;
  /** The timers of `start` that are not ended yet, latest first. */
  open: Frame | undefined;
  /** An ended timer that nothing refers to, for the next call from nowhere. A new one would cost a third of the call. */
  spare: Frame | undefined;
}

/** The running timers of one monitor in one asynchronous context. */
interface Context {
  readonly owner: TimerStack;
  /** The `measure` that it is the context of. */
  readonly within: Frame | undefined;
  /** The innermost of the other timers. */
  top: Frame | undefined;
}

/** The contexts that code runs in, one for each monitor. */
interface Contexts {
  readonly context: Context;
  readonly others: Contexts | undefined;
}

/** `contexts` without that of `owner`: the same object when there is none. */
function without(contexts: Contexts | undefined, owner: TimerStack): Contexts | undefined {
  if (contexts === undefined) return undefined;
  if (contexts.context.owner === owner) return contexts.others;
  const others = without(contexts.others, owner);
  return others === contexts.others ? contexts : { context: contexts.context, others };
}

/**
 * One running timer. One that has ended holds no other but the nearest that ran around it then, so that timers that always
 * overlap do not keep each other for ever.
 */
export interface Frame {
  startTime: number;
  /** Timers running within this one, since when, and for how long there was at least one until then. */
  running: number;
  coveredSince: number;
  covered: number;
  /** True once another timer started within it, and so may refer to it. */
  isParent: boolean;
  closed: boolean;
  /** The context that it is placed in, and its neighbours there. */
  context: Context | undefined;
  below: Frame | undefined;
  above: Frame | undefined;
  /** Neighbours among the timers of `start` with this name: only set for those. */
  component: Component | undefined;
  earlier: Frame | undefined;
  later: Frame | undefined;
  readonly name: string;
  readonly path: Path;
  /** The timer it runs within. Once it has ended, the nearest one around it that still ran then. */
  parent: Frame | undefined;
  /** Number of the stretch between two resets that it belongs to. */
  readonly stretch: number;
}

/** `frame`, or the nearest around it that has not ended. */
function running(frame: Frame | undefined): Frame | undefined {
  let found = frame;
  while (found?.closed) found = found.parent;
  return found;
}

/** Notes that a timer started within `parent` at `time`. */
function enter(parent: Frame, time: number): void {
  if (parent.running === 0) parent.coveredSince = time;
  parent.running += 1;
  parent.isParent = true;
}

/** The spare timer of `component`, taken and running again. */
function reopened(component: Component): Frame | undefined {
  const { spare } = component;
  if (spare === undefined) return undefined;
  component.spare = undefined;
  spare.closed = false;
  return spare;
}

// One for all monitors: each enabled storage costs every promise of the process (before Node 24), and none is ever freed.
const storage = new AsyncLocalStorage<Contexts>();
/** True once any monitor ran something within a context of its own: until then there is nothing to look up. */
let hasContexts = false;

/** The global clock, looked up on each call so that fake timers are honoured. Milliseconds, monotonic. */
export function now(): number {
  return performance.now();
}

/** Longer than this, ms (30,000 years), only a faked clock says. */
const LONGEST = 1e15;

/** Milliseconds from one reading of the clock to another; 0 when a faked clock went back or is no number. */
export function between(start: number, end: number): number {
  const elapsed = end - start;
  return elapsed > 0 && elapsed < LONGEST ? elapsed : 0;
}

/** The timers of one monitor. */
export class TimerStack implements SampledCalls {
  readonly #native = new native.NativeMonitor();
  readonly #batch = new Float64Array(BATCH * FIELDS);
  #waiting = 0;
  #paths = 0;
  #stretch = 0;
  /** True when calls went to the engine since the last reading of the reference timing. */
  #isUnread = false;
  #components = new Map<string, Component>();
  readonly #names: string[] = [];
  #outermost: Context = { owner: this, within: undefined, top: undefined };

  /** The engine with every finished call in it. */
  get flushed(): InstanceType<typeof native.NativeMonitor> {
    if (this.#waiting > 0) {
      const calls = this.#waiting;
      this.#waiting = 0;
      this.#isUnread = true;
      guarded(() => this.#native.record(this.#batch, calls));
      this.watch();
    }
    return this.#native;
  }

  /** The engine with every finished call in it, and a reading of the reference timing for those since the last one. */
  get sampled(): InstanceType<typeof native.NativeMonitor> {
    const engine = this.flushed;
    guarded(() => engine.readReference(referenceTiming()));
    this.#isUnread = false;
    return engine;
  }

  /** Has the reference timing read beside the calls. Asked for at the first start and at each flush, never by a call. */
  watch(): void {
    watch(this);
  }

  get isReadingDue(): boolean {
    return this.#waiting > 0 || this.#isUnread;
  }

  readReference(reading: number): void {
    try {
      this.flushed.readReference(reading);
    } catch {
      // Calls without a reading are compared as on a machine of which nothing is known. Nobody is there to be told.
    }
    this.#isUnread = false;
  }

  /** Names of the components, by index. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** The index of the component `name`, if it was ever started. */
  indexOf(name: string): number | undefined {
    return this.#components.get(name)?.index;
  }

  #context(): Context {
    if (!hasContexts) return this.#outermost;
    for (let contexts = storage.getStore(); contexts !== undefined; contexts = contexts.others) {
      if (contexts.context.owner === this) return contexts.context;
    }
    return this.#outermost;
  }

  #newComponent(name: string): Component {
    const index = guarded(() => this.#native.component(toWellFormed(name)));
    const component: Component = { index, top: undefined, open: undefined, spare: undefined };
    this.#components.set(name, component);
    this.#names[index] = name;
    return component;
  }

  #path(name: string, component: Component, parent: Frame | undefined): Path {
    const outer = parent !== undefined && parent.path.depth < MAX_DEPTH ? parent.path : undefined;
    const known = outer === undefined ? component.top : outer.within.get(name);
    return known ?? this.#newPath(name, component, outer);
  }

  #newPath(name: string, component: Component, outer: Path | undefined): Path {
    if (this.#paths >= MAX_PATHS && outer !== undefined) return this.#path(name, component, undefined);
    const node = guarded(() => this.#native.node(outer?.node ?? -1, component.index));
    const path = { node, depth: (outer?.depth ?? 0) + 1, within: new Map() };
    if (outer === undefined) component.top = path;
    else outer.within.set(name, path);
    this.#paths += 1;
    return path;
  }

  /** A timer on top of `context`, not yet placed there. One literal: rare calls run it before it is compiled. */
  #frame(name: string, component: Component, context: Context): Frame {
    const { top, within } = context;
    const parent = top ?? (within === undefined ? undefined : running(within));
    return {
      startTime: 0,
      running: 0,
      coveredSince: 0,
      covered: 0,
      isParent: false,
      closed: false,
      context: undefined,
      below: undefined,
      above: undefined,
      component: undefined,
      earlier: undefined,
      later: undefined,
      name,
      path: (parent === undefined ? component.top : undefined) ?? this.#path(name, component, parent),
      parent,
      stretch: this.#stretch,
    };
  }

  /**
   * Starts a timer that is the parent of what starts later in this asynchronous context, until it ends. One that `isNamed` is
   * found by its name at {@link pop}. Reading the clock is the last thing before the timed code.
   */
  push(name: string, isNamed: boolean): Frame {
    const context = hasContexts ? this.#context() : this.#outermost;
    const component = this.#components.get(name) ?? this.#newComponent(name);
    const below = context.top;
    const isOutermost = below === undefined && context === this.#outermost;
    const frame = (isOutermost ? reopened(component) : undefined) ?? this.#frame(name, component, context);
    frame.context = context;
    context.top = frame;
    if (below !== undefined) {
      frame.below = below;
      below.above = frame;
    }
    if (isNamed) {
      const earlier = component.open;
      frame.component = component;
      component.open = frame;
      if (earlier !== undefined) {
        frame.earlier = earlier;
        earlier.later = frame;
      }
    }
    const time = performance.now();
    frame.startTime = time;
    if (frame.parent !== undefined) enter(frame.parent, time);
    return frame;
  }

  /** Runs `fn` in a context of its own, in which `frame` is the parent of every timer. */
  runWithin<T>(name: string, fn: (frame: Frame) => T): T {
    hasContexts = true;
    const frame = this.#frame(name, this.#components.get(name) ?? this.#newComponent(name), this.#context());
    const context: Context = { owner: this, within: frame, top: undefined };
    const contexts = { context, others: without(storage.getStore(), this) };
    return storage.run(contexts, () => {
      frame.startTime = now();
      if (frame.parent !== undefined) enter(frame.parent, frame.startTime);
      return fn(frame);
    });
  }

  /** Takes a timer off its context, though it goes on running: what starts next is not within it. */
  detach(frame: Frame): void {
    const { context, below, above } = frame;
    if (above !== undefined) above.below = below;
    else if (context?.top === frame) context.top = below;
    if (below !== undefined) below.above = above;
    frame.context = undefined;
    frame.below = undefined;
    frame.above = undefined;
  }

  /**
   * Ends the latest timer of `start(name)`: of this asynchronous context if it has one, else of any.
   * @throws Error `No active timer found for: NAME` when there is none.
   */
  pop(name: string): number {
    const time = performance.now();
    let frame = this.#components.get(name)?.open;
    if (hasContexts && frame !== undefined) frame = this.#latestHere(name) ?? frame;
    if (frame === undefined) throw new Error(`No active timer found for: ${name}`);
    return this.close(frame, time);
  }

  /** The latest running timer of `start(name)` in this asynchronous context, if it is near. */
  #latestHere(name: string): Frame | undefined {
    let frame = this.#context().top;
    for (let depth = 0; frame !== undefined && depth < NEAR; depth += 1) {
      if (frame.name === name && frame.component !== undefined) return frame;
      frame = frame.below;
    }
    return undefined;
  }

  /** Ends a timer and records it. Returns its duration, ms. */
  close(frame: Frame, time: number): number {
    const { parent, component, context } = frame;
    frame.closed = true;
    if (context !== undefined) {
      if (context.top === frame && frame.below === undefined) {
        context.top = undefined;
        frame.context = undefined;
      } else {
        this.detach(frame);
      }
    }
    if (component !== undefined) {
      const { earlier, later } = frame;
      if (later === undefined) {
        if (component.open === frame) component.open = earlier;
      } else {
        later.earlier = earlier;
        frame.later = undefined;
      }
      if (earlier !== undefined) {
        earlier.later = later;
        frame.earlier = undefined;
      }
    }
    const duration = between(frame.startTime, time);
    let own = duration;
    if (frame.running > 0) own -= between(frame.coveredSince, time);
    if (frame.covered > 0) own -= frame.covered;
    if (parent !== undefined) {
      frame.parent = running(parent);
      if (!parent.closed) {
        parent.running -= 1;
        if (parent.running === 0) parent.covered += between(parent.coveredSince, time);
      }
    }
    if (frame.stretch !== this.#stretch) return duration;
    if (component !== undefined && parent === undefined && !frame.isParent) component.spare = frame;
    const batch = this.#batch;
    const waiting = this.#waiting;
    const at = waiting * FIELDS;
    batch[at] = frame.path.node;
    batch[at + 1] = duration;
    batch[at + 2] = Math.max(0, own);
    this.#waiting = waiting + 1;
    if (waiting + 1 === BATCH) void this.flushed;
    return duration;
  }

  /** Forgets every call and every running timer: one that ends later is not recorded. */
  reset(): void {
    this.#stretch += 1;
    this.#waiting = 0;
    this.#native.reset();
    for (const component of this.#components.values()) {
      component.open = undefined;
      component.spare = undefined;
    }
    this.#outermost = { owner: this, within: undefined, top: undefined };
  }
}
