import { ParallelExecutor, type ThrottleEvent } from '@aah/ai-evals/orchestrator';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sleep, tasks } from './tasks.js';

/** A provider of `limit` calls in any `window` milliseconds that does not say when to come back. */
function provider(limit: number, window: number, refusal: () => unknown) {
  const starts: number[] = [];
  const counts = { answered: 0, refused: 0 };
  return {
    counts,
    async call() {
      const now = performance.now();
      while (starts.length > 0 && (starts[0] as number) <= now - window) starts.shift();
      const admitted = starts.length < limit;
      if (admitted) starts.push(now);
      await sleep(admitted ? 200 : 20);
      counts[admitted ? 'answered' : 'refused'] += 1;
      if (!admitted) throw refusal();
      return 'answer';
    },
  };
}

const UNLIMITED = { requestsPerMinute: Number.POSITIVE_INFINITY };
const tooMany = () => Object.assign(new Error('slow down'), { status: 429 });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets the run go on in virtual time; returns its outcome and the seconds it took. */
async function settle<T>(run: Promise<T>): Promise<[T, number]> {
  const begin = performance.now();
  let outcome: { value: T } | undefined;
  run.then((value) => {
    outcome = { value };
  });
  while (outcome === undefined) await vi.advanceTimersByTimeAsync(500);
  return [outcome.value, (performance.now() - begin) / 1000];
}

describe('a provider of 60 calls a minute that names no time', () => {
  test.each<[string, object, () => unknown]>([
    ['retries', { retries: {} }, tooMany],
    ['retries and texts only', { retries: {} }, () => new Error('HTTP 429')],
    ['two attempts', { retries: { maxAttempts: 2 } }, tooMany],
    ['adaptive concurrency', { adaptive: true, concurrency: 50, retries: { maxAttempts: 5 } }, tooMany],
  ])('answers all 600 of 600 with %s', { timeout: 60_000 }, async (_name, config, refusal) => {
    const server = provider(60, 60_000, refusal);
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, ...config });
    const [results, seconds] = await settle(executor.executeTasks(tasks(600), () => server.call()));
    expect(results.filter(({ error }) => error)).toEqual([]);
    expect(server.counts.answered).toBe(600);
    expect(server.counts.refused).toBeLessThan(150);
    // 540 s is the least there is; with every window used but for one call it is a window more.
    expect(seconds).toBeLessThan(605);
  });

  test('shows the task its own attempts, and tells of the wait', async () => {
    const server = provider(5, 60_000, tooMany);
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, retries: {} });
    const [throttles, attempts]: [ThrottleEvent[], Set<number>] = [[], new Set()];
    executor.on('throttle', (event) => throttles.push(event));
    const [results] = await settle(
      executor.executeTasks(tasks(12), (_task, { attempt }) => {
        attempts.add(attempt);
        return server.call();
      }),
    );
    expect(results.every(({ result }) => result === 'answer')).toBe(true);
    expect([...attempts]).toEqual([1]);
    expect(throttles.length).toBeGreaterThan(0);
    for (const event of throttles) expect(event).toMatchObject({ reason: 'requests', refused: true });
    expect(executor.getMetrics().throttleTime).toBeGreaterThan(100_000);
  });
});

describe('refusals', () => {
  test('of one key hold no other', async () => {
    const servers = { slow: provider(1, 60_000, tooMany), fast: provider(1000, 60_000, tooMany) };
    const executor = new ParallelExecutor({
      rateLimit: UNLIMITED,
      retries: {},
      keyOf: (task) => task.runnerConfig.modelId,
    });
    const list = tasks(40).map((task, i) => ({ ...task, runnerConfig: { modelId: i < 3 ? 'slow' : 'fast' } }));
    let fast = 0;
    const run = executor.executeTasks(list, async (task) => {
      await servers[task.runnerConfig.modelId as 'slow' | 'fast'].call();
      if (task.runnerConfig.modelId === 'fast') fast = performance.now();
    });
    const begin = performance.now();
    const [results, seconds] = await settle(run);
    expect(results.filter(({ error }) => error)).toEqual([]);
    expect(fast - begin).toBeLessThan(5000);
    expect(seconds).toBeGreaterThan(119);
  });

  test('end with retries.maxWait without a success, and the error says what the provider said', async () => {
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, retries: { maxWait: 30_000 } });
    const [results, seconds] = await settle(
      executor.executeTasks(tasks(20), async () => {
        await sleep(5);
        throw tooMany();
      }),
    );
    expect(seconds).toBeGreaterThanOrEqual(30);
    expect(seconds).toBeLessThan(32);
    expect(results.every(({ error }) => error?.retryable)).toBe(true);
    expect(results.at(-1)?.error?.message).toBe(
      'refused: the provider has let no call through for 30 s (retries.maxWait); it said: slow down',
    );
  });

  test('are ten minutes by default', async () => {
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, retries: {} });
    const [results, seconds] = await settle(executor.executeTasks(tasks(3), () => Promise.reject(tooMany())));
    expect(results.filter(({ error }) => error)).toHaveLength(3);
    expect(seconds).toBeGreaterThanOrEqual(600);
    expect(seconds).toBeLessThan(602);
  });

  test('are left at once when the run is aborted', async () => {
    const controller = new AbortController();
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, retries: {} });
    setTimeout(() => controller.abort(), 5000);
    const { signal } = controller;
    const [results, seconds] = await settle(
      executor.executeTasks(tasks(5), () => Promise.reject(tooMany()), { signal }),
    );
    expect(results.map(({ error }) => error?.message)).toEqual(Array(5).fill('aborted'));
    expect(seconds).toBeLessThan(6);
  });

  test('fail the task where retries are off', async () => {
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED });
    const [results] = await settle(executor.executeTasks(tasks(2), () => Promise.reject(tooMany())));
    expect(results.map(({ error }) => error?.message)).toEqual(['slow down', 'slow down']);
  });

  test('with Retry-After use up no attempts either', async () => {
    let refused = 0;
    const executor = new ParallelExecutor({ rateLimit: UNLIMITED, concurrency: 1, retries: { maxAttempts: 2 } });
    const [[result]] = await settle(
      executor.executeTasks(tasks(1), async () => {
        refused += 1;
        if (refused <= 5) throw Object.assign(tooMany(), { headers: { 'Retry-After': '2' } });
        return refused;
      }),
    );
    expect(result?.result).toBe(6);
  });
});
