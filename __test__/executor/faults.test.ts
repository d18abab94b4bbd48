import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { afterEach, describe, expect, test } from 'vitest';
import { InFlight, sleep, tasks, UNLIMITED } from './tasks.js';

const free = (config = {}) => new ParallelExecutor({ concurrency: 4, rateLimit: UNLIMITED, ...config });
const never = () => new Promise<never>(() => {});

describe('a listener that throws', () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  afterEach(() => {
    process.off('warning', listen);
    warnings.length = 0;
  });

  test('loses no result and is reported as a process warning', async () => {
    process.on('warning', listen);
    const executor = free({ rateLimit: { requestsPerMinute: 4, window: 50 } });
    for (const event of ['start', 'taskStart', 'taskComplete', 'taskError', 'throttle', 'complete'] as const) {
      executor.on(event, () => {
        throw new Error(`listener of ${event}`);
      });
    }
    executor.on('taskComplete', async () => {
      throw new Error('async listener');
    });
    const results = await executor.executeTasks(
      tasks(6),
      (task) => {
        if (task.id === 'task-3') throw new Error('task');
        return task.id;
      },
      {
        onProgress: () => {
          throw new Error('onProgress');
        },
      },
    );
    expect(results.filter((r) => r.result !== undefined)).toHaveLength(5);
    await sleep(10);
    const texts = warnings.map((warning) => `${warning.name} ${warning.message}`).join('\n');
    for (const event of ['start', 'taskStart', 'taskComplete', 'taskError', 'throttle', 'complete']) {
      expect(texts).toContain(`listener of ${event}`);
    }
    expect(texts).toContain('ListenerError');
    expect(texts).toContain('async listener');
    expect(texts).toContain('onProgress');
  });
});

describe('timeout', () => {
  test('turns a task that never settles into an error; the others go on', async () => {
    const executor = free({ timeout: 60, grace: 20 });
    const start = performance.now();
    const signals: AbortSignal[] = [];
    const results = await executor.executeTasks(tasks(20), (task, { signal }) => {
      signals.push(signal);
      return Number(task.id.slice(5)) % 5 === 0 ? never() : sleep(5);
    });
    expect(performance.now() - start).toBeLessThan(1000);
    const failed = results.filter((r) => r.error);
    expect(failed.map((r) => r.task.id)).toEqual(['task-0', 'task-5', 'task-10', 'task-15']);
    for (const { error, executionTime } of failed) {
      expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('timed out') });
      expect(executionTime).toBeGreaterThanOrEqual(59);
    }
    expect(signals.filter((signal) => signal.aborted)).toHaveLength(4);
  });

  test('is per attempt', async () => {
    const executor = free({ timeout: 30, retries: { maxAttempts: 3, baseDelay: 1 } });
    const attempts: number[] = [];
    const [result] = await executor.executeTasks(tasks(1), (_task, { attempt }) => {
      attempts.push(attempt);
      return attempt < 3 ? never() : 'third';
    });
    expect([result?.result, attempts]).toEqual(['third', [1, 2, 3]]);
    expect(result?.executionTime).toBeGreaterThanOrEqual(59);
  });

  test('a late result of an attempt that ran out of time does not count', async () => {
    const executor = free({ timeout: 20, concurrency: 1 });
    const results = await executor.executeTasks(tasks(3), async (task) => {
      if (task.id === 'task-0') await sleep(50);
      else await sleep(10);
      return task.id;
    });
    expect(results.map((r) => r.result)).toEqual([undefined, 'task-1', 'task-2']);
  });

  test('set while a task runs holds for it too', async () => {
    const executor = free();
    const run = executor.executeTasks(tasks(1), never);
    await sleep(5);
    executor.updateConfig({ timeout: 10 });
    expect((await run)[0]?.error?.message).toContain('timed out');
  });
});

describe('retries', () => {
  test('repeat what can succeed, and nothing else', async () => {
    const executor = free({ retries: { maxAttempts: 3, baseDelay: 1 } });
    const retries: unknown[] = [];
    executor.on('retry', (event) => retries.push(event));
    const calls = new Map<string, number>();
    const results = await executor.executeTasks(tasks(3), async (task) => {
      const call = (calls.get(task.id) ?? 0) + 1;
      calls.set(task.id, call);
      if (task.id === 'task-0' && call < 3) throw Object.assign(new Error('busy'), { status: 503 });
      if (task.id === 'task-1') throw Object.assign(new Error('bad'), { status: 400 });
      if (task.id === 'task-2') throw Object.assign(new Error('down'), { code: 'ECONNRESET' });
      return call;
    });
    expect([...calls.values()]).toEqual([3, 1, 3]);
    expect(results.map((r) => r.result)).toEqual([3, undefined, undefined]);
    expect(results[2]?.error).toMatchObject({ message: 'down', retryable: true });
    expect(retries).toHaveLength(4);
    expect(retries).toContainEqual({
      taskId: 'task-0',
      attempt: 1,
      delay: expect.any(Number),
      error: expect.objectContaining({ message: 'busy' }),
    });
  });

  test('count against the limits', async () => {
    const executor = free({ retries: { maxAttempts: 4, baseDelay: 1 }, rateLimit: { requestsPerMinute: 100 } });
    await executor.executeTasks(tasks(5), () => Promise.reject(Object.assign(new Error(), { status: 500 })));
    expect(executor.getRateLimiterState().currentRequests).toBe(20);
  });

  test('are off by default', async () => {
    let calls = 0;
    await free().executeTasks(tasks(1), () => {
      calls += 1;
      throw Object.assign(new Error(), { status: 500 });
    });
    expect(calls).toBe(1);
  });
});

describe('abort', () => {
  const aborted = { type: 'execution', message: 'aborted', retryable: false };

  test('before the run starts nothing', async () => {
    let calls = 0;
    const signal = AbortSignal.abort();
    const results = await free().executeTasks(tasks(5), () => (calls += 1), { signal });
    expect(results.map((r) => r.error)).toEqual(Array(5).fill(expect.objectContaining(aborted)));
    expect(calls).toBe(0);
  });

  test('while tasks run and wait: tells the running, starts nothing more, resolves at once', async () => {
    const [executor, controller] = [free(), new AbortController()];
    const signals: AbortSignal[] = [];
    const run = executor.executeTasks(
      tasks(20),
      (task, { signal }) => {
        signals.push(signal);
        return Number(task.id.slice(5)) < 2 ? task.id : never();
      },
      { signal: controller.signal },
    );
    await sleep(10);
    controller.abort(new Error('enough'));
    const results = await run;
    expect(signals).toHaveLength(6);
    expect(results.slice(0, 2).map((r) => r.result)).toEqual(['task-0', 'task-1']);
    for (const { error } of results.slice(2)) expect(error).toMatchObject(aborted);
    expect(signals.filter((signal) => signal.aborted)).toHaveLength(4);
    expect(signals[5]?.reason).toMatchObject({ message: 'enough' });
  });

  test('while the run waits for a limit', async () => {
    const [executor, controller] = [
      new ParallelExecutor({ rateLimit: { requestsPerMinute: 1 } }),
      new AbortController(),
    ];
    executor.on('throttle', () => controller.abort());
    const results = await executor.executeTasks(tasks(3), () => 1, { signal: controller.signal });
    expect(results.map((r) => r.result ?? r.error?.message)).toEqual([1, 'aborted', 'aborted']);
  });

  test('while a task backs off', async () => {
    const controller = new AbortController();
    const executor = free({ retries: { maxAttempts: 5, baseDelay: 1e6, maxDelay: 1e6 } });
    executor.on('retry', () => controller.abort());
    const fail = () => Promise.reject(Object.assign(new Error(), { status: 500 }));
    const [result] = await executor.executeTasks(tasks(1), fail, { signal: controller.signal });
    expect(result?.error).toMatchObject(aborted);
  });

  test.each(['taskStart', 'taskComplete'] as const)('in a listener of %s', async (event) => {
    const [executor, controller] = [free(), new AbortController()];
    executor.on(event, ({ taskId }: { taskId: string }) => {
      if (taskId === 'task-5') controller.abort();
    });
    const results = await executor.executeTasks(tasks(30), (task) => task.id, { signal: controller.signal });
    expect(results).toHaveLength(30);
    expect(results[29]?.error).toMatchObject(aborted);
    expect(await executor.executeTasks(tasks(3), (task) => task.id)).toHaveLength(3);
  });

  test('inside a task', async () => {
    const [executor, controller] = [free({ concurrency: 2 }), new AbortController()];
    const results = await executor.executeTasks(
      tasks(10),
      (task) => {
        if (task.id === 'task-4') controller.abort();
        return task.id;
      },
      { signal: controller.signal },
    );
    expect(results.slice(5).every((r) => r.error?.message === 'aborted')).toBe(true);
    expect(results.slice(0, 4).map((r) => r.result)).toEqual(['task-0', 'task-1', 'task-2', 'task-3']);
  });

  test('after the run changes nothing and leaves no listener', async () => {
    const controller = new AbortController();
    const results = await free().executeTasks(tasks(3), () => 1, { signal: controller.signal });
    controller.abort();
    expect(results.map((r) => r.result)).toEqual([1, 1, 1]);
  });

  test('of one run leaves another alone, and concurrency holds over what still runs', async () => {
    const [executor, controller, inFlight] = [free({ concurrency: 3 }), new AbortController(), new InFlight()];
    const work = () => inFlight.during(() => sleep(30));
    const first = executor.executeTasks(tasks(10), work, { signal: controller.signal });
    const second = executor.executeTasks(tasks(10), work);
    await sleep(10);
    controller.abort();
    expect((await first).every((r) => r.error)).toBe(true);
    expect((await second).every((r) => r.error === undefined)).toBe(true);
    expect(inFlight.most).toBe(3);
  });

  test('of tasks that never settle frees their slots after a second', async () => {
    const [executor, controller] = [free({ concurrency: 2 }), new AbortController()];
    const run = executor.executeTasks(tasks(4), never, { signal: controller.signal });
    await sleep(5);
    controller.abort();
    await run;
    expect((await executor.executeTasks(tasks(3), () => 1)).map((r) => r.result)).toEqual([1, 1, 1]);
  });
});

test('an idle executor does not keep the process alive', async () => {
  const { execFile } = await import('node:child_process');
  const code = `
    const { ParallelExecutor, ScoringWorkerPool } = require('@aah/ai-evals/orchestrator');
    const executor = new ParallelExecutor({ timeout: 1e6 });
    new ScoringWorkerPool(2);
    executor.executeTasks([{ id: 'a', testCase: {}, runnerConfig: {} }], () => 1).then((r) => console.log(r[0].result));`;
  const output = await new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', code], { timeout: 10_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
  expect(output).toBe('1\n');
});
