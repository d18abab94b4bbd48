/**
 * A streaming run whose results are stored. What always holds: results come in the order of the tasks, also where stored
 * tasks stand between those that are run.
 */
import { setImmediate } from 'node:timers';
import { wrongType } from '../arguments.js';
import type { AnyResult } from './run.js';
import { type RunResults, TASKS_A_QUESTION } from './run_results.js';
import type { ExecutionTask, StoredTask, TaskStream } from './types.js';

type Source = Iterable<ExecutionTask> | AsyncIterable<ExecutionTask>;
type Outcome = AnyResult | StoredTask;

/** Stored tasks that are read ahead of the iteration. */
const MOST_AHEAD = 10_000;

/** Runs the tasks of `source` without a stored result by `start`, which is handed them and the place of each. */
export function storedStream(
  source: unknown,
  results: RunResults,
  start: (tasks: Source, placeOf: (index: number) => number) => TaskStream<AnyResult>,
): TaskStream<Outcome> {
  const stream = new StoredStream(results);
  const promise = stream.run(source, start);
  return Object.assign(promise, { [Symbol.asyncIterator]: () => stream.iterate(promise) });
}

class StoredStream {
  readonly #results: RunResults;
  /** Tasks in the order they were read: one that is stored, or nothing for one that is run. */
  readonly #order: (ExecutionTask | undefined)[] = [];
  /** Places of the tasks that are run, by their index in the run. */
  readonly #places = new Map<number, number>();
  #open = 0;
  #read = 0;
  #isComplete = false;
  #isIterated = false;
  #waiting: (() => void)[] = [];
  #inner: TaskStream<AnyResult> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(results: RunResults) {
    this.#results = results;
  }

  async run(
    source: unknown,
    start: (tasks: Source, placeOf: (index: number) => number) => TaskStream<AnyResult>,
  ): Promise<Outcome[]> {
    try {
      const tasks = Array.isArray(source) ? await this.#openOf(source) : this.#reading(sourceOf(source));
      if (Array.isArray(source)) this.#isComplete = true;
      this.#inner = start(tasks, (index) => this.#takePlace(index));
    } catch (error) {
      this.#failure = { error };
      this.#end();
      await this.#results.close();
      throw error;
    }
    this.#wake();
    try {
      const run = await this.#inner;
      if (this.#isIterated) return [];
      const outcomes: Outcome[] = [];
      let at = 0;
      for (const stored of this.#order) {
        if (stored) outcomes.push({ task: stored, stored: true });
        else if (at < run.length) outcomes.push(await this.#results.durable(run[at++]!));
      }
      return outcomes;
    } finally {
      this.#end();
      await this.#results.close();
    }
  }

  async *iterate(promise: Promise<unknown>): AsyncGenerator<Outcome, void> {
    this.#isIterated = true;
    // The error reaches the iterating side; the promise itself may have no one to listen.
    promise.catch(() => {});
    while (this.#inner === undefined && this.#failure === undefined) await this.#change();
    if (this.#inner === undefined) throw this.#failure?.error;
    const run = this.#inner[Symbol.asyncIterator]();
    try {
      for (;;) {
        while (this.#order.length === 0 && !this.#isComplete) await this.#change();
        if (this.#order.length === 0) break;
        const stored = this.#order.shift();
        this.#wake();
        if (stored) {
          yield { task: stored, stored: true };
          continue;
        }
        const { value, done } = await run.next();
        if (done) break;
        yield await this.#results.durable(value);
      }
      // Tells of a failure of the source.
      await run.next();
    } finally {
      this.#end();
      await run.return?.();
    }
    await promise;
  }

  /** Returns the tasks of an array without a stored result. */
  async #openOf(tasks: readonly ExecutionTask[]): Promise<ExecutionTask[]> {
    const valid = tasks.findIndex((task) => !isTask(task));
    // What is no task is refused by the run itself, in its place.
    const known = valid < 0 ? tasks : tasks.slice(0, valid);
    const stored = await this.#results.has(known);
    return tasks.filter((task, i) => this.#note(task, stored[i] === 1));
  }

  /** Notes a task that was read; returns whether it has to be run. */
  #note(task: ExecutionTask, isStored: boolean): boolean {
    this.#order.push(isStored ? task : undefined);
    if (!isStored) {
      this.#places.set(this.#open, this.#read);
      this.#open += 1;
    }
    this.#read += 1;
    this.#wake();
    return !isStored;
  }

  #takePlace(index: number): number {
    const place = this.#places.get(index) ?? index;
    this.#places.delete(index);
    return place;
  }

  /** Gives the tasks without a stored result, asking for many at a time as far as they are at hand. */
  async *#reading(source: AsyncIterator<ExecutionTask> | Iterator<ExecutionTask>): AsyncGenerator<ExecutionTask, void> {
    try {
      for await (const chunk of chunks(source)) {
        const stored = await this.#results.has(chunk);
        for (const [i, task] of chunk.entries()) {
          if (this.#note(task, stored[i] === 1)) yield task;
          while (this.#isIterated && !this.#isComplete && this.#order.length >= MOST_AHEAD) await this.#change();
        }
      }
    } finally {
      this.#end();
    }
  }

  /** No more is read. */
  #end(): void {
    this.#isComplete = true;
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Gives what is at hand, up to {@link TASKS_A_QUESTION} tasks: a source that makes one wait holds back nothing. */
async function* chunks(
  source: AsyncIterator<ExecutionTask> | Iterator<ExecutionTask>,
): AsyncGenerator<ExecutionTask[]> {
  const NOTHING = Symbol('nothing yet');
  let read = 0;
  let coming: Promise<IteratorResult<ExecutionTask>> | undefined;
  let isDone = false;
  const next = async () => source.next();
  try {
    while (!isDone) {
      const chunk: ExecutionTask[] = [];
      while (chunk.length < TASKS_A_QUESTION) {
        coming ??= next();
        const step = chunk.length === 0 ? await coming : await Promise.race([coming, turn(NOTHING)]);
        if (step === NOTHING) break;
        coming = undefined;
        const { value, done } = step as IteratorResult<ExecutionTask>;
        if (done) {
          isDone = true;
          break;
        }
        if (!isTask(value)) {
          if (chunk.length > 0) yield chunk;
          isDone = true;
          wrongType(`tasks[${read}]`, 'a task object', value);
        }
        chunk.push(value);
        read += 1;
      }
      if (chunk.length > 0) yield chunk;
    }
  } finally {
    coming?.catch(() => {});
    if (!isDone) Promise.resolve(source.return?.()).catch(() => {});
  }
}

/** Resolves to `value` in the next turn of the event loop. */
function turn<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(() => resolve(value)));
}

function sourceOf(source: unknown): AsyncIterator<ExecutionTask> | Iterator<ExecutionTask> {
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) return (source as AsyncIterable<ExecutionTask>)[Symbol.asyncIterator]();
    if (Symbol.iterator in source) return (source as Iterable<ExecutionTask>)[Symbol.iterator]();
  }
  return wrongType('tasks', 'an array, an iterable, an async iterable or a DatasetStream', source);
}

function isTask(value: unknown): value is ExecutionTask {
  return typeof value === 'object' && value !== null;
}
