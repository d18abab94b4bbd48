import { type ExecutionTask, ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { InFlight, sleep, tasks, UNLIMITED, worstWindow } from './tasks.js';

const free = (config = {}) => new ParallelExecutor({ concurrency: 10, rateLimit: UNLIMITED, ...config });

const keyOrThrow = ({ id }: ExecutionTask) => {
  if (id === 'odd') throw new Error('odd');
  return 'key';
};

async function* later(list: readonly ExecutionTask<string, string>[], every = 10) {
  for (const [i, task] of list.entries()) {
    if (i % every === 0) await sleep(1);
    yield task;
  }
}

/** Fails at once where a run that hangs would take the whole time limit. */
const soon = <T>(promise: PromiseLike<T>) =>
  Promise.race([
    promise,
    sleep(2000).then(() => {
      throw new Error('it hangs');
    }),
  ]);

describe('executeTasksStreaming', () => {
  test.each([
    ['an array', () => tasks(200)],
    ['an iterable', () => new Set(tasks(200))],
    ['a generator', () => tasks(200)[Symbol.iterator]()],
    ['an async generator', () => later(tasks(200))],
  ])('takes %s and resolves to all results in task order', async (_name, source) => {
    const results = await free().executeTasksStreaming(source(), async (task) => {
      await sleep(Number(task.id.slice(5)) % 5);
      return task.testCase.expected;
    });
    expect(results.map((r) => r.result)).toEqual(tasks(200).map((t) => t.testCase.expected));
  });

  test('can be iterated, in task order', async () => {
    const seen: unknown[] = [];
    for await (const { task, result } of free().executeTasksStreaming(later(tasks(300)), (t) => t.id)) {
      expect(result).toBe(task.id);
      seen.push(result);
    }
    expect(seen).toEqual(tasks(300).map((t) => t.id));
  });

  test('holds concurrency and limits', async () => {
    const executor = free({ concurrency: 4, rateLimit: { requestsPerMinute: 30, window: 200 } });
    const [inFlight, starts] = [new InFlight(), [] as number[]];
    await executor.executeTasksStreaming(later(tasks(90)), () =>
      inFlight.during(() => {
        starts.push(performance.now());
        return sleep(1);
      }),
    );
    expect(inFlight.most).toBe(4);
    expect(worstWindow(starts, 200)).toBeLessThanOrEqual(30);
  });

  test('reads no further ahead than needed, and waits for whoever iterates', async () => {
    let read = 0;
    function* source() {
      for (const task of tasks(100_000)) {
        read += 1;
        yield task;
      }
    }
    let taken = 0;
    for await (const _ of free().executeTasksStreaming(source(), () => 1, { batchSize: 20, bufferSize: 100 })) {
      taken += 1;
      if (taken === 50) await sleep(30);
      expect(read - taken).toBeLessThanOrEqual(101);
      if (taken === 500) break;
    }
    const before = read;
    await sleep(20);
    expect(read).toBe(before);
  });

  test('leaving the iteration closes the source and tells running tasks', async () => {
    let closed = false;
    const signals: AbortSignal[] = [];
    async function* source() {
      try {
        yield* tasks(1000);
      } finally {
        closed = true;
      }
    }
    const executor = free();
    const run = (task: ExecutionTask, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return task.id === 'task-0' ? 1 : new Promise(() => {});
    };
    for await (const _ of executor.executeTasksStreaming(source(), run)) break;
    await sleep(5);
    expect(closed).toBe(true);
    expect(signals.slice(1).every((signal) => signal.aborted)).toBe(true);
  });

  test('a source that fails rejects with its error, after what was running', async () => {
    const finished: string[] = [];
    async function* source() {
      yield* tasks(5);
      throw new Error('the disk is gone');
    }
    const run = async (task: ExecutionTask) => {
      await sleep(5);
      finished.push(task.id);
    };
    await expect(free().executeTasksStreaming(source(), run)).rejects.toThrow('the disk is gone');
    expect(finished).toHaveLength(5);
    await expect(async () => {
      for await (const _ of free().executeTasksStreaming(source(), run));
    }).rejects.toThrow('the disk is gone');
  });

  test('failures are results, and abort resolves what was read', async () => {
    const controller = new AbortController();
    const results = await free({ concurrency: 2 }).executeTasksStreaming(
      later(tasks(1000)),
      (task) => {
        if (task.id === 'task-10') controller.abort();
        if (task.id === 'task-3') throw new Error('boom');
        return 1;
      },
      { signal: controller.signal },
    );
    expect(results[3]?.error?.message).toBe('boom');
    expect(results.length).toBeGreaterThan(10);
    expect(results.length).toBeLessThan(200);
    expect(results.at(-1)?.error?.message).toBe('aborted');
  });

  test('abort resolves the rest of an array too', async () => {
    const controller = new AbortController();
    const run = (task: ExecutionTask) => (task.id === 'task-10' ? controller.abort() : 1);
    const results = await free({ concurrency: 2 }).executeTasksStreaming(tasks(500), run, {
      signal: controller.signal,
    });
    expect(results).toHaveLength(500);
    expect(results.every((r, i) => r.task.id === `task-${i}`)).toBe(true);
    expect(results[499]?.error?.message).toBe('aborted');
  });

  test.each<[string, number, unknown, object]>([
    ['a next() that throws', 5, 'throw', {}],
    ['a next() that throws behind some batches', 40, 'throw', {}],
    ['a task that is none', 5, null, {}],
    ['a task that keyOf throws for', 20, { id: 'odd' }, { keyOf: keyOrThrow }],
  ])('%s rejects, closes the source and awaits what runs', async (_name, good, last, config) => {
    for (const isIterated of [false, true]) {
      const list = tasks(good);
      let [at, closed, running, ended] = [0, 0, 0, 0];
      const source = {
        [Symbol.iterator]: () => source,
        next() {
          at += 1;
          if (at === good + 1 && last === 'throw') throw new Error('odd');
          return { done: false, value: at === good + 1 ? (last as ExecutionTask) : list[(at - 1) % good]! };
        },
        return() {
          closed += 1;
          return { done: true as const, value: undefined };
        },
      };
      const executor = free(config);
      let totals: unknown;
      executor.on('complete', (event) => {
        totals = event;
      });
      const stream = executor.executeTasksStreaming(source as Iterable<ExecutionTask>, async () => {
        running += 1;
        await sleep(5);
        running -= 1;
        ended += 1;
      });
      const drain = async () => {
        for await (const _ of stream);
      };
      const message = last === null ? `tasks[${good}]` : 'odd';
      await expect(soon<unknown>(isIterated ? drain() : stream)).rejects.toThrow(message);
      expect([closed, running]).toEqual([1, 0]);
      if (last === 'throw' || last === null) expect(ended).toBe(good);
      expect(totals).toMatchObject({ totalTasks: ended, completed: ended, failed: 0 });
    }
  });

  test.each(['resolves', 'rejects', 'never settles'])('abort does not wait for a source whose step %s', async (how) => {
    const controller = new AbortController();
    let settle = () => {};
    let closed = 0;
    const list = tasks(3);
    const source = {
      [Symbol.asyncIterator]: () => source,
      next(): Promise<IteratorResult<ExecutionTask>> {
        const value = list.shift();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        return new Promise((resolve, reject) => {
          settle =
            how === 'resolves' ? () => resolve({ done: true, value: undefined }) : () => reject(new Error('late'));
        });
      },
      return(): Promise<IteratorResult<ExecutionTask>> {
        closed += 1;
        return new Promise(() => {});
      },
    };
    const run = (task: ExecutionTask) => (task.id === 'task-0' ? 1 : new Promise(() => {}));
    const stream = free().executeTasksStreaming(source, run, { signal: controller.signal });
    await sleep(10);
    controller.abort();
    const results = await soon(stream);
    expect(results.map((r) => r.error?.message)).toEqual([undefined, 'aborted', 'aborted']);
    expect(closed).toBe(1);
    if (how !== 'never settles') settle();
    await sleep(5);
  });

  test('abort does not wait for an async generator either', async () => {
    async function* source() {
      yield* tasks(2);
      await new Promise(() => {});
    }
    const stream = free().executeTasksStreaming(source(), () => 1, { signal: AbortSignal.timeout(20) });
    expect((await soon(stream)).map((r) => r.result)).toEqual([1, 1]);
  });

  test.each(['before the run', 'in a listener of start'])(
    'abort %s gives each task of an array a result',
    async (when) => {
      const controller = new AbortController();
      const executor = free();
      let totals: unknown;
      executor.on('complete', (event) => {
        totals = event;
      });
      if (when === 'before the run') controller.abort();
      else executor.on('start', () => controller.abort());
      const stream = executor.executeTasksStreaming(tasks(120), () => 1, { signal: controller.signal });
      const results = await soon(stream);
      expect(results.map((r) => r.task.id)).toEqual(tasks(120).map((t) => t.id));
      expect(results.every((r) => r.error?.message === 'aborted')).toBe(true);
      expect(totals).toMatchObject({ totalTasks: 120, completed: 0, failed: 120 });
    },
  );

  test('emits the events of a run; the total is infinite until the source ends', async () => {
    const executor = free({ concurrency: 1 });
    const events: unknown[] = [];
    executor.on('start', (e) => events.push(e)).on('complete', (e) => events.push(e));
    const progress: number[] = [];
    executor.on('taskComplete', (e) => progress.push(e.progress));
    let first = () => {};
    const started = new Promise<void>((resolve) => {
      first = resolve;
    });
    async function* source() {
      yield tasks(1)[0]!;
      await started;
      yield* tasks(2);
    }
    executor.once('taskComplete', () => first());
    await executor.executeTasksStreaming(source(), () => sleep(5));
    expect(events).toEqual([
      { totalTasks: Number.POSITIVE_INFINITY },
      { totalTasks: 3, completed: 3, failed: 0, duration: expect.any(Number) },
    ]);
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(100);
    await executor.executeTasksStreaming(tasks(2), () => 1);
    expect(events[2]).toEqual({ totalTasks: 2 });
  });

  test('a slow source holds nothing back, and an empty one ends', async () => {
    const starts: number[] = [];
    async function* source() {
      for (const task of tasks(3)) {
        yield task;
        await sleep(30);
      }
    }
    const begin = performance.now();
    await free().executeTasksStreaming(source(), () => starts.push(performance.now() - begin));
    expect(starts[0]).toBeLessThan(30);
    expect(await free().executeTasksStreaming([], () => 1)).toEqual([]);
  });

  test('a million tasks from an async generator take less than 150 MB', async () => {
    async function* source() {
      for (let i = 0; i < 1_000_000; i += 1) {
        yield { id: `t${i}`, testCase: { id: `c${i}`, input: 'q', expected: 'a' }, runnerConfig: { modelId: 'm' } };
      }
    }
    global.gc?.();
    const before = process.memoryUsage().rss;
    let [most, count] = [0, 0];
    for await (const { result } of free().executeTasksStreaming(source(), async (task) => task.id)) {
      if (result === `t${count}`) count += 1;
      if (count % 10_000 === 0) most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(count).toBe(1_000_000);
    expect(most).toBeLessThan(150 * 1024 * 1024);
  }, 120_000);
});
