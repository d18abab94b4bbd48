/**
 * Timers that run, who started within whom, and the typed array that finished calls wait in.
 *
 * A native call per record would cost more than the clock itself, so finished calls are written to a typed array here and
 * handed to the engine 512 at a time, or as soon as someone asks. Nothing is computed on them on this side.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { MachinePace } from '../machine_pace.js';
import { guarded, native } from '../native.js';
import { toWellFormed } from './well_formed.js';

const BATCH = 512;
/** Numbers of a finished call: node, duration, self time, pace of the machine, wait for a processor. */
const FIELDS = 5;
/**
 * The machine's pace is read when a call ends: each time as long as there are readings in stock, and one is added each
 * 0.15 ms. So 10 µs of 0.15 ms, and of each call for the first ones after a pause: with one reading in 0.3 ms, a slowdown of
 * short runs was found in 87 of 100 instead of 91, with one a call in 95. Never while a timer runs, which that would make longer;
 * then a reading is good for as long as PACE_KEPT says.
 */
const PACE_GAP = 0.15;
const PACE_STOCK = 256;
const PACE_KEPT = 8;
/** Paths that are remembered by place of call; beyond, calls count at the top of the tree. */
const MAX_PATHS = 16_384;
/** As deep as the tree goes; what is deeper counts at its top. */
const MAX_DEPTH = 64;
/** How far down the running timers `end` looks before it takes the latest one of that name anywhere. */
const NEAR = 32;

/** A component as it is called from one place. */
interface Path {
  readonly node: number;
  readonly depth: number;
  readonly within: Map<string, Path>;
}

/** A component by name, with the timers of `start` that wait for their `end`, latest first. */
interface Component {
  readonly index: number;
  open: Frame | undefined;
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
 * One running timer. The class is internal; its fields are flat so that V8 keeps them in one object. One that has ended
 * holds no other but the nearest that ran around it then, so that timers that always overlap do not keep each other for ever.
 */
export class Frame {
  startTime = 0;
  /** Timers running within this one, since when, and for how long there was at least one until then. */
  running = 0;
  coveredSince = 0;
  covered = 0;
  closed = false;
  /** The context that it is placed in, and its neighbours there. */
  context: Context | undefined = undefined;
  below: Frame | undefined = undefined;
  above: Frame | undefined = undefined;
  /** Neighbours among the timers of `start` with this name: only set for those. */
  component: Component | undefined = undefined;
  earlier: Frame | undefined = undefined;
  later: Frame | undefined = undefined;

  constructor(
    readonly name: string,
    readonly path: Path,
    /** What it runs within; when it has ended, the nearest of these that still ran. */
    public parent: Frame | undefined,
    /** Which stretch between two resets it belongs to. */
    readonly stretch: number,
  ) {}
}

/** `frame`, or the nearest around it that has not ended. */
function running(frame: Frame | undefined): Frame | undefined {
  let found = frame;
  while (found?.closed) found = found.parent;
  return found;
}

// One for all monitors: each enabled storage costs every promise of the process (before Node 24), and none is ever freed.
const storage = new AsyncLocalStorage<Contexts>();

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

// As long as it is this one, durations are of the machine that the pace is of, and not a faked clock's. Of the class: the
// object's own may be faked already.
const realNow: unknown = Object.getPrototypeOf(performance).now;

/** How quick the machine is, read at times; all monitors share the readings. */
class Pace {
  #reading = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  /** When the stock will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY;
  readonly #machine = new MachinePace();
  /** How long of the call that {@link at} was asked for last its thread waited for a processor, ms; 0 when unknown. */
  delay = 0;

  /**
   * What the reference work took at about `time`, when a call of `duration` ms ended, ms; 0 when unknown. Read anew at times, but
   * only while no timer runs.
   */
  at(time: number, duration: number): number {
    this.delay = 0;
    if (performance.now !== realNow) return 0;
    const age = time - this.#readAt;
    if (age >= 0 && this.#fullAt - time > (PACE_STOCK - 1) * PACE_GAP) return this.#reading;
    if (openTimers > 0) return age >= 0 && age < PACE_KEPT ? this.#reading : 0;
    this.#readAt = time;
    this.#fullAt = (age >= 0 ? Math.max(this.#fullAt, time) : time) + PACE_GAP;
    this.#reading = this.#machine.read(duration);
    this.delay = this.#machine.delay;
    return this.#reading;
  }
}
const pace = new Pace();
/** Timers that run, of all monitors: one that is never ended keeps the pace from being read until its monitor is reset. */
let openTimers = 0;

/** The timers of one monitor. */
export class TimerStack {
  readonly #native = new native.NativeMonitor();
  readonly #batch = new Float64Array(BATCH * FIELDS);
  #waiting = 0;
  #paths = 0;
  #stretch = 0;
  /** Timers of this stretch that run. */
  #running = 0;
  #top: Map<string, Path> = new Map();
  #components = new Map<string, Component>();
  readonly #names: string[] = [];
  #outermost: Context = { owner: this, within: undefined, top: undefined };

  /** The engine with every finished call in it. */
  get flushed(): InstanceType<typeof native.NativeMonitor> {
    if (this.#waiting > 0) {
      const calls = this.#waiting;
      this.#waiting = 0;
      guarded(() => this.#native.record(this.#batch, calls));
    }
    return this.#native;
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
    for (let contexts = storage.getStore(); contexts !== undefined; contexts = contexts.others) {
      if (contexts.context.owner === this) return contexts.context;
    }
    return this.#outermost;
  }

  #component(name: string): Component {
    let component = this.#components.get(name);
    if (component === undefined) {
      component = { index: guarded(() => this.#native.component(toWellFormed(name))), open: undefined };
      this.#components.set(name, component);
      this.#names[component.index] = name;
    }
    return component;
  }

  #path(name: string, parent: Frame | undefined): Path {
    const outer = parent !== undefined && parent.path.depth < MAX_DEPTH ? parent.path : undefined;
    const within = outer === undefined ? this.#top : outer.within;
    return within.get(name) ?? this.#newPath(name, outer, within);
  }

  #newPath(name: string, outer: Path | undefined, within: Map<string, Path>): Path {
    if (this.#paths >= MAX_PATHS && outer !== undefined) return this.#path(name, undefined);
    const { index } = this.#component(name);
    const node = guarded(() => this.#native.node(outer?.node ?? -1, index));
    const path = { node, depth: (outer?.depth ?? 0) + 1, within: new Map() };
    within.set(name, path);
    this.#paths += 1;
    return path;
  }

  #open(name: string, context: Context): Frame {
    const parent = context.top ?? running(context.within);
    return new Frame(name, this.#path(name, parent), parent, this.#stretch);
  }

  /** Makes `frame` the innermost timer of its context. */
  #place(frame: Frame, context: Context): void {
    const below = context.top;
    frame.context = context;
    frame.below = below;
    if (below !== undefined) below.above = frame;
    context.top = frame;
  }

  /** The last thing before the timed code: reads the clock. */
  #run(frame: Frame): Frame {
    const { parent } = frame;
    openTimers += 1;
    this.#running += 1;
    const time = now();
    frame.startTime = time;
    if (parent !== undefined) {
      if (parent.running === 0) parent.coveredSince = time;
      parent.running += 1;
    }
    return frame;
  }

  /** Starts a timer that is the parent of what starts later in this asynchronous context, until it ends. */
  push(name: string): Frame {
    const context = this.#context();
    const frame = this.#open(name, context);
    this.#place(frame, context);
    return this.#run(frame);
  }

  /** As {@link push}, to be found by its name at {@link pop}. */
  pushNamed(name: string): Frame {
    const context = this.#context();
    const frame = this.#open(name, context);
    this.#place(frame, context);
    const component = this.#component(name);
    frame.component = component;
    frame.earlier = component.open;
    if (component.open !== undefined) component.open.later = frame;
    component.open = frame;
    return this.#run(frame);
  }

  /** Runs `fn` in a context of its own, in which `frame` is the parent of every timer. */
  runWithin<T>(name: string, fn: (frame: Frame) => T): T {
    const frame = this.#open(name, this.#context());
    const context: Context = { owner: this, within: frame, top: undefined };
    const contexts = { context, others: without(storage.getStore(), this) };
    return storage.run(contexts, () => fn(this.#run(frame)));
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
    const time = now();
    let frame = this.#context().top;
    for (let depth = 0; frame !== undefined && depth < NEAR; depth += 1) {
      if (frame.name === name && frame.component !== undefined) break;
      frame = frame.below;
    }
    if (frame === undefined || frame.name !== name || frame.component === undefined) {
      frame = this.#components.get(name)?.open;
    }
    if (frame === undefined) throw new Error(`No active timer found for: ${name}`);
    return this.close(frame, time);
  }

  /** Ends a timer and records it. Returns its duration, ms. */
  close(frame: Frame, time: number): number {
    frame.closed = true;
    const { parent, component } = frame;
    frame.parent = running(parent);
    this.detach(frame);
    if (component !== undefined) {
      const { earlier, later } = frame;
      if (earlier !== undefined) earlier.later = later;
      if (later !== undefined) later.earlier = earlier;
      else if (component.open === frame) component.open = earlier;
      frame.earlier = undefined;
      frame.later = undefined;
    }
    const duration = between(frame.startTime, time);
    let covered = frame.covered;
    if (frame.running > 0) covered += between(frame.coveredSince, time);
    if (parent !== undefined && !parent.closed) {
      parent.running -= 1;
      if (parent.running === 0) parent.covered += between(parent.coveredSince, time);
    }
    if (frame.stretch !== this.#stretch) return duration;
    openTimers -= 1;
    this.#running -= 1;
    const at = this.#waiting * FIELDS;
    this.#batch[at] = frame.path.node;
    this.#batch[at + 1] = duration;
    this.#batch[at + 2] = Math.max(0, duration - covered);
    this.#batch[at + 3] = pace.at(time, duration);
    this.#batch[at + 4] = pace.delay;
    this.#waiting += 1;
    if (this.#waiting === BATCH) void this.flushed;
    return duration;
  }

  /** Forgets every call and every running timer: one that ends later is not recorded. */
  reset(): void {
    this.#stretch += 1;
    openTimers -= this.#running;
    this.#running = 0;
    this.#waiting = 0;
    this.#native.reset();
    for (const component of this.#components.values()) component.open = undefined;
    this.#outermost = { owner: this, within: undefined, top: undefined };
  }
}
