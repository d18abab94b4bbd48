import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { InFlight, sleep, tasks, UNLIMITED } from './tasks.js';

const free = (concurrency = 10) => new ParallelExecutor({ concurrency, rateLimit: UNLIMITED });

describe('results', () => {
  test('come in task order, one per task, whatever finishes first', async () => {
    const list = tasks(50);
    const results = await free().executeTasks(list, async (task) => {
      await sleep((Number(task.id.slice(5)) * 7) % 20);
      return { actual: task.testCase.expected };
    });
    expect(results.map((r) => r.result?.actual)).toEqual(list.map((t) => t.testCase.expected));
    expect(results.every((r, i) => r.task === list[i])).toBe(true);
    expect(results.every((r) => !('error' in r) && r.executionTime >= 0)).toBe(true);
  });

  test('an empty list resolves to []', async () => {
    const executor = free();
    const events: unknown[] = [];
    executor.on('start', (e) => events.push(e)).on('complete', (e) => events.push(e));
    expect(await executor.executeTasks([], async () => 1)).toEqual([]);
    expect(events).toEqual([
      { totalTasks: 0 },
      { totalTasks: 0, completed: 0, failed: 0, duration: expect.any(Number) },
    ]);
  });

  test('a plain value, a promise and a foreign thenable are results', async () => {
    const foreign = { then: (resolve: (v: number) => void) => resolve(3) };
    const values = [1, Promise.resolve(2), foreign, undefined, null];
    let next = 0;
    const results = await free(1).executeTasks(tasks(5), () => values[next++] as number);
    expect(results.map((r) => r.result)).toEqual([1, 2, 3, undefined, null]);
    expect(results.every((r) => 'result' in r)).toBe(true);
  });

  test('tasks with the same id, and the same task twice, are tasks of their own', async () => {
    const [task] = tasks(1);
    let calls = 0;
    const results = await free().executeTasks([task!, task!, { ...task! }], async () => (calls += 1));
    expect(results.map((r) => r.result)).toEqual([1, 2, 3]);
  });

  test('any iterable is a list of tasks', async () => {
    expect(await free().executeTasks(new Set(tasks(3)), (t) => t.id)).toHaveLength(3);
  });

  test('100,000 tasks cost no more per task than 10,000', async () => {
    const executor = free();
    const time = async (count: number) => {
      const list = tasks(count);
      const start = performance.now();
      await executor.executeTasks(list, async () => 1);
      return (performance.now() - start) / count;
    };
    await time(10_000);
    const small = Math.min(await time(10_000), await time(10_000));
    expect(await time(100_000)).toBeLessThan(small * 5);
  });
});

describe('failures become errors of their task, and the others go on', () => {
  const thrown: [name: string, value: unknown, message: string, retryable: boolean][] = [
    ['an error', new Error('boom'), 'boom', false],
    ['a string', 'no luck', 'no luck', false],
    ['undefined', undefined, 'undefined', false],
    ['null', null, 'null', false],
    ['a number', 42, '42', false],
    ['an object with a message', { message: 'as data', status: 503 }, 'as data', true],
    ['a plain object', { reason: 'odd' }, "{ reason: 'odd' }", false],
    ['a 429', Object.assign(new Error('slow down'), { status: 429 }), 'slow down', true],
    ['a 500 by statusCode', Object.assign(new Error('oops'), { statusCode: 500 }), 'oops', true],
    ['a 425 by code', Object.assign(new Error('early'), { code: 425 }), 'early', true],
    ['a 408 in a response', Object.assign(new Error('late'), { response: { status: 408 } }), 'late', true],
    ['a 404', Object.assign(new Error('gone'), { status: 404, code: 'ECONNRESET' }), 'gone', false],
    ['a 422', Object.assign(new Error('bad'), { status: '422' }), 'bad', false],
    ['a broken connection', Object.assign(new Error('read'), { code: 'ECONNRESET' }), 'read', true],
    ['a cause', new TypeError('fetch', { cause: Object.assign(new Error(), { code: 'EPIPE' }) }), 'fetch', true],
    ['a timeout', new DOMException('too slow', 'TimeoutError'), 'too slow', true],
    ['an opinion of its own', Object.assign(new Error('x'), { status: 400, retryable: true }), 'x', true],
  ];

  for (const way of ['throws', 'rejects'] as const) {
    test.each(thrown)(`${way} %s`, async (_name, value, message, retryable) => {
      const results = await free(2).executeTasks(tasks(5), (task) => {
        if (task.id !== 'task-2') return 'fine';
        if (way === 'throws') throw value;
        return Promise.reject(value);
      });
      expect(results.map((r) => r.result)).toEqual(['fine', 'fine', undefined, 'fine', 'fine']);
      expect(results[2]?.error).toMatchObject({
        type: 'execution',
        severity: 'error',
        message,
        retryable,
        testCaseId: 'case-2',
        timestamp: expect.any(Date),
      });
      expect('result' in results[2]!).toBe(false);
    });
  }

  test('an object that throws when read is an error too', async () => {
    const hostile = new Proxy({}, { get: () => { throw new Error('hands off'); } }); // biome-ignore format: one line
    const results = await free().executeTasks(tasks(2), (task) => {
      if (task.id === 'task-0') throw hostile;
      return hostile;
    });
    expect(results[0]?.error?.retryable).toBe(false);
    expect(results[1]?.result).toBe(hostile);
  });

  test('the stack of an error is kept', async () => {
    const [result] = await free().executeTasks(tasks(1), () => Promise.reject(new Error('boom')));
    expect(result?.error?.stack).toContain('execute.test.ts');
  });
});

describe('concurrency', () => {
  test('is reached and never exceeded', async () => {
    const inFlight = new InFlight();
    await free(7).executeTasks(tasks(100), () => inFlight.during(() => sleep(3)));
    expect(inFlight.most).toBe(7);
  });

  test('is shared by runs on one executor', async () => {
    const [executor, inFlight] = [free(4), new InFlight()];
    const run = () => executor.executeTasks(tasks(40), () => inFlight.during(() => sleep(2)));
    const runs = await Promise.all([run(), run(), run()]);
    expect(runs.map((results) => results.length)).toEqual([40, 40, 40]);
    expect(inFlight.most).toBe(4);
  });

  test('follows updateConfig at once, up and down', async () => {
    const [executor, inFlight] = [free(8), new InFlight()];
    let started = 0;
    const run = executor.executeTasks(tasks(80), () =>
      inFlight.during(async () => {
        started += 1;
        if (started === 20) executor.updateConfig({ concurrency: 2 });
        if (started === 40) executor.updateConfig({ concurrency: 12 });
        if (started === 30) inFlight.most = 0;
        if (started === 39) expect(inFlight.most).toBe(2);
        await sleep(3);
      }),
    );
    expect(await run).toHaveLength(80);
    expect(inFlight.most).toBe(12);
  });

  test('a run inside a task does not stall', async () => {
    const executor = free(2);
    const results = await executor.executeTasks(tasks(1), () => executor.executeTasks(tasks(3), (t) => t.id));
    expect(results[0]?.result?.map((r) => r.result)).toEqual(['task-0', 'task-1', 'task-2']);
  });

  test('a suite of 200 calls of 200 ms is at least 8 times faster than one by one', async () => {
    const start = performance.now();
    await free(10).executeTasks(tasks(200), () => sleep(200));
    expect((200 * 200) / (performance.now() - start)).toBeGreaterThan(8);
  });
});

describe('priority', () => {
  test('higher starts first, equal in order', async () => {
    const order: string[] = [];
    const list = tasks(6).map((task, i) => ({ ...task, priority: i % 3 }));
    await free(1).executeTasks(list, (task) => order.push(task.id));
    expect(order).toEqual(['task-2', 'task-5', 'task-1', 'task-4', 'task-0', 'task-3']);
  });
});

describe('misuse', () => {
  test.each([
    { concurrency: 0 },
    { concurrency: -1 },
    { concurrency: Number.NaN },
    { concurrency: 1.5 },
    { maxWorkers: 0 },
    { rateLimit: { requestsPerMinute: 0 } },
    { rateLimit: { requestsPerMinute: -5 } },
    { rateLimit: { requestsPerMinute: Number.NaN } },
    { rateLimit: { tokensPerMinute: 0 } },
    { rateLimit: { window: Number.POSITIVE_INFINITY } },
    { rateLimit: { pacing: 'fast' as 'burst' } },
    { limits: { a: { tokensPerMinute: -1 } } },
    { timeout: 0 },
    { timeout: Number.NaN },
    { retries: { maxAttempts: 0 } },
    { retries: { baseDelay: -1 } },
  ])('%o is a RangeError, and changes nothing', (config) => {
    expect(() => new ParallelExecutor(config)).toThrow(RangeError);
    const executor = new ParallelExecutor({ concurrency: 3 });
    expect(() =>
      executor.updateConfig({ ...config, rateLimit: { requestsPerMinute: 7, ...config.rateLimit } }),
    ).toThrow(RangeError);
    expect(executor.getRateLimiterState().requestsPerMinute).toBe(60);
  });

  test.each([
    { concurrency: '3' },
    { rateLimit: 5 },
    { rateLimit: { requestsPerMinute: '60' } },
    { keyOf: 'model' },
    { timeout: '1s' },
    { adaptive: 'yes' },
    { retries: 3 },
    { estimateTokens: 'many' },
    { rateLimit: { pacing: 1 } },
  ])('%o is a TypeError', (config) => {
    expect(() => new ParallelExecutor(config as never)).toThrow(TypeError);
  });

  test('other values than an object are no configuration', () => {
    expect(() => new ParallelExecutor(5 as never)).toThrow(TypeError);
    expect(() => new ParallelExecutor(undefined)).not.toThrow();
  });

  test.each([[undefined], [null], [5], [{}], ['text']])('tasks %o reject with a TypeError', async (list) => {
    await expect(free().executeTasks(list as never, () => 1)).rejects.toThrow(TypeError);
    if (typeof list !== 'string')
      await expect(free().executeTasksStreaming(list as never, () => 1)).rejects.toThrow(TypeError);
  });

  test('an executor that is not a function, a task that is not an object and bad options reject with a TypeError', async () => {
    await expect(free().executeTasks(tasks(1), 'run' as never)).rejects.toThrow(TypeError);
    await expect(free().executeTasksStreaming(tasks(1), undefined as never)).rejects.toThrow(TypeError);
    await expect(free().executeTasks([...tasks(1), null as never], () => 1)).rejects.toThrow(/tasks\[1\]/);
    await expect(free().executeTasks(tasks(1), () => 1, { signal: {} as never })).rejects.toThrow(TypeError);
    await expect(free().executeTasks(tasks(1), () => 1, { onProgress: 1 as never })).rejects.toThrow(TypeError);
  });

  test('bad priorities name the task', async () => {
    const list = (priority: unknown) => tasks(1).map((task) => ({ ...task, priority: priority as number }));
    await expect(free().executeTasks(list('high'), () => 1)).rejects.toThrow(TypeError);
    await expect(free().executeTasks(list(Number.NaN), () => 1)).rejects.toThrow(RangeError);
  });
});

test('tasks belong to the run once it has begun: a caller may change its array', async () => {
  const list = tasks(5);
  const running = new ParallelExecutor().executeTasks(list, async (task) => {
    await null;
    return task.id;
  });
  list.length = 0;
  expect((await running).map(({ task, result }) => [task.id, result])).toEqual(tasks(5).map(({ id }) => [id, id]));
});

describe('null', () => {
  test('stands for the default, everywhere', async () => {
    const executor = new ParallelExecutor(null);
    expect(executor.getRateLimiterState()).toMatchObject({ requestsPerMinute: 60, tokensPerMinute: 150_000 });
    const nulls = new ParallelExecutor({
      maxWorkers: null,
      concurrency: null,
      rateLimit: null,
      limits: null,
      keyOf: null,
      estimateTokens: null,
      settle: null,
      timeout: null,
      grace: null,
      retries: null,
      adaptive: null,
    });
    expect(nulls.getRateLimiterState()).toMatchObject({ requestsPerMinute: 60, tokensPerMinute: 150_000 });
    nulls.updateConfig({ rateLimit: { requestsPerMinute: 7, tokensPerMinute: null, window: null, pacing: null } });
    expect(nulls.getRateLimiterState()).toMatchObject({ requestsPerMinute: 7 });
    const options = { signal: null, onProgress: null, batchSize: null, bufferSize: null, maxMemory: null };
    const list = tasks(2).map((task) => ({ ...task, priority: null }));
    expect(await nulls.executeTasks(list, (task) => task.id, options)).toHaveLength(2);
    expect(await nulls.executeTasksStreaming(list, (task) => task.id, options)).toHaveLength(2);
    expect(await nulls.add(() => 1, { priority: null, signal: null, timeout: null, key: null, id: null })).toBe(1);
  });
});

describe('Infinity', () => {
  test('stands for any number where a count may be unbounded', async () => {
    const most = Number.POSITIVE_INFINITY;
    const executor = new ParallelExecutor({
      maxWorkers: most,
      concurrency: most,
      timeout: most,
      grace: most,
      rateLimit: { requestsPerMinute: most },
      retries: { maxAttempts: most, maxDelay: most, maxWait: most, baseDelay: 0 },
    });
    let calls = 0;
    const fail = () => {
      calls += 1;
      if (calls < 50) throw Object.assign(new Error('again'), { status: 500 });
      return calls;
    };
    expect(await executor.add(fail)).toBe(50);
  });
});

describe('runnerConfig of a task', () => {
  const of = (runnerConfig: object) =>
    tasks(1).map((task) => ({ ...task, runnerConfig: { modelId: 'm', ...runnerConfig } }));

  test('sets its own timeout', async () => {
    const executor = free();
    const [result] = await executor.executeTasks(of({ timeout: 10 }), () => new Promise(() => {}));
    expect(result?.error).toMatchObject({ retryable: true, message: expect.stringContaining('timed out') });
    const patient = new ParallelExecutor({ timeout: 5, rateLimit: UNLIMITED });
    const [late] = await patient.executeTasks(of({ timeout: Number.POSITIVE_INFINITY }), () => sleep(30).then(() => 1));
    expect(late?.result).toBe(1);
  });

  test('sets its own retries', async () => {
    for (const [retries, expected] of [
      [undefined, 3],
      [0, 1],
      [4, 5],
      [null, 3],
    ] as const) {
      let calls = 0;
      const executor = new ParallelExecutor({ rateLimit: UNLIMITED, retries: { maxAttempts: 3, baseDelay: 0 } });
      await executor.executeTasks(of({ retries }), () => {
        calls += 1;
        throw Object.assign(new Error('again'), { status: 500 });
      });
      expect(calls, `${retries}`).toBe(expected);
    }
  });

  test('is checked', async () => {
    await expect(free().executeTasks(of({ timeout: 0 }), () => 1)).rejects.toThrow(/tasks\[0\]\.runnerConfig\.timeout/);
    await expect(free().executeTasks(of({ retries: -1 }), () => 1)).rejects.toThrow(RangeError);
    await expect(free().executeTasks(of({ retries: '2' }), () => 1)).rejects.toThrow(TypeError);
  });
});

describe('error', () => {
  const failed = async (thrown: unknown) =>
    (await free().executeTasks(tasks(1), () => Promise.reject(thrown)))[0]?.error;

  test('carries the chain of causes', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    const error = await failed(new Error('case 5', { cause: new TypeError('fetch failed', { cause: refused }) }));
    expect(error).toMatchObject({
      message: 'case 5',
      retryable: true,
      cause: {
        name: 'TypeError',
        message: 'fetch failed',
        stack: expect.stringContaining('execute.test.ts'),
        cause: { message: 'connect ECONNREFUSED 127.0.0.1:9', code: 'ECONNREFUSED' },
      },
    });
    expect(JSON.parse(JSON.stringify(error)).cause.cause.code).toBe('ECONNREFUSED');
    expect((await failed(new Error('x', { cause: 'a text' })))?.cause).toEqual({ message: 'a text' });
    expect(await failed(new Error('x'))).not.toHaveProperty('cause');
  });

  test('carries the parts of an AggregateError, and ends in a circle', async () => {
    const parts = [new Error('a'), Object.assign(new Error('b'), { code: 'E_B' }), 'c'];
    expect((await failed(new AggregateError(parts, 'all failed')))?.errors).toMatchObject([
      { message: 'a' },
      { message: 'b', code: 'E_B' },
      { message: 'c' },
    ]);
    const circle = new Error('x');
    circle.cause = new Error('y', { cause: circle });
    expect((await failed(circle))?.cause).toMatchObject({ message: 'y' });
  });

  test('carries the reason of an abort', async () => {
    const controller = new AbortController();
    const run = free(1).executeTasks(tasks(3), () => sleep(20), { signal: controller.signal });
    await sleep(5);
    controller.abort(new Error('the budget is spent'));
    for (const { error } of await run) {
      expect(error).toMatchObject({ message: 'aborted', cause: { message: 'the budget is spent' } });
    }
  });
});
