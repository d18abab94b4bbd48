import { type ExecutionProgress, ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sleep, tasks, UNLIMITED } from './tasks.js';

type Log = { at: number; event: string; payload: Record<string, unknown> }[];

function logged(executor: ParallelExecutor): Log {
  const log: Log = [];
  for (const event of ['start', 'taskStart', 'taskComplete', 'taskError', 'throttle', 'complete'] as const) {
    executor.on(event, (payload: object) => {
      log.push({ at: performance.now(), event, payload: payload as Record<string, unknown> });
    });
  }
  return log;
}

afterEach(() => {
  vi.useRealTimers();
});

const of = (log: Log, event: string) => log.filter((entry) => entry.event === event);

describe('events', () => {
  test('have exactly these payloads, in this order', async () => {
    const executor = new ParallelExecutor({ concurrency: 1, rateLimit: UNLIMITED });
    const log = logged(executor);
    await executor.executeTasks(tasks(2), (task) => {
      if (task.id === 'task-1') throw new Error('boom');
      return 1;
    });
    expect(log.map(({ event, payload }) => [event, payload])).toEqual([
      ['start', { totalTasks: 2 }],
      ['taskStart', { taskId: 'task-0' }],
      ['taskComplete', { taskId: 'task-0', executionTime: expect.any(Number), progress: 50 }],
      ['taskStart', { taskId: 'task-1' }],
      [
        'taskError',
        { taskId: 'task-1', error: expect.objectContaining({ message: 'boom' }), executionTime: expect.any(Number) },
      ],
      ['complete', { totalTasks: 2, completed: 1, failed: 1, duration: expect.any(Number) }],
    ]);
  });

  test('progress counts what is done or failed and ends at 100', async () => {
    const executor = new ParallelExecutor({ concurrency: 3, rateLimit: UNLIMITED });
    const log = logged(executor);
    await executor.executeTasks(tasks(9), (task) => (task.id === 'task-2' ? Promise.reject(1) : sleep(1)));
    const progress = of(log, 'taskComplete').map(({ payload }) => payload.progress as number);
    expect(progress).toHaveLength(8);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(100);
  });

  test('throttle announces each wait once, with the wait that then happens, and only while a slot is free', async () => {
    vi.useFakeTimers();
    const executor = new ParallelExecutor({ concurrency: 20, rateLimit: { requestsPerMinute: 10, window: 300 } });
    const log = logged(executor);
    const run = executor.executeTasks(tasks(40), () => sleep(1));
    await vi.advanceTimersByTimeAsync(2000);
    await run;
    vi.useRealTimers();
    const waits = of(log, 'throttle').filter(({ payload }) => (payload.waitTime as number) > 50);
    expect(waits).toHaveLength(3);
    for (const { at, payload } of waits) {
      const next = of(log, 'taskStart').find((start) => start.at > at);
      const late = (next?.at as number) - at - (payload.waitTime as number);
      // Timers count whole milliseconds.
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThanOrEqual(1);
    }
    const busy = new ParallelExecutor({ concurrency: 2, rateLimit: { requestsPerMinute: 2, window: 50 } });
    const silent = logged(busy);
    await busy.executeTasks(tasks(4), () => sleep(120));
    expect(of(silent, 'throttle')).toEqual([]);
    expect(busy.getMetrics().throttleTime).toBe(0);
  });
});

describe('metrics', () => {
  test('are what the event log says', async () => {
    const executor = new ParallelExecutor({ concurrency: 5, rateLimit: { requestsPerMinute: 15, window: 300 } });
    const log = logged(executor);
    const results = await executor.executeTasks(tasks(45), async (task) => {
      await sleep(10 + (Number(task.id.slice(5)) % 4) * 10);
      if (task.id === 'task-7') throw new Error('boom');
    });
    const metrics = executor.getMetrics();
    const duration = of(log, 'complete')[0]?.payload.duration as number;
    const times = [...of(log, 'taskComplete'), ...of(log, 'taskError')].map((e) => e.payload.executionTime as number);
    const busy = times.reduce((sum, time) => sum + time, 0);
    expect(times).toHaveLength(45);
    expect(busy).toBeCloseTo(
      results.reduce((sum, r) => sum + r.executionTime, 0),
      6,
    );
    expect(metrics.totalExecutionTime).toBeGreaterThan(duration * 0.99 - 2);
    expect(metrics.totalExecutionTime).toBeLessThan(duration * 1.01 + 2);
    expect(metrics.avgExecutionTime).toBeCloseTo(busy / 45, 6);
    expect(metrics.parallelEfficiency).toBeCloseTo(busy / (5 * duration), 1);
    expect(metrics.workerUtilization).toBeCloseTo(busy / (5 * duration), 1);
    const announced = of(log, 'throttle').reduce((sum, e) => sum + (e.payload.waitTime as number), 0);
    expect(metrics.throttleTime).toBeGreaterThan(announced * 0.9);
    expect(metrics.throttleTime).toBeLessThan(announced * 1.1 + 20);
    expect(metrics.throttleTime).toBeLessThan(duration);
  });

  test('latency excludes the time in the queue and at the limit', async () => {
    const executor = new ParallelExecutor({ concurrency: 3, rateLimit: { requestsPerMinute: 5, window: 200 } });
    const results = await executor.executeTasks(tasks(15), () => sleep(5));
    for (const { executionTime } of results) expect(executionTime).toBeLessThan(100);
    expect(executor.getMetrics().avgExecutionTime).toBeLessThan(50);
  });

  test('efficiency counts the slots that the tasks could use, utilisation all of them', async () => {
    const executor = new ParallelExecutor({ concurrency: 10, rateLimit: UNLIMITED });
    await executor.executeTasks(tasks(2), () => sleep(100));
    expect(executor.getMetrics().parallelEfficiency).toBeGreaterThan(0.8);
    expect(executor.getMetrics().workerUtilization).toBeLessThan(0.25);
  });

  test('are zero before any run and for an empty one', async () => {
    const executor = new ParallelExecutor();
    const zero = {
      totalExecutionTime: 0,
      avgExecutionTime: 0,
      parallelEfficiency: 0,
      throttleTime: 0,
      workerUtilization: 0,
    };
    expect(executor.getMetrics()).toEqual(zero);
    await executor.executeTasks([], () => 1);
    expect(executor.getMetrics()).toMatchObject({ avgExecutionTime: 0, parallelEfficiency: 0, throttleTime: 0 });
  });

  test('move on during a run', async () => {
    const executor = new ParallelExecutor({ concurrency: 1, rateLimit: UNLIMITED });
    const run = executor.executeTasks(tasks(2), () => sleep(60));
    await sleep(90);
    const during = executor.getMetrics();
    expect(during.totalExecutionTime).toBeGreaterThan(60);
    expect(during.workerUtilization).toBeGreaterThan(0.4);
    await run;
    expect(executor.getMetrics().totalExecutionTime).toBeGreaterThan(during.totalExecutionTime);
  });
});

test('onProgress tells the time left, limits included', async () => {
  const executor = new ParallelExecutor({ concurrency: 10, rateLimit: { requestsPerMinute: 20, window: 400 } });
  const reports: ExecutionProgress[] = [];
  const start = performance.now();
  await executor.executeTasks(tasks(60), () => sleep(5), { onProgress: (progress) => reports.push(progress) });
  const total = performance.now() - start;
  expect(reports).toHaveLength(60);
  expect(reports.at(-1)).toMatchObject({ completed: 60, failed: 0, total: 60, progress: 100, eta: 0 });
  const early = reports[10] as ExecutionProgress;
  // Two windows are ahead, though by their latency the remaining calls would take 30 ms.
  expect(early.elapsed + (early.eta as number)).toBeGreaterThan(total * 0.75);
  expect(early.elapsed + (early.eta as number)).toBeLessThan(total * 1.25);
});
