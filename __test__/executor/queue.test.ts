import { spawnSync } from 'node:child_process';
import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { InFlight, sleep, tasks, UNLIMITED, worstWindow } from './tasks.js';

const free = (config = {}) => new ParallelExecutor({ concurrency: 2, rateLimit: UNLIMITED, ...config });

/** A call that ends when it is told to. */
function gate() {
  let open = (): void => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, wait: () => closed };
}

describe('add', () => {
  test('resolves to what the function returns and rejects with what it throws', async () => {
    const executor = free();
    const error = new Error('boom');
    expect(await executor.add(() => 1)).toBe(1);
    expect(await executor.add(async ({ attempt }) => `attempt ${attempt}`)).toBe('attempt 1');
    await expect(executor.add(() => Promise.reject(error))).rejects.toBe(error);
    await expect(executor.add('x' as never)).rejects.toThrow(TypeError);
    await expect(executor.add({ id: 'a' } as never)).rejects.toThrow(TypeError);
  });

  test('resolves to the result of a task', async () => {
    const executor = free({ retries: { maxAttempts: 2, baseDelay: 0 } });
    const [task] = tasks(1);
    expect(await executor.add(task!, (one) => one.testCase.input)).toMatchObject({ task, result: 'question 0' });
    const failed = await executor.add(task!, () => Promise.reject(new Error('boom')));
    expect(failed.error).toMatchObject({ message: 'boom', testCaseId: 'case-0' });
  });

  test('shares slots and limits with runs', async () => {
    const executor = new ParallelExecutor({ concurrency: 3, rateLimit: { requestsPerMinute: 20, window: 150 } });
    const [inFlight, starts] = [new InFlight(), [] as number[]];
    const work = () =>
      inFlight.during(async () => {
        starts.push(performance.now());
        await sleep(1);
      });
    await Promise.all([
      executor.executeTasks(tasks(30), work),
      ...Array.from({ length: 30 }, () => executor.add(work)),
    ]);
    expect(starts).toHaveLength(60);
    expect(inFlight.most).toBe(3);
    expect(worstWindow(starts, 150)).toBeLessThanOrEqual(20);
  });

  test('takes priority, key, timeout and signal', async () => {
    const executor = free({ concurrency: 1, limits: { own: { requestsPerMinute: 1 } } });
    const order: number[] = [];
    const hold = gate();
    const first = executor.add(hold.wait);
    const rest = [0, Number.NEGATIVE_INFINITY, 5, Number.POSITIVE_INFINITY].map((priority) =>
      executor.add(() => order.push(priority), { priority }),
    );
    hold.open();
    await Promise.all([first, ...rest]);
    expect(order).toEqual([Number.POSITIVE_INFINITY, 5, 0, Number.NEGATIVE_INFINITY]);

    await expect(executor.add(() => new Promise(() => {}), { timeout: 10 })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const reason = new Error('enough');
    await expect(executor.add(() => 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const running = executor.add(({ signal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    }), { signal: controller.signal }); // biome-ignore format: short
    const waiting = executor.add(() => 1, { signal: controller.signal });
    await sleep(5);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);

    let own = 0;
    executor.add(() => (own += 1), { key: 'own' });
    const second = executor.add(() => (own += 1), { key: 'own', signal: controller.signal });
    await expect(second).rejects.toBe(reason);
    expect(await executor.add(() => 'other key')).toBe('other key');
    expect(own).toBe(1);
  });
});

describe('pause, resume and clear', () => {
  test('start nothing more, go on, and end what waits', async () => {
    const executor = free();
    const hold = gate();
    let started = 0;
    const run = executor.executeTasks(tasks(6), async (task) => {
      started += 1;
      await hold.wait();
      return task.id;
    });
    await sleep(5);
    executor.pause();
    expect([executor.isPaused, executor.size, executor.pending]).toEqual([true, 4, 2]);
    hold.open();
    await sleep(10);
    expect([started, executor.pending]).toEqual([2, 0]);
    const added = executor.add(() => 1);
    await sleep(5);
    expect(executor.size).toBe(5);
    executor.clear();
    await expect(added).rejects.toMatchObject({ name: 'AbortError' });
    expect((await run).map(({ result, error }) => result ?? error?.message)).toEqual([
      'task-0',
      'task-1',
      'cleared',
      'cleared',
      'cleared',
      'cleared',
    ]);
    const later = executor.add(() => 2);
    executor.resume();
    expect([await later, executor.isPaused, executor.size]).toEqual([2, false, 0]);
  });

  test('clear inside a task leaves what runs', async () => {
    const executor = free({ concurrency: 1 });
    const results = await executor.executeTasks(tasks(4), (task) => {
      if (task.id === 'task-1') executor.clear();
      return task.id;
    });
    expect(results.map(({ result, error }) => result ?? error?.message)).toEqual([
      'task-0',
      'task-1',
      'cleared',
      'cleared',
    ]);
  });
});

describe('onIdle and onSizeLessThan', () => {
  test('resolve when it is so', async () => {
    const executor = free();
    await executor.onIdle();
    await executor.onSizeLessThan(1);
    const gates = Array.from({ length: 5 }, gate);
    const calls = gates.map(({ wait }) => executor.add(wait));
    await sleep(5);
    const log: string[] = [];
    executor.onIdle().then(() => log.push('idle'));
    executor.onSizeLessThan(2).then(() => log.push('less than 2'));
    expect(executor.size).toBe(3);
    gates[0]?.open();
    await calls[0];
    await sleep(5);
    expect(log).toEqual([]);
    gates[1]?.open();
    await calls[1];
    await sleep(5);
    expect(log).toEqual(['less than 2']);
    for (const { open } of gates) open();
    await Promise.all(calls);
    await sleep(5);
    expect(log).toEqual(['less than 2', 'idle']);
    expect(() => executor.onSizeLessThan(0)).toThrow(RangeError);
  });
});

describe('setPriority', () => {
  test('moves a call that waits', async () => {
    const executor = free({ concurrency: 1 });
    const hold = gate();
    const order: string[] = [];
    const first = executor.add(hold.wait);
    const rest = ['a', 'b', 'c'].map((id) => executor.add(() => order.push(id), { id }));
    await sleep(5);
    expect(executor.setPriority('c', 10)).toBe(1);
    expect(executor.setPriority('none', 10)).toBe(0);
    expect(() => executor.setPriority('a', Number.NaN)).toThrow(RangeError);
    hold.open();
    await Promise.all([first, ...rest]);
    expect(order).toEqual(['c', 'a', 'b']);
  });
});

describe('priority', () => {
  test('orders over the whole range of numbers', async () => {
    const priorities = [
      1e9, 1e9 + 1, -1e9, 2 ** 53, 2 ** 53 - 1, 0.1, 0.2, Number.MAX_VALUE, -Number.MAX_VALUE, 1e300, 0,
      Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, -0.5, 9e15, 9e15 + 1, 9e15 - 1,
    ]; // biome-ignore format: a list
    const list = tasks(priorities.length).map((task, i) => ({ ...task, priority: priorities[i]! }));
    const order: number[] = [];
    await free({ concurrency: 1 }).executeTasks(list, (task) => order.push(task.priority));
    expect(order).toEqual([...priorities].sort((a, b) => (a === b ? 0 : b - a)));
  });
});

describe('concurrency', () => {
  test('can be infinite', async () => {
    const inFlight = new InFlight();
    const executor = free({ concurrency: Number.POSITIVE_INFINITY });
    const results = await executor.executeTasks(tasks(1000), () => inFlight.during(() => sleep(20)));
    expect([results.length, inFlight.most]).toEqual([1000, 1000]);
    const streamed = await executor.executeTasksStreaming(tasks(300), (task) => task.id, {
      bufferSize: Number.POSITIVE_INFINITY,
    });
    expect(streamed).toHaveLength(300);
  });

  test('is not exceeded after timeouts: a slot is free when its function has settled', async () => {
    const inFlight = new InFlight();
    const executor = free({ concurrency: 3, timeout: 10, retries: { maxAttempts: 2, baseDelay: 0 } });
    const results = await executor.executeTasks(tasks(9), () => inFlight.during(() => sleep(40)));
    expect(results.every(({ error }) => error?.message.startsWith('timed out'))).toBe(true);
    expect(inFlight.most).toBe(3);
  });

  test('is given back after the grace time where a function never settles', async () => {
    for (const grace of [0, 20]) {
      const executor = free({ concurrency: 1, timeout: 5, grace });
      const results = await executor.executeTasks(tasks(4), () => new Promise(() => {}));
      expect(results.every(({ error }) => error?.message.startsWith('timed out'))).toBe(true);
      expect(await executor.add(() => 'free')).toBe('free');
    }
    expect(() => free({ grace: -1 })).toThrow(RangeError);
  });
});

describe('keys', () => {
  test('that are idle are forgotten', async () => {
    const executor = free({ concurrency: 4, keyOf: (task: { id: string }) => task.id, rateLimit: { window: 1 } });
    for (let round = 0; round < 30; round += 1) {
      const list = tasks(100).map((task) => ({ ...task, id: `${round}-${task.id}` }));
      await executor.executeTasks(list, () => 1);
      await sleep(3);
    }
    const before = process.memoryUsage().heapUsed;
    expect(before).toBeGreaterThan(0);
    expect(executor.getRateLimiterState().currentRequests).toBeLessThan(300);
  });
});

describe('a run inside a task of a full executor', () => {
  const program = (outer: number) => `
    const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
    const executor = new ParallelExecutor({ concurrency: 2, rateLimit: {} });
    const task = (id) => ({ id, testCase: { id, input: 1, expected: 1 }, runnerConfig: { modelId: 'm' } });
    const inner = () => executor.executeTasks([task('x')], () => 1).then(([{ result }]) => result);
    executor.executeTasks(Array.from({ length: ${outer} }, (_, i) => task('t' + i)), inner).then((results) => {
      for (const { result, error } of results) console.log(result ?? error.message);
    });`;
  const run = (outer: number) =>
    spawnSync(process.execPath, ['-e', program(outer)], { timeout: 20_000, encoding: 'utf8' });

  test('is reported instead of a silent exit', () => {
    const { status, stdout } = run(2);
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => line.includes('All 2 slots of this executor'))).toHaveLength(2);
  });

  test('runs where a slot is left', () => {
    const { status, stdout } = run(1);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '1\n' });
  });
});
