import { RateLimit } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { block, sleep, worstWindow } from '../executor/tasks.js';

describe('acquire', () => {
  test('lets no more through in any window than allowed, in order, and uses it to the full', async () => {
    const limit = new RateLimit({ requestsPerMinute: 30, window: 250 });
    const [starts, order]: [number[], number[]] = [[], []];
    await Promise.all(
      Array.from({ length: 150 }, async (_, i) => {
        await limit.acquire();
        starts.push(performance.now());
        order.push(i);
      }),
    );
    expect(worstWindow(starts, 250)).toBeLessThanOrEqual(30);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(4 * 250 * 1.5);
  });

  test('holds through stalls of the event loop', async () => {
    const limit = new RateLimit({ requestsPerMinute: 10, window: 500 });
    const starts: number[] = [];
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        await limit.acquire();
        if (i % 9 === 0) block(300);
        starts.push(performance.now());
      }),
    );
    expect(worstWindow(starts, 500)).toBeLessThanOrEqual(10);
  });

  test('plans several dimensions at once and takes all or nothing', async () => {
    const limit = new RateLimit({ inputTokensPerMinute: 1000, outputTokensPerMinute: 300, window: 200 });
    await limit.acquire({ inputTokens: 100, outputTokens: 200 });
    expect(limit.tryAcquire({ inputTokens: 100, outputTokens: 200 })).toBeUndefined();
    expect(limit.getState()).toMatchObject({ currentRequests: 1, currentTokens: 300 });
    expect(limit.tryAcquire({ inputTokens: 900, outputTokens: 100 })).toBeDefined();
    const start = performance.now();
    await limit.acquire({ inputTokens: 100, outputTokens: 1 });
    expect(performance.now() - start).toBeGreaterThan(150);
  });

  test('a settlement gives back what was not used, or owes it', async () => {
    const limit = new RateLimit({ tokensPerMinute: 1000 });
    const permit = await limit.acquire({ tokens: 900 });
    expect(limit.tryAcquire({ tokens: 500 })).toBeUndefined();
    permit.settle({ prompt: 100, completion: 100, total: 200 });
    permit.settle(5);
    await sleep(5);
    expect(limit.getState().currentTokens).toBe(200);
    const second = limit.tryAcquire({ tokens: 500 });
    limit.settle(second!, 5000);
    await sleep(5);
    expect(limit.getState().currentTokens).toBe(5200);
  });

  test('a permit that is released counts as nothing', async () => {
    const limit = new RateLimit({ requestsPerMinute: 1 });
    const permit = await limit.acquire();
    const second = limit.acquire();
    permit.release();
    permit.release();
    (await second).release();
    await sleep(5);
    (await limit.acquire()).settle();
    expect(limit.tryAcquire()).toBeUndefined();
  });

  test('abort leaves the line, and the others move up', async () => {
    const limit = new RateLimit({ requestsPerMinute: 1, tokensPerMinute: 100, window: 100 });
    await limit.acquire({ tokens: 10 });
    const controller = new AbortController();
    const aborted = limit.acquire({ tokens: 100 }, { signal: controller.signal });
    const next = limit.acquire({ tokens: 10 });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await next;
    await expect(limit.acquire({}, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  test('higher priority goes first', async () => {
    const limit = new RateLimit({ requestsPerMinute: 1, window: 20 });
    await limit.acquire();
    const order: number[] = [];
    await Promise.all([0, 2, 1].map((priority) => limit.acquire({}, { priority }).then(() => order.push(priority))));
    expect(order).toEqual([2, 1, 0]);
  });
});

describe('observe', () => {
  test('tightens by headers of every shape', async () => {
    for (const headers of [
      new Headers({ 'x-ratelimit-remaining-requests': '1', 'x-ratelimit-reset-requests': '60s' }),
      { 'X-RateLimit-Remaining-Requests': 1, 'x-ratelimit-reset-requests': ['60s'] },
      new Map([
        ['anthropic-ratelimit-requests-remaining', '1'],
        ['anthropic-ratelimit-requests-reset', new Date(Date.now() + 60_000).toISOString()],
      ]),
    ]) {
      const limit = new RateLimit({ requestsPerMinute: 100 });
      limit.observe(headers);
      expect(limit.tryAcquire()).toBeDefined();
      expect(limit.tryAcquire()).toBeUndefined();
    }
  });

  test('reads headers whatever carries them, in any case', async () => {
    const pairs: [string, string][] = [
      ['Retry-After-Ms', '60000'],
      ['X-Other', '1'],
    ];
    const carriers: unknown[] = [
      new Headers(pairs),
      new Map(pairs),
      pairs,
      pairs.flat(),
      Object.fromEntries(pairs),
      { 'RETRY-AFTER': ['60', '61'] },
      { get: (name: string) => (name === 'retry-after' ? '60' : undefined) },
      new Map([['RateLimit', 'limit=1, remaining=0, reset=60']]),
      { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': String(Math.ceil(Date.now() / 1000) + 60) },
      { 'x-ratelimit-remaining-requests': 0, 'x-ratelimit-reset-requests': Date.now() + 60_000 },
      { 'Retry-After': new Date(Date.now() + 60_000).toUTCString() },
    ];
    for (const headers of carriers) {
      const limit = new RateLimit({ requestsPerMinute: 100 });
      limit.observe(headers as never);
      expect(limit.tryAcquire(), JSON.stringify(headers)).toBeUndefined();
      const waiting = limit.acquire({}, { signal: AbortSignal.timeout(1) });
      // It waits: a time that is far off would be a quota.
      await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' });
    }
  });

  test('never loosens', () => {
    const limit = new RateLimit({ requestsPerMinute: 1 });
    limit.observe({ 'x-ratelimit-limit-requests': '5000', 'x-ratelimit-remaining-requests': '4999' });
    expect(limit.tryAcquire()).toBeDefined();
    expect(limit.tryAcquire()).toBeUndefined();
  });

  test('Retry-After closes the gate; hours of it are an error', async () => {
    const limit = new RateLimit({ requestsPerMinute: 100 });
    limit.observe({ 'retry-after-ms': '80' });
    const start = performance.now();
    await limit.acquire();
    expect(performance.now() - start).toBeGreaterThanOrEqual(79);
    limit.observe({ 'retry-after': '7200' });
    await expect(limit.acquire()).rejects.toMatchObject({ code: 'ERR_QUOTA_EXHAUSTED' });
  });

  test('nonsense changes nothing', () => {
    const limit = new RateLimit({ requestsPerMinute: 2 });
    for (const headers of [{}, { 'retry-after': 'soon' }, { 'x-ratelimit-remaining-requests': 'few' }, null, 5]) {
      limit.observe(headers as never);
    }
    expect(limit.tryAcquire()).toBeDefined();
  });
});

describe('limits', () => {
  test('can change while calls wait', async () => {
    const limit = new RateLimit({ requestsPerMinute: 1 });
    await limit.acquire();
    const waiting = limit.acquire();
    await sleep(5);
    limit.updateLimits({ requestsPerMinute: 2 });
    await waiting;
    await sleep(5);
    limit.reset();
    expect(limit.getState().currentRequests).toBe(0);
    expect(limit.tryAcquire()).toBeDefined();
  });

  test('are checked', async () => {
    expect(() => new RateLimit({ requestsPerMinute: 0 })).toThrow(RangeError);
    expect(() => new RateLimit({ requestsPerMinute: '5' as never })).toThrow(TypeError);
    const limit = new RateLimit();
    await expect(limit.acquire({ tokens: -1 })).rejects.toThrow(RangeError);
    await expect(limit.acquire({ requests: 0 })).rejects.toThrow(RangeError);
    await expect(limit.acquire({ tokens: 'x' as never })).rejects.toThrow(TypeError);
    expect(() => limit.settle(undefined as never)).toThrow(TypeError);
  });
});
