/**
 * The loop between the scheduler and the executor function. The scheduler decides what starts; this calls it, stamps the
 * real time of each start, and reports what came back. One call into the scheduler per turn however many tasks start or
 * finish in it, one timer for the next thing that is due, nothing allocated per task but its context.
 */
import type { NativeScheduler } from '../binding.cjs';
import { answeredFromCache } from '../cached_answer.js';
import { AiEvalsError } from '../errors.js';
import { rateLimitHeaders } from '../limiter/headers.js';
import { describeFailure, evalError, type TaskFailure } from './eval_error.js';
import type { Run } from './run.js';
import type { Settlement } from './settlement.js';
import type { ExecutionTask, HeadersLike, TaskContext, ThrottleEvent } from './types.js';

// The layout of the buffer shared with `src/binding/executor.rs`.
const HEADER = 8;
const RECORD = 8;
const HALF = 128;
const FINISHED = HEADER + HALF * RECORD;
const START = 0;
const EXHAUSTED = 1;
const TIMED_OUT = 2;
const GIVEN_UP = 4;
const LOST = 5;

/** After so many milliseconds of turns in microtasks the event loop gets a turn of its own. */
const YIELD_AFTER = 8;
const LONGEST_TIMER = 2 ** 31 - 1;

/** The executor that a loop belongs to. */
export interface TurnHost {
  throttled(line: number, run: Run | undefined, event: Omit<ThrottleEvent, 'key'>): void;
  failed(error: unknown): void;
  /** Called after each turn. */
  turned(): void;
  /** Milliseconds of `grace` and of `retries.maxWait`. */
  grace(): number;
  maxWait(): number;
  readonly settlement: Settlement;
}

/** Runs tasks in slots as the scheduler says. */
export class Turns {
  readonly scheduler: NativeScheduler;
  readonly host: TurnHost;
  readonly #io = new Float64Array(HEADER + 2 * HALF * RECORD);
  readonly #slots: (Slot | undefined)[] = [];
  readonly #runs = new Map<number, Run>();
  #stamped = 0;
  #finished = 0;
  #turning = false;
  #again = false;
  #revoked = false;
  #scheduled = false;
  #booking = false;
  /** Turns of the event loop in which something was started. */
  #phase = 0;
  #yielded = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(scheduler: NativeScheduler, host: TurnHost) {
    this.scheduler = scheduler;
    this.host = host;
  }

  /** Runs in progress. */
  get runs(): ReadonlyMap<number, Run> {
    return this.#runs;
  }

  add(run: Run): void {
    this.#runs.set(run.id, run);
  }

  /** Forgets a run that is over. */
  remove(run: Run): void {
    this.#runs.delete(run.id);
  }

  /** Takes a turn soon: when what is going on now is done. */
  schedule(now = performance.now()): void {
    if (this.#turning) this.#again = true;
    if (this.#scheduled || this.#turning) return;
    this.#scheduled = true;
    if (now - this.#yielded < YIELD_AFTER) queueMicrotask(this.#microtask);
    else setImmediate(this.#macrotask);
  }

  readonly #microtask = (): void => {
    this.#scheduled = false;
    this.#take();
  };

  readonly #macrotask = (): void => {
    this.#scheduled = false;
    this.#yielded = performance.now();
    this.#take();
  };

  readonly #due = (): void => {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#yielded = performance.now();
    this.#take();
  };

  /** The configuration has changed: what was granted under the old one and has not started is decided again. */
  reconsider(): void {
    this.#revoked = true;
    this.schedule();
  }

  /** Takes the turn that is due, so that the scheduler knows everything that has happened. */
  flush(): void {
    if (!this.#turning && this.#finished > 0) this.#take();
  }

  #take(): void {
    if (this.#turning) {
      this.#again = true;
      return;
    }
    this.#turning = true;
    try {
      const io = this.#io;
      do {
        this.#again = false;
        this.#revoked = false;
        let now = performance.now();
        const count = this.scheduler.turn(now, io, this.#stamped, this.#finished);
        this.#finished = 0;
        this.#stamped = count;
        for (let i = 0, at = HEADER; i < count; i += 1, at += RECORD) now = this.#act(at, now);
        if (count > 0) this.#book(now);
      } while (io[1] === 1 || this.#again || this.#finished > 0);
      this.#arm(io[0] as number);
      this.host.turned();
    } catch (error) {
      this.host.failed(error);
    } finally {
      this.#turning = false;
    }
  }

  /**
   * Books the starts of the last turn at `now` (later than each of them): what they send cannot have left before all of
   * them had begun, nor before the event loop gets to its sockets, and a provider counts what arrives.
   */
  #book(now: number): void {
    const io = this.#io;
    let started = false;
    for (let i = 0, at = HEADER; i < this.#stamped; i += 1, at += RECORD) {
      if (io[at] !== START || !((io[at + 7] as number) >= 0)) continue;
      io[at + 7] = now;
      started = true;
    }
    if (!started || this.#booking) return;
    this.#booking = true;
    setImmediate(this.#sent);
  }

  readonly #sent = (): void => {
    this.#phase += 1;
    this.#book(performance.now());
    this.#booking = false;
  };

  /** Changes when the event loop has gone on since something was started. */
  get phase(): number {
    return this.#phase;
  }

  /** Tasks that run, or were given up and have not settled. */
  get pending(): number {
    return this.#slots.reduce((count, slot) => count + (slot?.isTaken ? 1 : 0), 0);
  }

  /** Does what the record at `at` says; returns the time after it. */
  #act(at: number, now: number): number {
    const io = this.#io;
    const kind = io[at];
    if (kind === START) {
      const run = this.#runs.get(io[at + 2] as number);
      if (run === undefined || run.isOver || !run.store.isOpen(io[at + 3] as number)) {
        io[at + 7] = Number.NaN;
        return now;
      }
      if (this.#revoked) {
        io[at + 7] = -1;
        return now;
      }
      const number = io[at + 1] as number;
      this.#slots[number] ??= new Slot(this, number);
      this.#slots[number].start(run, io[at + 3] as number, io[at + 4] as number, io[at + 5] as number, now);
      const after = performance.now();
      io[at + 7] = after;
      return after;
    }
    if (kind === EXHAUSTED) {
      const until = new Date(Date.now() + (io[at + 4] as number)).toISOString();
      const message = `quota exhausted until ${until}`;
      const run = this.#runs.get(io[at + 2] as number);
      const thrown = new AiEvalsError('ERR_QUOTA_EXHAUSTED', message);
      run?.reject(io[at + 3] as number, evalError('system', 'fatal', message, false), 0, thrown);
    } else if (kind === TIMED_OUT) {
      const number = io[at + 1] as number;
      const slot = this.#slots[number];
      if (slot !== undefined) {
        this.#hold(number, slot);
        slot.timeOut(now);
      }
    } else if (kind === GIVEN_UP) {
      this.#runs.get(io[at + 2] as number)?.refuse(io[at + 3] as number, this.host.maxWait());
    } else if (kind === LOST) {
      this.#slots[io[at + 1] as number] = undefined;
    } else {
      const [waitTime, limit] = [io[at + 3] as number, io[at + 4] as number];
      const [currentRequests, currentTokens] = [io[at + 5] as number, io[at + 6] as number];
      const measure = io[at + 2] as number;
      const reason = measure % 2 === 1 ? 'requests' : 'tokens';
      const event: Omit<ThrottleEvent, 'key'> = { reason, waitTime, limit, currentRequests, currentTokens };
      if (measure > 2) event.refused = true;
      this.host.throttled(io[at + 1] as number, this.#runs.get(io[at + 7] as number), event);
    }
    return now;
  }

  #arm(wake: number): void {
    if (wake === this.#timerAt && this.#runs.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = wake;
    if (wake === Number.POSITIVE_INFINITY || this.#runs.size === 0) {
      this.#timerAt = Number.POSITIVE_INFINITY;
      return;
    }
    const delay = Math.min(Math.max(Math.ceil(wake - performance.now()), 0), LONGEST_TIMER);
    this.#timer = setTimeout(this.#due, delay);
  }

  /** Books a success; told to the scheduler in the next turn. */
  finish(slot: number, context: AttemptContext, value: unknown, execution: number, now: number): void {
    const io = this.#io;
    const at = FINISHED + this.#finished * RECORD;
    io[at] = slot;
    io[at + 1] = context.isCached ? 2 : this.host.settlement.write(value, io, at + 2, context.task);
    io[at + 5] = execution;
    this.#finished += 1;
    if (this.#finished < HALF) this.schedule(now);
    else this.#take();
  }

  /** Ends a run early: what has not started is forgotten, what runs is told and given up. */
  abort(run: Run): void {
    this.scheduler.cancelRun(run.id);
    for (const [number, slot] of this.#slots.entries()) {
      if (slot?.run !== run || !slot.isLive) continue;
      this.#hold(number, slot);
      slot.abandon();
    }
    this.schedule();
  }

  /** Forgets what of a run has not started, and ends those tasks. */
  clear(run: Run): void {
    this.scheduler.cancelRun(run.id);
    const running = this.#slots.filter((slot) => slot?.run === run && slot.isLive);
    run.clear(new Set(running.map((slot) => slot?.index as number)));
    this.schedule();
  }

  /** Frees a slot whose task is given up when its function settles; the scheduler gives it up after the grace time. */
  #hold(number: number, slot: Slot): void {
    if (this.host.grace() === 0) {
      this.#slots[number] = undefined;
      return;
    }
    slot.settled = (): void => {
      if (this.#slots[number] !== slot) return;
      this.#slots[number] = undefined;
      this.scheduler.free(number);
      this.schedule();
    };
  }

  /** Returns whether each slot is held by a task that waits for a run of its own on this executor: none can ever be free. */
  isStuck(nested: ReadonlyMap<Run, AttemptContext>): boolean {
    const waiting = new Set(nested.values());
    const taken = this.#slots.filter((slot) => slot?.isTaken);
    return taken.length > 0 && taken.every((slot) => slot !== undefined && waiting.has(slot.context));
  }
}

/** A slot, in which one task at a time runs. Its two reactions are made once: a slot waits for one promise at a time. */
class Slot {
  run!: Run;
  isLive = false;
  index = 0;
  context!: AttemptContext;
  /** Called when a task that was given up settles after all. */
  settled: (() => void) | undefined;
  readonly #turns: Turns;
  readonly #number: number;
  #attempts = 0;
  #started = 0;

  constructor(turns: Turns, number: number) {
    this.#turns = turns;
    this.#number = number;
  }

  /** Returns whether a function runs in it. */
  get isTaken(): boolean {
    return this.isLive || this.settled !== undefined;
  }

  start(run: Run, index: number, attempts: number, oversized: number, now: number): void {
    const task = run.taskAt(index);
    this.run = run;
    this.index = index;
    this.#attempts = attempts;
    this.context = new AttemptContext(this, task, attempts + 1, this.#turns);
    this.isLive = true;
    this.settled = undefined;
    if (oversized !== 0) run.warnOversized(task, oversized === 1 ? 'requests' : 'tokens');
    if (attempts === 0) run.started(task);
    this.#started = run.isObserved ? performance.now() : now;
    // A listener may have aborted the run.
    if (!this.isLive) {
      this.#release();
      return;
    }
    try {
      const returned: unknown = run.inContext(callTask, run, this.context);
      if (returned instanceof Promise) returned.then(this.#fulfilled, this.#rejected);
      else if (isThenable(returned)) Promise.resolve(returned).then(this.#fulfilled, this.#rejected);
      else this.#fulfilled(returned);
    } catch (error) {
      this.#rejected(error);
    }
  }

  /** The function of a task that was given up has settled. */
  #release(): void {
    this.settled?.();
  }

  readonly #fulfilled = (value: unknown): void => {
    if (!this.isLive) {
      this.#release();
      return;
    }
    this.isLive = false;
    const now = performance.now();
    const execution = now - this.#started;
    this.context.settle();
    this.#turns.finish(this.#number, this.context, value, execution, now);
    this.run.resolve(this.index, value, execution);
  };

  readonly #rejected = (thrown: unknown): void => {
    if (this.isLive) this.#fail(describeFailure(thrown, testCaseId(this.context.task)), false, performance.now());
    else this.#release();
  };

  timeOut(now: number): void {
    if (!this.isLive) return;
    const error = evalError('execution', 'error', 'timed out', true, testCaseId(this.context.task));
    error.message = `timed out after ${Math.round(now - this.#started)} ms`;
    const thrown = new DOMException(error.message, 'TimeoutError');
    this.#fail({ error, refusal: 0, retryAfter: 0, headers: [], thrown }, true, now);
    this.context.abort(thrown);
  }

  #fail(failure: TaskFailure, givenUp: boolean, now: number): void {
    this.isLive = false;
    const { run } = this;
    const { error, refusal, headers, thrown } = failure;
    const { scheduler } = this.#turns;
    const execution = now - this.#started;
    const told = headers.length > 0 ? scheduler.observe(this.#number, headers, now, Date.now()) : 0;
    const wait = told > 0 ? told : failure.retryAfter;
    const total = run.executionOf(this.index) + execution;
    const delay = scheduler.fail(this.#number, error.retryable, refusal, givenUp, wait, total, now);
    if (delay >= 0) run.retry(this.index, this.#attempts + 1, delay, failure, execution);
    else run.reject(this.index, error, execution, thrown);
    this.#turns.schedule(now);
  }

  /** Takes headers in while the attempt runs. */
  observe(context: AttemptContext, headers: string[]): void {
    if (!this.isLive || this.context !== context || headers.length === 0) return;
    this.#turns.scheduler.observe(this.#number, headers, performance.now(), Date.now());
  }

  /** Gives the running attempt up: its result no longer counts. */
  abandon(): void {
    this.isLive = false;
    const now = performance.now();
    this.#turns.scheduler.abandon(this.#number, now - this.#started, now);
    this.run.reject(this.index, this.run.aborted(), now - this.#started, this.run.abortReason);
    this.context.abort(this.run.abortReason);
  }
}

/** Calls the executor function where a cache's answer is told to its attempt. */
function callTask(run: Run, context: AttemptContext): unknown {
  return answeredFromCache.run(context.answered, run.executor, context.task, context);
}

/** The function that a cache calls when it answers within an attempt. */
interface Answered {
  (): void;
  attempt: AttemptContext;
}

/** The attempt that this is called within, on whatever executor. */
export function currentAttempt(): AttemptContext | undefined {
  return (answeredFromCache.getStore() as Partial<Answered> | undefined)?.attempt;
}

/** The context of one attempt, which an executor function is given. */
export class AttemptContext implements TaskContext {
  readonly task: ExecutionTask;
  readonly attempt: number;
  readonly turns: Turns;
  isCached = false;
  readonly #slot: Slot;
  readonly #phase: number;
  #isAnswered = false;
  #hasCalled = false;
  #controller: AbortController | undefined;

  constructor(slot: Slot, task: ExecutionTask, attempt: number, turns: Turns) {
    this.#slot = slot;
    this.task = task;
    this.attempt = attempt;
    this.turns = turns;
    this.#phase = turns.phase;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  observe(headers: HeadersLike): void {
    this.#hasCalled = true;
    this.#slot.observe(this, rateLimitHeaders(headers));
  }

  cached(): void {
    this.isCached = true;
  }

  /** Notes that a cache of ours has answered within this attempt. */
  readonly answered: Answered = Object.assign(
    () => {
      this.#isAnswered = true;
    },
    { attempt: this as AttemptContext },
  );

  /**
   * The attempt has succeeded. If a cache has answered and the event loop has not gone on since the attempt began, no answer
   * of a provider can have come in: then it made no call. Otherwise it may have made one beside the cache's answer.
   */
  settle(): void {
    if (this.#isAnswered && !this.#hasCalled && this.#phase === this.turns.phase) this.isCached = true;
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function testCaseId(task: ExecutionTask): string | undefined {
  const id: unknown = task.testCase?.id;
  return typeof id === 'string' ? id : undefined;
}
