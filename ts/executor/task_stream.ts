/** Runs over a source that is read as the run goes on. */
import { positiveNumber, wrongType } from '../arguments.js';
import { countOf, given as givenOptions } from './config.js';
import type { AnyResult, Run, TaskStore } from './run.js';
import { checkedOptions, type RunOptions } from './run_options.js';
import type { ExecutionTask, StreamingOptions, TaskStream } from './types.js';

/** The executor of a stream. */
export interface StreamHost {
  concurrency(): number;
  open(
    store: TaskStore,
    signal: AbortSignal | undefined,
    onProgress: RunOptions['onProgress'],
    total: number,
    over: () => void,
  ): Run;
  enqueue(run: Run, first: number, batch: ExecutionTask[]): void;
  abort(run: Run, reason: unknown): void;
}

/** Tasks read and not finished, and results not taken yet, by index. */
class Window implements TaskStore {
  readonly #tasks = new Map<number, ExecutionTask>();
  readonly #results = new Map<number, AnyResult>();
  readonly #changed: () => void;
  next = 0;
  unread: () => Iterable<[number, ExecutionTask]> = () => [];

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(index: number, task: ExecutionTask): void {
    this.#tasks.set(index, task);
  }

  /** Forgets tasks that can never run, so that no one waits for their results. */
  drop(first: number, count: number): void {
    for (let index = first; index < first + count; index += 1) this.#tasks.delete(index);
  }

  taskAt(index: number): ExecutionTask {
    return this.#tasks.get(index) as ExecutionTask;
  }

  put(index: number, result: AnyResult): void {
    this.#tasks.delete(index);
    this.#results.set(index, result);
    this.#changed();
  }

  /** The tasks of an array that have not been read yet count as open: an aborted run has a result for each. */
  open(): Iterable<number> {
    for (const [index, task] of this.unread()) this.#tasks.set(index, task);
    return [...this.#tasks.keys()];
  }

  waiting(): Iterable<number> {
    return [...this.#tasks.keys()];
  }

  isOpen(index: number): boolean {
    return this.#tasks.has(index);
  }

  /** The next result in task order, when it is there. */
  take(): AnyResult | undefined {
    const result = this.#results.get(this.next);
    if (result === undefined) return undefined;
    this.#results.delete(this.next);
    this.next += 1;
    return result;
  }

  /** Tasks without a result. */
  get unfinished(): number {
    return this.#tasks.size;
  }

  /** Tasks without a result or with one that has not been taken. */
  get size(): number {
    return this.#tasks.size + this.#results.size;
  }
}

function iteratorOf(source: unknown): Iterator<ExecutionTask> | AsyncIterator<ExecutionTask> {
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) return (source as AsyncIterable<ExecutionTask>)[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return (source as Iterable<ExecutionTask>)[Symbol.iterator]();
  }
  return wrongType('tasks', 'an array, an iterable, an async iterable or a DatasetStream', source);
}

function isTask(value: unknown): value is ExecutionTask {
  return typeof value === 'object' && value !== null;
}

function isPending<T>(step: T | PromiseLike<T>): step is PromiseLike<T> {
  return typeof (step as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Tells a source that no more is read. Its answer is not awaited: it may never come, and the run's outcome is settled. */
function close(iterator: Iterator<ExecutionTask> | AsyncIterator<ExecutionTask>): void {
  try {
    Promise.resolve(iterator.return?.()).catch(() => {});
  } catch {}
}

/** Starts a streaming run. */
export function streamTasks(
  source: unknown,
  given: StreamingOptions | null | undefined,
  host: StreamHost,
): TaskStream<AnyResult> {
  const stream = new Streaming(host);
  const promise = stream.run(source, given);
  return Object.assign(promise, { [Symbol.asyncIterator]: () => stream.iterate(promise) });
}

class Streaming {
  readonly #host: StreamHost;
  readonly #window = new Window(() => this.#wake());
  readonly #collected: AnyResult[] = [];
  #given = 0;
  #read = 0;
  #waiting: (() => void)[] = [];
  #interrupt = (): void => {};
  #iterated = false;
  #stopped = false;
  #done = false;
  #run: Run | undefined;

  constructor(host: StreamHost) {
    this.#host = host;
  }

  /** Resolves at the next change: a result, a result taken, the end. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Reads no further, not even what the source is about to give. */
  #stop(): void {
    this.#stopped = true;
    this.#interrupt();
    this.#wake();
  }

  /** Resolves as `step` does, or to undefined when the run stops first; how `step` ends is of no interest then. */
  #unlessStopped<T>(step: PromiseLike<T>): Promise<T | undefined> {
    // No `Promise.race`: one promise that lives as long as the run would gather a reaction for each step.
    return new Promise((resolve, reject) => {
      this.#interrupt = () => resolve(undefined);
      if (this.#stopped) this.#interrupt();
      step.then(resolve, reject);
    });
  }

  /** The tasks of `array` that are still to be read, up to the first that is none: that one cannot have a result. */
  #unreadOf(array: readonly ExecutionTask[]): [number, ExecutionTask][] {
    const rest = array.slice(this.#read);
    const invalid = rest.findIndex((task) => !isTask(task));
    return rest.slice(0, invalid < 0 ? rest.length : invalid).map((task, i) => [this.#read + i, task]);
  }

  async run(source: unknown, given: StreamingOptions | null | undefined): Promise<AnyResult[]> {
    const { signal, onProgress } = checkedOptions(given);
    const { batchSize = 50, bufferSize = 1000, maxMemory = 100 * 1024 * 1024 } = givenOptions('options', given);
    countOf('batchSize', batchSize, Number.MAX_SAFE_INTEGER);
    countOf('bufferSize', bufferSize, Number.MAX_SAFE_INTEGER);
    positiveNumber('maxMemory', maxMemory);
    const iterator = iteratorOf(source);
    const array = Array.isArray(source) ? (source as ExecutionTask[]) : undefined;
    const total = array?.length ?? Number.POSITIVE_INFINITY;
    // Before the run opens: a signal that is aborted already, or by a listener of `start`, ends it there and then.
    if (array !== undefined) this.#window.unread = () => this.#unreadOf(array);
    await Promise.resolve();
    let over = (): void => {};
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    const run = this.#host.open(this.#window, signal, onProgress, total, () => {
      this.#stop();
      over();
    });
    this.#run = run;
    let failure: { error: unknown } | undefined;
    try {
      await this.#readAll(iterator, run, { batchSize, bufferSize, maxMemory });
    } catch (error) {
      failure = { error };
      this.#window.unread = () => [];
      close(iterator);
    }
    // What was dropped on a failure is no part of the run.
    if (!run.isOver) run.total = run.completed + run.failed + this.#window.unfinished;
    run.finishIfDone();
    await ended;
    this.#collect();
    this.#done = true;
    this.#wake();
    if (failure !== undefined) throw failure.error;
    if (run.failure !== undefined) throw run.failure;
    return this.#collected;
  }

  /** Reads the source as far as it is wanted. On a failure what was read before still runs. */
  async #readAll(
    iterator: Iterator<ExecutionTask> | AsyncIterator<ExecutionTask>,
    run: Run,
    { batchSize, bufferSize, maxMemory }: { batchSize: number; bufferSize: number; maxMemory: number },
  ): Promise<void> {
    const limit = process.memoryUsage().heapUsed + maxMemory;
    let [tight, batch] = [false, [] as ExecutionTask[]];
    const hand = (): void => {
      const handed = batch;
      batch = [];
      if (handed.length === 0 || this.#stopped) return;
      const first = this.#read - handed.length;
      try {
        this.#host.enqueue(run, first, handed);
      } catch (error) {
        this.#window.drop(first, handed.length);
        throw error;
      }
    };
    try {
      while (!this.#stopped) {
        const ahead = this.#host.concurrency() + (tight ? 1 : (batchSize as number));
        const held = Math.max(bufferSize as number, ahead);
        const isFull = () => this.#window.unfinished >= ahead || (this.#iterated && this.#window.size >= held);
        if (isFull()) {
          hand();
          this.#collect();
          if (isFull()) await this.#change();
          continue;
        }
        const step: unknown = iterator.next();
        // A source that makes one wait must not hold back what is already read.
        if (isPending(step)) hand();
        const item = (await (isPending(step) ? this.#unlessStopped(step) : step)) as IteratorResult<ExecutionTask>;
        if (this.#stopped) break;
        if (item.done) {
          hand();
          return;
        }
        if (!isTask(item.value)) wrongType(`tasks[${this.#read}]`, 'a task object', item.value);
        this.#window.add(this.#read, item.value);
        batch.push(item.value);
        this.#read += 1;
        if (this.#read % 1024 === 0) tight = process.memoryUsage().heapUsed > limit;
        if (batch.length >= 16) hand();
      }
    } catch (error) {
      hand();
      throw error;
    }
    close(iterator);
  }

  /** Moves results in order to the array of the promise, unless they are iterated. */
  #collect(): void {
    if (this.#iterated) return;
    for (let result = this.#window.take(); result !== undefined; result = this.#window.take()) {
      this.#collected.push(result);
    }
  }

  /** Takes a result that was collected before the iteration began, first come first served; O(1) amortised. */
  #firstCollected(): AnyResult | undefined {
    const result = this.#collected[this.#given];
    this.#given += 1;
    if (this.#given === this.#collected.length) {
      this.#collected.length = 0;
      this.#given = 0;
    }
    return result;
  }

  async *iterate(promise: Promise<unknown>): AsyncGenerator<AnyResult> {
    this.#iterated = true;
    // The error reaches the iterating side; the promise itself may have no one to listen.
    promise.catch(() => {});
    try {
      for (;;) {
        const result = this.#collected.length > 0 ? this.#firstCollected() : this.#window.take();
        if (result !== undefined) {
          this.#wake();
          yield result;
        } else if (this.#done) {
          await promise;
          return;
        } else {
          await this.#change();
        }
      }
    } finally {
      if (!this.#done) {
        this.#window.unread = () => [];
        this.#stop();
        if (this.#run !== undefined) this.#host.abort(this.#run, undefined);
      }
    }
  }
}
