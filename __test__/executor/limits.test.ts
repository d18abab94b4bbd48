import { ParallelExecutor, type ThrottleEvent } from '@aah/ai-evals/orchestrator';
import { describe, expect, test, vi } from 'vitest';
import { block, sleep, tasks, worstWindow } from './tasks.js';

const usage = (total: number) => ({ metadata: { tokenUsage: { prompt: 0, completion: total, total } } });

describe('in any window', () => {
  test('no more calls start than allowed, and the limit is used to the full', async () => {
    const window = 400;
    const executor = new ParallelExecutor({ concurrency: 50, rateLimit: { requestsPerMinute: 40, window } });
    const starts: number[] = [];
    await executor.executeTasks(tasks(240), async () => {
      starts.push(performance.now());
      await sleep(Math.random() * 30);
    });
    expect(worstWindow(starts, window)).toBeLessThanOrEqual(40);
    // 240 calls are six windows' worth: five windows pass before the last of them.
    const elapsed = Math.max(...starts) - Math.min(...starts);
    expect(elapsed).toBeGreaterThanOrEqual(5 * window);
    expect(elapsed).toBeLessThan(5 * window * 1.4);
  });

  test('no more tokens are spent than allowed, with sizes known, learned or guessed', async () => {
    const window = 300;
    const size = (i: number) => 50 + ((i * 37) % 100);
    const known = tasks(60).map((task, i) => ({ ...task, runnerConfig: { modelId: 'm', maxTokens: size(i) + 20 } }));
    for (const list of [known, tasks(60)]) {
      const executor = new ParallelExecutor({
        concurrency: 8,
        rateLimit: { requestsPerMinute: Number.POSITIVE_INFINITY, tokensPerMinute: 1000, window },
      });
      const [starts, spent]: [number[], number[]] = [[], []];
      await executor.executeTasks(list, async (task) => {
        starts.push(performance.now());
        const tokens = size(Number(task.id.slice(5)));
        spent.push(tokens);
        await sleep(5);
        return usage(tokens);
      });
      expect(worstWindow(starts, window, spent)).toBeLessThanOrEqual(1000);
    }
  });

  test('a first burst of calls nobody knew the size of does not pass the token limit', async () => {
    const rateLimit = { requestsPerMinute: 1000, tokensPerMinute: 50_000, window: 2000 };
    const executor = new ParallelExecutor({ concurrency: 10, rateLimit });
    const starts: number[] = [];
    await executor.executeTasks(tasks(8), async () => {
      starts.push(performance.now());
      await sleep(20);
      return { metadata: { tokenUsage: { prompt: 0, completion: 10_000, total: 10_000 } } };
    });
    expect(worstWindow(starts, 2000)).toBeLessThanOrEqual(5);
  });

  test("a settlement of one's own decides what a call weighs; one that throws changes nothing", async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => warnings.push(warning.name);
    process.on('warning', listen);
    const rateLimit = { requestsPerMinute: 1000, tokensPerMinute: 10_000 };
    const executor = new ParallelExecutor({
      rateLimit,
      settle: ({ prompt, completion }, { id }) => {
        if (id === 'task-3') throw new Error('no tariff');
        return { input: prompt / 2, output: completion * 3 };
      },
    });
    await executor.executeTasks(tasks(4), async () => ({
      metadata: { tokenUsage: { prompt: 100, completion: 10, total: 110 } },
    }));
    expect(executor.getRateLimiterState().currentTokens).toBe(3 * 80 + 110);
    await sleep(5);
    process.off('warning', listen);
    expect(warnings).toEqual(['SettlementError']);
    expect(() => new ParallelExecutor({ settle: 1 as never })).toThrow(TypeError);
  });

  test('a wait for tokens is announced when it is known: with the wait that really happens', async () => {
    const rateLimit = { requestsPerMinute: 1000, tokensPerMinute: 1000, window: 1000 };
    const executor = new ParallelExecutor({ concurrency: 2, rateLimit });
    const starts: number[] = [];
    const waits: { at: number; waitTime: number }[] = [];
    executor.on('throttle', ({ reason, waitTime }) => {
      expect(reason).toBe('tokens');
      waits.push({ at: performance.now(), waitTime });
    });
    const reserved = tasks(15, { runnerConfig: { modelId: 'openai/gpt-4', maxTokens: 400 } });
    await executor.executeTasks(reserved, async () => {
      starts.push(performance.now());
      await sleep(30);
      return { metadata: { tokenUsage: { prompt: 0, completion: 100, total: 100 } } };
    });
    expect(waits.length).toBeGreaterThan(0);
    for (const { at, waitTime } of waits) {
      const next = Math.min(...starts.filter((start) => start > at));
      expect(Math.abs(next - at - waitTime)).toBeLessThan(100);
    }
  });

  test('an event loop blocked for 400 ms again and again changes nothing', async () => {
    const window = 1000;
    const executor = new ParallelExecutor({ concurrency: 20, rateLimit: { requestsPerMinute: 30, window } });
    const starts: number[] = [];
    const stalls = setInterval(() => block(400), 500);
    await executor.executeTasks(tasks(120), async (task) => {
      if (task.id.endsWith('7')) block(60);
      starts.push(performance.now());
      await sleep(20);
    });
    clearInterval(stalls);
    expect(worstWindow(starts, window)).toBeLessThanOrEqual(30);
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(8000);
  });

  test('limits are shared by two runs at once', async () => {
    const window = 300;
    const executor = new ParallelExecutor({ concurrency: 50, rateLimit: { requestsPerMinute: 20, window } });
    const starts: number[] = [];
    const run = () => executor.executeTasks(tasks(40), () => starts.push(performance.now()));
    await Promise.all([run(), run()]);
    expect(starts).toHaveLength(80);
    expect(worstWindow(starts, window)).toBeLessThanOrEqual(20);
  });

  test('updateConfig holds at once, for what has started too', async () => {
    const window = 400;
    const executor = new ParallelExecutor({ concurrency: 50, rateLimit: { requestsPerMinute: 30, window } });
    const starts: number[] = [];
    let changed = 0;
    await executor.executeTasks(tasks(70), () => {
      starts.push(performance.now());
      if (starts.length === 40) {
        executor.updateConfig({ rateLimit: { requestsPerMinute: 10, window } });
        changed = performance.now();
      }
    });
    expect(worstWindow(starts, window)).toBeLessThanOrEqual(30);
    expect(
      worstWindow(
        starts.filter((at) => at > changed),
        window,
      ),
    ).toBeLessThanOrEqual(10);
    expect(executor.getRateLimiterState()).toMatchObject({
      requestsPerMinute: 10,
      tokensPerMinute: Number.POSITIVE_INFINITY,
    });
  });

  test('a raised limit starts what was waiting at once', async () => {
    const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 5 } });
    const run = executor.executeTasks(tasks(20), () => 1);
    await sleep(20);
    executor.updateConfig({ rateLimit: { requestsPerMinute: 100 } });
    expect(await run).toHaveLength(20);
  });
});

describe('a minute, on a virtual clock', () => {
  test('the 61st call starts a minute after the first, and the wait is announced once', async () => {
    vi.useFakeTimers();
    try {
      const executor = new ParallelExecutor({ concurrency: 100 });
      const throttles: ThrottleEvent[] = [];
      executor.on('throttle', (event) => throttles.push(event));
      let started = 0;
      const run = executor.executeTasks(tasks(130), async () => {
        started += 1;
        await sleep(1000);
      });
      await vi.advanceTimersByTimeAsync(0);
      expect(started).toBe(60);
      await vi.advanceTimersByTimeAsync(59_990);
      expect(started).toBe(60);
      expect(throttles).toHaveLength(1);
      expect(throttles[0]).toMatchObject({ reason: 'requests', limit: 60, currentRequests: 60, currentTokens: 0 });
      expect(throttles[0]?.waitTime).toBeGreaterThanOrEqual(60_000);
      expect(throttles[0]?.waitTime).toBeLessThanOrEqual(60_050);
      await vi.advanceTimersByTimeAsync(60);
      expect(started).toBe(120);
      expect(executor.getRateLimiterState()).toMatchObject({ currentRequests: 60, requestsPerMinute: 60 });
      await vi.advanceTimersByTimeAsync(61_100);
      expect(await run).toHaveLength(130);
      expect(executor.getMetrics().throttleTime).toBeGreaterThanOrEqual(120_000);
      expect(executor.getMetrics().avgExecutionTime).toBeCloseTo(1000, 0);
    } finally {
      vi.useRealTimers();
    }
  });

  test('resetRateLimiter frees the whole limit', async () => {
    const executor = new ParallelExecutor({ concurrency: 100 });
    const before = executor.getRateLimiterState();
    expect(before).toEqual({
      requestsPerMinute: 60,
      tokensPerMinute: 150_000,
      currentRequests: 0,
      currentTokens: 0,
      lastReset: expect.any(Date),
    });
    const run = executor.executeTasks(tasks(90), async () => usage(100));
    await sleep(30);
    expect(executor.getRateLimiterState()).toMatchObject({ currentRequests: 60, currentTokens: 6000 });
    executor.resetRateLimiter();
    expect(await run).toHaveLength(90);
    const after = executor.getRateLimiterState();
    expect(after).toMatchObject({ currentRequests: 30, currentTokens: 3000 });
    expect(after.lastReset.getTime()).toBeGreaterThanOrEqual(before.lastReset.getTime());
  });

  test('missing usage counts as a request with no tokens', async () => {
    const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 1000, tokensPerMinute: 100 } });
    const odd = [
      {},
      { metadata: {} },
      { metadata: { tokenUsage: null } },
      { metadata: { tokenUsage: { total: 'x' } } },
    ];
    await executor.executeTasks(tasks(40), (task) => odd[Number(task.id.slice(5)) % 4]);
    expect(executor.getRateLimiterState()).toMatchObject({ currentRequests: 40, currentTokens: 0 });
  });

  test('an answer from a cache counts as nothing', async () => {
    const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 5 } });
    const results = await executor.executeTasks(tasks(50), (task, context) => {
      context.cached();
      return task.id;
    });
    expect(results.every((r) => r.result === r.task.id)).toBe(true);
    expect(executor.getRateLimiterState()).toMatchObject({ currentRequests: 0, currentTokens: 0 });
  });
});

describe('keys', () => {
  test('have a budget each, and one that waits holds none of the others back', async () => {
    const executor = new ParallelExecutor({
      concurrency: 4,
      rateLimit: { requestsPerMinute: 20, window: 300 },
      limits: { slow: { requestsPerMinute: 5 } },
      keyOf: (task) => task.runnerConfig.modelId,
    });
    const starts: Record<string, number[]> = { fast: [], slow: [] };
    const throttled = new Set<string | undefined>();
    executor.on('throttle', ({ key, limit }) => throttled.add(`${key} ${limit}`));
    const list = tasks(60).map((task, i) => ({ ...task, runnerConfig: { modelId: i < 20 ? 'slow' : 'fast' } }));
    await executor.executeTasks(list, (task) => starts[task.runnerConfig.modelId]?.push(performance.now()));
    expect(worstWindow(starts.slow!, 300)).toBe(5);
    expect(worstWindow(starts.fast!, 300)).toBe(20);
    expect(Math.max(...starts.fast!)).toBeLessThan(Math.max(...starts.slow!));
    expect([...throttled].sort()).toEqual(['fast 20', 'slow 5']);
  });
});

describe('what the provider says', () => {
  test('Retry-After closes the gate for everyone', async () => {
    const executor = new ParallelExecutor({ concurrency: 3, retries: { maxAttempts: 2, baseDelay: 1 } });
    const starts: number[] = [];
    const results = await executor.executeTasks(tasks(9), async () => {
      starts.push(performance.now());
      await sleep(1);
      const headers = new Headers({ 'Retry-After-Ms': '300' });
      if (starts.length === 3) throw Object.assign(new Error('slow down'), { status: 429, headers });
      return 1;
    });
    expect(results.every((r) => r.result === 1)).toBe(true);
    const gap = Math.max(...starts.slice(1).map((at, i) => at - (starts[i] as number)));
    expect(gap).toBeGreaterThanOrEqual(295);
  });

  test('headers passed on tighten the limits', async () => {
    const executor = new ParallelExecutor({ concurrency: 2, rateLimit: { requestsPerMinute: 1000, window: 500 } });
    const starts: number[] = [];
    await executor.executeTasks(tasks(12), async () => {
      starts.push(performance.now());
      await sleep(1);
    });
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(400);
    const again: number[] = [];
    await executor.executeTasks(tasks(12), async (_task, context) => {
      again.push(performance.now());
      await sleep(1);
      context.observe({
        'x-ratelimit-limit-requests': '17',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '250ms',
      });
    });
    expect(Math.max(...again) - Math.min(...again)).toBeGreaterThan(240);
  });

  test('a used-up daily quota fails the rest instead of waiting for tomorrow', async () => {
    const executor = new ParallelExecutor({ concurrency: 1, rateLimit: { requestsPerDay: 3 } });
    const results = await executor.executeTasks(tasks(5), () => 1);
    expect(results.map((r) => r.result)).toEqual([1, 1, 1, undefined, undefined]);
    expect(results[4]?.error).toMatchObject({ type: 'system', retryable: false });
    expect(results[4]?.error?.message).toMatch(/quota exhausted until \d{4}-/);
  });
});

test('a task larger than the limit runs alone, with a warning', async () => {
  const executor = new ParallelExecutor({
    concurrency: 5,
    rateLimit: { requestsPerMinute: 100, tokensPerMinute: 1000, window: 200 },
  });
  const warnings: unknown[] = [];
  executor.on('warning', (warning) => warnings.push(warning));
  const starts: number[] = [];
  const list = tasks(3).map((t, i) => ({ ...t, runnerConfig: { modelId: 'm', maxTokens: i === 1 ? 5000 : 10 } }));
  const results = await executor.executeTasks(list, (task) => {
    starts.push(performance.now());
    return usage(task.runnerConfig.maxTokens ?? 0);
  });
  expect(results.every((r) => r.result)).toBe(true);
  expect(warnings).toEqual([{ taskId: 'task-1', reason: 'tokens', message: expect.stringContaining('alone') }]);
  expect((starts[1] as number) - (starts[0] as number)).toBeGreaterThanOrEqual(200);
  expect((starts[2] as number) - (starts[1] as number)).toBeGreaterThanOrEqual(200);
});
