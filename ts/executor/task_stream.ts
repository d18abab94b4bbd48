/** Runs over a source that is read as the run goes on. */
import { options, positiveInteger, positiveNumber, wrongType } from '../arguments.js';
import type { AnyResult, Run, TaskStore } from './run.js';
import { checkedOptions } from './run_options.js';
import type { ExecutionOptions, ExecutionTask, StreamingOptions, TaskStream } from './types.js';

/** What a stream needs of its executor. */
export interface StreamHost {
  concurrency(): number;
  open(
    store: TaskStore,
    signal: AbortSignal | undefined,
    onProgress: ExecutionOptions['onProgress'],
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

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  add(index: number, task: ExecutionTask): void {
    this.#tasks.set(index, task);
  }

  taskAt(index: number): ExecutionTask {
    return this.#tasks.get(index) as ExecutionTask;
  }

  put(index: number, result: AnyResult): void {
    this.#tasks.delete(index);
    this.#results.set(index, result);
    this.#changed();
  }

  open(): Iterable<number> {
    return [...this.#tasks.keys()];
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

/** Starts a streaming run. */
export function streamTasks(
  source: unknown,
  given: StreamingOptions | undefined,
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
  #waiting: (() => void)[] = [];
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

  async run(source: unknown, given: StreamingOptions | undefined): Promise<AnyResult[]> {
    const { signal, onProgress } = checkedOptions(given);
    const { batchSize = 50, bufferSize = 1000, maxMemory = 100 * 1024 * 1024 } = options('options', given);
    positiveInteger('batchSize', batchSize);
    positiveInteger('bufferSize', bufferSize);
    positiveNumber('maxMemory', maxMemory);
    const iterator = iteratorOf(source);
    const total = Array.isArray(source) ? source.length : Number.POSITIVE_INFINITY;
    await Promise.resolve();
    let over = (): void => {};
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    const run = this.#host.open(this.#window, signal, onProgress, total, () => {
      this.#stopped = true;
      this.#wake();
      over();
    });
    this.#run = run;
    let failure: { error: unknown } | undefined;
    let read = 0;
    try {
      read = await this.#read(iterator, run, { batchSize, bufferSize, maxMemory });
    } catch (error) {
      failure = { error };
      read = run.completed + run.failed + this.#window.unfinished;
    }
    run.total = run.isOver ? run.total : read;
    run.finishIfDone();
    await ended;
    this.#collect();
    this.#done = true;
    this.#wake();
    if (failure !== undefined) throw failure.error;
    return this.#collected;
  }

  /** Reads the source as far as it is wanted; resolves to the number of tasks read. */
  async #read(
    iterator: Iterator<ExecutionTask> | AsyncIterator<ExecutionTask>,
    run: Run,
    { batchSize, bufferSize, maxMemory }: Required<Pick<StreamingOptions, 'batchSize' | 'bufferSize' | 'maxMemory'>>,
  ): Promise<number> {
    const limit = process.memoryUsage().heapUsed + (maxMemory as number);
    let [read, tight, first, batch] = [0, false, 0, [] as ExecutionTask[]];
    const hand = (): void => {
      if (batch.length > 0) this.#host.enqueue(run, first, batch);
      first = read;
      batch = [];
    };
    while (!this.#stopped) {
      const ahead = this.#host.concurrency() + (tight ? 1 : (batchSize as number));
      const held = Math.max(bufferSize as number, ahead);
      if (this.#window.unfinished >= ahead || (this.#iterated && this.#window.size >= held)) {
        hand();
        this.#collect();
        if (this.#window.unfinished >= ahead || (this.#iterated && this.#window.size >= held)) await this.#change();
        continue;
      }
      const step = iterator.next();
      let item: IteratorResult<ExecutionTask>;
      if (step instanceof Promise) {
        // A source that makes one wait must not hold back what is already read.
        hand();
        item = await step;
      } else {
        item = await step;
      }
      if (item.done) {
        hand();
        return read;
      }
      if (this.#stopped) break;
      this.#window.add(read, item.value);
      batch.push(item.value);
      read += 1;
      if (read % 1024 === 0) tight = process.memoryUsage().heapUsed > limit;
      if (batch.length >= 16) hand();
    }
    await iterator.return?.();
    return read;
  }

  /** Moves results in order to the array of the promise, unless they are iterated. */
  #collect(): void {
    if (this.#iterated) return;
    for (let result = this.#window.take(); result !== undefined; result = this.#window.take()) {
      this.#collected.push(result);
    }
  }

  /** What was collected before the iteration began, first come first served; O(1) amortised. */
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
        this.#stopped = true;
        this.#wake();
        if (this.#run !== undefined) this.#host.abort(this.#run, undefined);
      }
    }
  }
}
