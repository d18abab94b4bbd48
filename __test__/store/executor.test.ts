import { setImmediate } from 'node:timers/promises';
import {
  type ExecutionResult,
  type ExecutionTask,
  ParallelExecutor,
  type RunStore,
  type StoredTask,
} from '@aah/ai-evals/orchestrator';
import type { EvalStore } from '@aah/ai-evals/store';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { gathered, newRun, opened, sqlite } from './backends.js';

const UNLIMITED = { concurrency: 5, rateLimit: {} };

const tasks = (count: number): ExecutionTask[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `task-${n}`,
    testCase: { id: `case-${n >> 1}`, input: n, expected: n },
    runnerConfig: { modelId: 'm' },
    repeat: n % 2,
  }));

const toResult: RunStore['toResult'] = ({ task, result, error, executionTime }) =>
  error
    ? undefined
    : {
        ...{ input: task.testCase.input, expected: task.testCase.expected, actual: result as unknown },
        passed: true,
        score: 1,
        latencyMs: executionTime,
      };

async function run(): Promise<{ store: EvalStore; option: RunStore }> {
  const store = await opened(await sqlite.create());
  const { id: runId } = await store.createRun(newRun());
  return { store, option: { store, runId, toResult } };
}

const outcome = ({ task, ...rest }: ExecutionResult<unknown, unknown> | StoredTask) =>
  `${task.id} ${'stored' in rest ? 'stored' : rest.error ? rest.error.message : String(rest.result)}`;

describe.each([
  'executeTasks',
  'executeTasksStreaming of an array',
  'executeTasksStreaming of a generator',
  'iteration',
])('the store of %s', (way) => {
  async function execute(
    list: ExecutionTask[],
    fn: (task: ExecutionTask) => unknown,
    store: RunStore,
    options: { signal?: AbortSignal } = {},
  ): Promise<(ExecutionResult<unknown, unknown> | StoredTask)[]> {
    const executor = new ParallelExecutor(UNLIMITED);
    async function* source() {
      yield* list;
    }
    const all = { ...options, store } as never;
    if (way === 'executeTasks') return executor.executeTasks(list, fn, all);
    if (way.endsWith('array')) return executor.executeTasksStreaming(list, fn, all);
    const stream = executor.executeTasksStreaming(source(), fn, all);
    return way === 'iteration' ? gathered(stream) : stream;
  }

  it('calls the function for what is not stored, and gives all in order', async () => {
    const { store, option } = await run();
    const seen: string[] = [];
    const answer = async (task: ExecutionTask) => {
      seen.push(task.id);
      return task.testCase.input;
    };
    const all = tasks(40);
    const some = all.filter((_, n) => n % 4 === 1 || n > 30);
    expect((await execute(some, answer, option)).map(outcome)).toEqual(
      some.map(({ id, testCase }) => `${id} ${testCase.input}`),
    );
    expect(seen.toSorted()).toEqual(some.map(({ id }) => id).toSorted());
    const results = await execute(all, answer, option);
    expect(results.map(outcome)).toEqual(
      all.map((task) => `${task.id} ${some.includes(task) ? 'stored' : task.testCase.input}`),
    );
    expect(results[1]).toEqual({ task: all[1], stored: true });
    expect(seen.toSorted()).toEqual(all.map(({ id }) => id).toSorted());
    const rows = await gathered(store.results(option.runId));
    expect(rows).toHaveLength(40);
    expect(new Set(rows.map(({ testCaseId, repeat }) => `${testCaseId} ${repeat}`)).size).toBe(40);
  });

  it('gives a result once it is stored', async () => {
    const { store, option } = await run();
    const writes: (() => void)[] = [];
    const writer = () => ({
      write: () => new Promise<void>((resolve) => writes.push(resolve)),
      close: async () => {},
    });
    let isDone = false;
    const executing = execute(tasks(2), async () => 1, { ...option, store: { have: store.have.bind(store), writer } });
    void executing.then(() => {
      isDone = true;
    });
    while (writes.length < 2) await setImmediate();
    for (let n = 0; n < 10; n += 1) await setImmediate();
    expect(isDone).toBe(false);
    for (const resolve of writes) resolve();
    expect((await executing).map(outcome)).toEqual(['task-0 1', 'task-1 1']);
  });

  it('tries again where toResult returned nothing', async () => {
    const { option } = await run();
    let isBroken = true;
    const answer = async ({ testCase }: ExecutionTask) => {
      if (isBroken && testCase.input === 1) throw new Error('no answer');
      return 'yes';
    };
    expect((await execute(tasks(3), answer, option)).map(outcome)).toEqual([
      'task-0 yes',
      'task-1 no answer',
      'task-2 yes',
    ]);
    isBroken = false;
    expect((await execute(tasks(3), answer, option)).map(outcome)).toEqual([
      'task-0 stored',
      'task-1 yes',
      'task-2 stored',
    ]);
  });

  it('keeps the result beside the error when it cannot be stored', async () => {
    const { option } = await run();
    const broken: RunStore = {
      ...option,
      toResult: (result) => ({ ...toResult(result)!, score: result.task.id === 'task-1' ? Number.NaN : 1 }),
    };
    const results = await execute(tasks(3), async () => 'paid', broken);
    expect(results[1]).toMatchObject({
      result: 'paid',
      error: {
        type: 'system',
        message: expect.stringContaining('could not be stored: row.score must be a finite number'),
      },
    });
    expect(results[2]).not.toHaveProperty('error');
  });

  it('asks for all keys by the thousand', async () => {
    const { option } = await run();
    const asked: number[] = [];
    const store: RunStore['store'] = {
      have: async (_, keys) => {
        asked.push(keys.length);
        return new Uint8Array(keys.length).fill(1);
      },
      writer: option.store.writer.bind(option.store),
    };
    const results = await execute(tasks(2500), async () => 0, { ...option, store });
    expect(results.map(outcome)).toEqual(tasks(2500).map(({ id }) => `${id} stored`));
    expect(asked).toEqual([1000, 1000, 500]);
  });

  it('rejects when the store cannot be asked', async () => {
    const { store, option } = await run();
    await store.close();
    const closed = {
      ...option,
      store: { have: store.have.bind(store), writer: () => ({ write: async () => {}, close: async () => {} }) },
    };
    await expect(execute(tasks(3), async () => 0, closed)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('stores what was answered when it is aborted', async () => {
    const { store, option } = await run();
    const stop = new AbortController();
    const answer = ({ testCase }: ExecutionTask) => {
      if (testCase.input === 10) stop.abort();
      return testCase.input === 10 ? new Promise(() => {}) : Promise.resolve('yes');
    };
    const results = await execute(tasks(100), answer, option, { signal: stop.signal });
    const answered = results.filter(({ result }) => result === 'yes').length;
    expect(answered).toBeGreaterThanOrEqual(6);
    expect(await gathered(store.results(option.runId))).toHaveLength(answered);
  });
});

describe('executeTasksStreaming with a store', () => {
  it('rejects with the error of its source', async () => {
    const { option } = await run();
    async function* source() {
      yield* tasks(3);
      throw new Error('the source broke');
    }
    const executor = new ParallelExecutor(UNLIMITED);
    const stream = executor.executeTasksStreaming(source(), async () => 1, { store: option as never });
    await expect(gathered(stream)).rejects.toThrow('the source broke');
    await expect(executor.executeTasksStreaming(source(), async () => 1, { store: option as never })).rejects.toThrow(
      'broke',
    );
    await expect(
      executor.executeTasksStreaming([null as never], async () => 1, { store: option as never }),
    ).rejects.toThrow(/tasks\[0\] must be a task object/);
  });

  it('does not hold back what a slow source has given', async () => {
    const { option } = await run();
    let release = (): void => {};
    async function* source() {
      yield* tasks(1);
      await new Promise<void>((resolve) => (release = resolve));
    }
    const stream = new ParallelExecutor(UNLIMITED).executeTasksStreaming(source(), async () => 1, {
      store: option as never,
    });
    const results = stream[Symbol.asyncIterator]();
    expect(outcome((await results.next()).value)).toBe('task-0 1');
    release();
    expect((await results.next()).done).toBe(true);
  });

  it('can be left early', async () => {
    const { store, option } = await run();
    for await (const result of new ParallelExecutor(UNLIMITED).executeTasksStreaming(tasks(500), async () => 1, {
      store: option as never,
    })) {
      expect(outcome(result)).toBe('task-0 1');
      break;
    }
    expect((await gathered(store.results(option.runId))).length).toBeGreaterThan(0);
  });
});

describe('the option store', () => {
  it('is checked', async () => {
    const { option } = await run();
    const executor = new ParallelExecutor(UNLIMITED);
    for (const wrong of [{}, { ...option, store: {} }, { ...option, runId: 1 }, { ...option, toResult: 'x' }, 5]) {
      await expect(executor.executeTasks([], async () => 1, { store: wrong as never })).rejects.toThrow(TypeError);
    }
  });

  it('adds stored tasks to the type of the results', async () => {
    const { option } = await run();
    const results = await new ParallelExecutor(UNLIMITED).executeTasks(tasks(1), async () => 'x', {
      store: option as never,
    });
    expectTypeOf(results[0]!.stored).toEqualTypeOf<true | undefined>();
    expectTypeOf(results[0]!.result).toEqualTypeOf<string | undefined>();
  });
});
